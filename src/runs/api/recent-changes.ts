/**
 * The coordinators of changes that went through this isolate in the last seconds. A list without a bookmark asks them, so a
 * caller who changes and lists through one isolate sees its change. Plain data, because a promise or a stub of one request
 * must not be used by another.
 */

import { BoundedMap } from "../../bounded-map.ts";
import { msSince } from "../../elapsed.ts";
import { readRunId } from "../run-id.ts";

const MAX_SCOPES = 1000;
const MAX_AGE_MS = 5000;

/** A change, told apart from any other of its coordinator by its identity. `earlier`: the one whose place it took. */
export interface RecentChange {
  readonly id: string;
  readonly at: number;
  readonly earlier: RecentChange | null;
}

/** By scope, and by the coordinator's number. */
const scopes = new BoundedMap<Map<number, RecentChange>>(MAX_SCOPES);

/** Notes a change of the run `id` before the coordinator is called, because a call that failed may have run. */
export function noteChange(scope: string, id: string, now: number): RecentChange {
  const changes = scopes.get(scope) ?? new Map<number, RecentChange>();
  const { coordinator } = readRunId(id);
  const earlier = changes.get(coordinator);
  const change = { id, at: now, earlier: earlier === undefined ? null : { ...earlier, earlier: null } };
  changes.set(coordinator, change);
  scopes.set(scope, changes);
  return change;
}

/** Takes a note back because nothing was changed, or D1 has it. D1 may still lack the change that was noted earlier. */
export function takeBack(scope: string, change: RecentChange): void {
  const changes = scopes.get(scope);
  const { coordinator } = readRunId(change.id);
  if (change.earlier === null) forgetChange(scope, change);
  else if (changes?.get(coordinator) === change) changes.set(coordinator, change.earlier);
}

/** Forgets a change that a list has shown, unless a later one was noted. */
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
