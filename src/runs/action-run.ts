/**
 * The JSON of a run in a response: the contract's ActionRun. Prints a run, adds the callback of a create, and reads the
 * id of a printed run.
 */

import { rfc3339 } from "../base/time.ts";
import type { Run } from "./run.ts";

/** What only the answer to a create shows. */
export interface Callback {
  readonly url: string;
  readonly token: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/**
 * The text of each version that is still in memory. Both the caller and D1 need it, and printing up to 640 KB twice is
 * slow. A change makes a new object of the run, so an entry can't be stale.
 */
const printed = new WeakMap<Run, string>();

/** The twelve fields in the contract's order, as JSON text. */
export function toActionRun(run: Run): string {
  const text = printed.get(run) ?? print(run);
  printed.set(run, text);
  return text;
}

function print(run: Run): string {
  return (
    `{"id":"${run.id}"` +
    `,"actionName":${JSON.stringify(run.actionName)}` +
    `,"entityId":${JSON.stringify(run.entityId)}` +
    `,"status":"${run.status}"` +
    `,"parameters":${run.parameters}` +
    `,"recommendations":${run.recommendations}` +
    `,"triggeredBy":${JSON.stringify(run.triggeredBy)}` +
    `,"createdAt":${JSON.stringify(rfc3339(run.createdAt))}` +
    `,"startedAt":${JSON.stringify(rfc3339(run.startedAt))}` +
    `,"completedAt":${JSON.stringify(rfc3339(run.completedAt))}` +
    `,"error":${JSON.stringify(run.error)}` +
    `,"output":${run.output ?? "null"}}`
  );
}

/** Adds `callback` to a printed run. */
export function withCallback(actionRun: string, callback: Callback): string {
  return `${actionRun.slice(0, -1)},"callback":${JSON.stringify(callback)}}`;
}

/** Adds JSON pointers to what a report was too long for. Only the answer to that report shows them. */
export function withTruncated(actionRun: string, truncated: readonly string[]): string {
  return `${actionRun.slice(0, -1)},"truncated":${JSON.stringify(truncated)}}`;
}

const ID_AT = '{"id":"'.length;
const ID_LENGTH = 36;

/** The id of a printed run. */
export function idOf(actionRun: string): string {
  return actionRun.slice(ID_AT, ID_AT + ID_LENGTH);
}
