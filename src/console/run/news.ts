/** What the job said last. PURE. */

import type { ActionRunDetails, TimelineEvent } from "../../client/index.ts";

export interface News {
  /** When the last heartbeat with news came. */
  readonly at: string;
  readonly message: string | null;
  /** 0 to 1; null if the job never said. */
  readonly progress: number | null;
}

/** Takes the run as it was read, and the events since. Null: the job has said nothing yet. */
export function newsOf(read: ActionRunDetails["heartbeat"], events: readonly TimelineEvent[]): News | null {
  const beats = events.filter((event) => event.type === "heartbeat");
  const last = beats.at(-1);
  // A heartbeat that only says what it does leaves the progress as it was.
  const progress = beats.findLast((beat) => beat.progress !== undefined)?.progress ?? null;
  const message = beats.findLast((beat) => beat.message !== undefined)?.message ?? null;
  if (last === undefined) return read;
  if (read !== null && Date.parse(read.at) > Date.parse(last.at)) {
    return { at: read.at, message: read.message ?? message, progress: read.progress ?? progress };
  }
  return { at: last.at, message, progress };
}
