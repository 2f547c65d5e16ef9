/**
 * The member `details` of a run, which only `?include=details` shows. It is not part of the contract's ActionRun. PURE.
 * D1 keeps this text beside the ActionRun, but without the heartbeat, because most heartbeats make no new version.
 */

import { rfc3339 } from "../base/time.ts";
import type { Run } from "./run.ts";
import type { StoredEvent } from "./timeline.ts";

/** A heartbeat as `details` shows it. `at` in ms. */
export interface ShownHeartbeat {
  readonly at: number;
  readonly message: string | null;
  readonly progress: number | null;
}

/** JSON text. `heartbeat`: the run's last one with news; null if the caller does not know it, as D1 does not. */
export function detailsOf(run: Run, heartbeat: ShownHeartbeat | null = null): string {
  const { source, actionName, actionVersion, retryOf, labels, traceparent, externalUrl } = run;
  const { cancelBy, cancelReason, cancelRequestedAt, cancelUntil } = run;
  const action = source === "action" ? { name: actionName, version: actionVersion } : null;
  const cancel =
    cancelRequestedAt === null
      ? null
      : {
          by: cancelBy,
          reason: cancelReason,
          requestedAt: rfc3339(cancelRequestedAt),
          until: rfc3339(cancelUntil),
        };
  return (
    `{"source":"${source}","action":${JSON.stringify(action)},"retryOf":${JSON.stringify(retryOf)},"labels":${labels}` +
    `,"traceparent":${JSON.stringify(traceparent)},"externalUrl":${JSON.stringify(externalUrl)}` +
    `,"heartbeat":${JSON.stringify(heartbeat && { ...heartbeat, at: rfc3339(heartbeat.at) })}` +
    `,"cancel":${JSON.stringify(cancel)}}`
  );
}

/** The last heartbeat of a run's timeline, as `details` shows it. */
export function shownHeartbeat(event: StoredEvent | null): ShownHeartbeat | null {
  if (event === null) return null;
  const { message = null, progress = null } = JSON.parse(event.data) as Partial<ShownHeartbeat>;
  return { at: event.at, message, progress };
}

/** Adds `details` to a printed run. */
export function withDetails(actionRun: string, details: string): string {
  return `${actionRun.slice(0, -1)},"details":${details}}`;
}

/** The details of a run that was simply created. D1 keeps null instead of them. */
export const NO_DETAILS =
  '{"source":"none","action":null,"retryOf":null,"labels":[],"traceparent":null,"externalUrl":null,"heartbeat":null,"cancel":null}';
