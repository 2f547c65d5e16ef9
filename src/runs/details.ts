/**
 * The member `details` of a run, which only `?include=details` shows. It is not part of the contract's ActionRun. PURE.
 * D1 keeps this text beside the ActionRun, so it has no heartbeat: a heartbeat makes no version.
 */

import type { Run } from "./run.ts";
import type { StoredEvent } from "./timeline.ts";

/** A heartbeat as it is shown. `at` in ms. */
export interface ShownHeartbeat {
  readonly at: number;
  readonly message: string | null;
  readonly progress: number | null;
}

/** JSON text. `heartbeat`: the last one that said something; null if it is unknown here, as in lists. */
export function detailsOf(run: Run, heartbeat: ShownHeartbeat | null = null): string {
  const { source, actionName, actionVersion, retryOf, labels, externalUrl } = run;
  const { cancelBy, cancelReason, cancelRequestedAt, cancelUntil } = run;
  const action = source === "action" ? { name: actionName, version: actionVersion } : null;
  const cancel =
    cancelRequestedAt === null
      ? null
      : {
          by: cancelBy,
          reason: cancelReason,
          requestedAt: instant(cancelRequestedAt),
          until: instant(cancelUntil),
        };
  return (
    `{"source":"${source}","action":${JSON.stringify(action)},"retryOf":${JSON.stringify(retryOf)},"labels":${labels}` +
    `,"externalUrl":${JSON.stringify(externalUrl)}` +
    `,"heartbeat":${JSON.stringify(heartbeat && { ...heartbeat, at: instant(heartbeat.at) })}` +
    `,"cancel":${JSON.stringify(cancel)}}`
  );
}

/** The last heartbeat in a run's timeline, as it is shown. */
export function shownHeartbeat(event: StoredEvent | null): ShownHeartbeat | null {
  if (event === null) return null;
  const { message = null, progress = null } = JSON.parse(event.data) as Partial<ShownHeartbeat>;
  return { at: event.at, message, progress };
}

/** Adds `details` to a printed run. */
export function withDetails(actionRun: string, details: string): string {
  return `${actionRun.slice(0, -1)},"details":${details}}`;
}

function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** The details of a run that was simply created. D1 keeps null in their place, as it has for the runs of older code. */
export const NO_DETAILS =
  '{"source":"none","action":null,"retryOf":null,"labels":[],"externalUrl":null,"heartbeat":null,"cancel":null}';
