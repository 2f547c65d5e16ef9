/**
 * Reminders: the next list of this isolate must ask the coordinator, because a change went through the isolate in the
 * last seconds. So a caller who changes and lists through one isolate sees its change without a bookmark. Plain data,
 * because a promise or a stub of one request must not be used by another.
 */

import { BoundedMap } from "../../base/bounded-map.ts";
import { msSinceOrJustNow } from "../../base/time.ts";

const MAX_SCOPES = 1000;
const MAX_AGE_MS = 5000;

/** Names a run that was changed. Compared by identity, because two reminders can be equal. */
export interface Reminder {
  readonly id: string;
  readonly at: number;
}

/** By scope. */
const reminders = new BoundedMap<Reminder>(MAX_SCOPES);

/**
 * Call this before the coordinator is asked to change the run `id`, because a call that failed may have run. Returns a
 * function that takes back this reminder and no earlier one: D1 may lack an earlier change of another run.
 */
export function remind(scope: string, id: string, now: number): () => void {
  const reminder = { id, at: now };
  const earlier = reminders.get(scope);
  reminders.set(scope, reminder);
  return () => {
    if (earlier === undefined) dropReminder(scope, reminder);
    else if (reminders.get(scope) === reminder) reminders.set(scope, earlier);
  };
}

/** Call this when D1 has what the reminder is about. A later reminder stays. */
export function dropReminder(scope: string, reminder: Reminder): void {
  if (reminders.get(scope) === reminder) reminders.delete(scope);
}

/** The last reminder of the scope; null if there is none. */
export function reminderOf(scope: string, now: number): Reminder | null {
  const reminder = reminders.get(scope);
  return reminder !== undefined && msSinceOrJustNow(reminder.at, now) < MAX_AGE_MS ? reminder : null;
}
