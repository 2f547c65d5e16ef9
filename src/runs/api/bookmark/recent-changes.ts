/**
 * The coordinators of changes that went through this isolate in the last seconds. A list without a bookmark asks them, so a
 * caller who changes and lists through one isolate sees its change. Plain data, because a promise or a stub of one request
 * must not be used by another.
 */

import { BoundedMap } from "../../../base/bounded-map.ts";
import { msSince } from "../../../base/time.ts";
import { readRunId } from "../../run-id.ts";

const MAX_SCOPES = 1000;
const MAX_AGE_MS = 5000;

/** A change, told apart from any other of its coordinator by its identity. */
export interface RecentChange {
  readonly id: string;
  readonly at: number;
}

/** By scope, and by the coordinator's number. */
const scopes = new BoundedMap<Map<number, RecentChange>>(MAX_SCOPES);

/**
 * Notes a change of the run `id` before the coordinator is called, because a call that failed may have run. Returns a function
 * that takes the note back, and with it nothing that was noted before: D1 may lack an earlier change of another run.
 */
export function noteChange(scope: string, id: string, now: number): () => void {
  const change = { id, at: now };
  const { coordinator } = readRunId(id);
  const changes = scopes.get(scope) ?? new Map<number, RecentChange>();
  const earlier = changes.get(coordinator);
  changes.set(coordinator, change);
  scopes.set(scope, changes);
  return () => {
    if (earlier === undefined) forgetChange(scope, change);
    else if (scopes.get(scope)?.get(coordinator) === change) changes.set(coordinator, earlier);
  };
}

/** Forgets a change that D1 has, unless a later one was noted. */
export function forgetChange(scope: string, change: RecentChange): void {
  const changes = scopes.get(scope);
  const { coordinator } = readRunId(change.id);
  if (changes?.get(coordinator) !== change) return;
  changes.delete(coordinator);
  if (changes.size === 0) scopes.delete(scope);
}

/** The last change of each coordinator of the scope. */
export function recentChanges(scope: string, now: number): RecentChange[] {
  const changes = scopes.get(scope)?.values() ?? [];
  return [...changes].filter(({ at }) => msSince(at, now) < MAX_AGE_MS);
}
