/**
 * The wire's JSON of a run, the reference's ActionRun. The only file that knows the format: printing it, adding the
 * callback of a create, and reading back what a list or an older object left in it. PURE.
 */

import type { Run, Status } from "./run.ts";

/** What a create shows beside the run, once. */
export interface Callback {
  readonly url: string;
  readonly token: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/** The twelve fields in the reference's order, as the JSON text that goes on the wire. */
export function toActionRun(run: Run): string {
  return (
    `{"id":"${run.id}"` +
    `,"actionName":${JSON.stringify(run.actionName)}` +
    `,"entityId":${JSON.stringify(run.entityId)}` +
    `,"status":"${run.status}"` +
    `,"parameters":${run.parameters}` +
    `,"recommendations":${run.recommendations}` +
    `,"triggeredBy":${JSON.stringify(run.triggeredBy)}` +
    `,"createdAt":${instant(run.createdAt)}` +
    `,"startedAt":${instant(run.startedAt)}` +
    `,"completedAt":${instant(run.completedAt)}` +
    `,"error":${JSON.stringify(run.error)}` +
    `,"output":${run.output ?? "null"}}`
  );
}

function instant(ms: number | null): string {
  return ms === null ? "null" : `"${new Date(ms).toISOString()}"`;
}

/** A printed run with its `callback` as one more member. */
export function withCallback(actionRun: string, callback: Callback): string {
  return `${actionRun.slice(0, -1)},"callback":${JSON.stringify(callback)}}`;
}

const ID = /^\{"id":"([0-9a-f-]{36})"/;

/** The id of a printed run, which comes first in its text; null where there is none. */
export function idOf(actionRun: string): string | null {
  return ID.exec(actionRun)?.[1] ?? null;
}

/** The status of a printed run. */
export function statusOf(actionRun: string): Status {
  return (JSON.parse(actionRun) as { readonly status: Status }).status;
}
