/**
 * Reminders: which coordinators the next list of this isolate must ask, because a change went through the isolate in
 * the last seconds. So a caller who changes and lists through one isolate sees its change without a bookmark. Plain
 * data, because a promise or a stub of one request must not be used by another.
 */

import { BoundedMap } from "../../base/bounded-map.ts";
import { msSinceOrJustNow } from "../../base/time.ts";
import { readRunId } from "../run-id.ts";

const MAX_SCOPES = 1000;
const MAX_AGE_MS = 5000;

/** Names a coordinator by one of its runs. Compared by identity, because two reminders can be equal. */
export interface Reminder {
  readonly id: string;
  readonly at: number;
}

/** By scope, and by the coordinator's number. */
const scopes = new BoundedMap<Map<number, Reminder>>(MAX_SCOPES);

/**
 * Call this before the coordinator is asked to change the run `id`, because a call that failed may have run. Returns a
 * function that takes back this reminder and no earlier one: D1 may lack an earlier change of another run.
 */
export function remind(scope: string, id: string, now: number): () => void {
  const reminder = { id, at: now };
  const { coordinator } = readRunId(id);
  const reminders = scopes.get(scope) ?? new Map<number, Reminder>();
  const earlier = reminders.get(coordinator);
  reminders.set(coordinator, reminder);
  scopes.set(scope, reminders);
  return () => {
    if (earlier === undefined) dropReminder(scope, reminder);
    else if (scopes.get(scope)?.get(coordinator) === reminder) reminders.set(coordinator, earlier);
  };
}

/** Call this when D1 has what the reminder is about. A later reminder stays. */
export function dropReminder(scope: string, reminder: Reminder): void {
  const reminders = scopes.get(scope);
  const { coordinator } = readRunId(reminder.id);
  if (reminders?.get(coordinator) !== reminder) return;
  reminders.delete(coordinator);
  if (reminders.size === 0) scopes.delete(scope);
}

/** The last reminder of each coordinator of the scope. */
export function remindersOf(scope: string, now: number): Reminder[] {
  const reminders = scopes.get(scope)?.values() ?? [];
  return [...reminders].filter(({ at }) => msSinceOrJustNow(at, now) < MAX_AGE_MS);
}
