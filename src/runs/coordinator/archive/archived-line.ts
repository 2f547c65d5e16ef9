/**
 * A run as the archive has it: what a token with `data:read` sees of the run, on one line. The line has the ActionRun,
 * `details` and the timeline. It has nothing that only other permissions open, such as excerpts of receivers'
 * responses.
 */

import { toActionRun } from "../../action-run.ts";
import { detailsOf, shownHeartbeat, withDetails } from "../../details.ts";
import type { Journal } from "../../journal/journal.ts";
import { toWireEvent } from "../../timeline.ts";

/** JSON without a line break; null if the journal no longer keeps the run. Throws if the run can't be printed. */
export function archivedLine({ runs, timeline }: Journal, id: string): string | null {
  const run = runs.byId(id);
  if (run === null) return null;
  const events = timeline.after(run, 0, Number.MAX_SAFE_INTEGER);
  const heartbeat = shownHeartbeat(events.findLast(({ type }) => type === "heartbeat") ?? null);
  // An ended run waits in no queue, so it has no position.
  const shown = withDetails(toActionRun(run), detailsOf(run, { heartbeat, place: null }));
  return `${shown.slice(0, -1)},"timeline":[${events.map((event) => toWireEvent(event)).join(",")}]}`;
}
