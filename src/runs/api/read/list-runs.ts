/**
 * Lists and counts runs from D1. D1 follows the coordinator a moment later. So a list, and a summary as well, first
 * asks the coordinator to settle if it must show its changes. If it does not settle in time, the list answers all the
 * same, and its bookmark still says so.
 */

import { readD1, sessionFor } from "../../../database/read-d1.ts";
import { type FacetQuery, type Facets, findFacets } from "../../d1/facets.ts";
import { listRuns, type RunPage } from "../../d1/list.ts";
import { type RunSummary, summarizeRuns } from "../../d1/summary.ts";
import { parseNumberedBookmark } from "../../home.ts";
import { databaseOf, isBehindIn } from "../../placement/database-of.ts";
import type { RunFilters, RunPageQuery } from "../../run-filters.ts";
import type { Bookmark, SentBookmark } from "../bookmark/bookmark.ts";
import { settle } from "../bookmark/settle.ts";
import { dropReminder, reminderOf } from "../reminders.ts";
import type { RunEnvironment } from "../run-environment.ts";

/** `bookmark`: what D1 shows, and whether it may be behind the coordinator. */
interface WithBookmark {
  readonly bookmark: Bookmark;
}

export type ListedRuns = RunPage & WithBookmark;

/** Without a bookmark, the list shows what went through this isolate a moment ago. Throws `database_unavailable`. */
export async function listRunsAfter(
  environment: RunEnvironment,
  query: RunPageQuery,
  sent: SentBookmark,
): Promise<ListedRuns> {
  const list = (session: D1DatabaseSession) => listRuns(session, environment.scope, query);
  const { read, bookmark } = await readAfter(environment, sent, list);
  return { ...read, bookmark };
}

/** Counts what a list would show at the same moment. Throws `database_unavailable`. */
export async function summarizeRunsAfter(
  environment: RunEnvironment,
  filters: RunFilters,
  sent: SentBookmark,
): Promise<{ readonly summary: RunSummary } & WithBookmark> {
  const summarize = (session: D1DatabaseSession) => summarizeRuns(session, environment.scope, filters);
  const { read, bookmark } = await readAfter(environment, sent, summarize);
  return { summary: read, bookmark };
}

/** Finds values that a list at the same moment can filter by. Throws `database_unavailable`. */
export async function findFacetsAfter(
  environment: RunEnvironment,
  query: FacetQuery,
  sent: SentBookmark,
): Promise<{ readonly facets: Facets } & WithBookmark> {
  const find = (session: D1DatabaseSession) => findFacets(session, environment.scope, query);
  const { read, bookmark } = await readAfter(environment, sent, find);
  return { facets: read, bookmark };
}

/**
 * Asks the coordinator to settle if the bookmark says that D1 may be behind it, which takes 2 s at most. Without a
 * bookmark, if this isolate has a reminder: a run was changed through it in the last 5 s. Then reads the environment's
 * database at the greatest bookmark that is known, or at the primary. Bookmarks of other databases can't be compared:
 * after a move, the primary of the new database shows all that they name.
 */
async function readAfter<T>(
  environment: RunEnvironment,
  sent: SentBookmark,
  readFrom: (session: D1DatabaseSession) => Promise<T>,
): Promise<{ readonly read: T } & WithBookmark> {
  const { hops, scope } = environment;
  const reminder = sent.isSent ? null : reminderOf(scope, Date.now());
  const id = sent.isSent ? sent.id : (reminder?.id ?? null);
  const settled = id === null ? null : await settle(environment);
  const { number, db } = await databaseOf(environment, settled, sent.d1.keys());
  const isBehind = settled !== null && isBehindIn(settled, number);
  const named = settled?.bookmark == null ? null : parseNumberedBookmark(settled.bookmark);
  const isOfThis = (database: number | undefined) => database === number;
  const isKnown =
    sent.isWhole &&
    [...sent.d1.keys()].every(isOfThis) &&
    (settled === null || isOfThis(named?.database)) &&
    !isBehind;
  const bookmarks = [sent.d1.get(number), isOfThis(named?.database) ? named?.bookmark : undefined];
  const newest = bookmarks
    .filter((bookmark) => bookmark !== undefined)
    .sort()
    .at(-1);
  const primary = db.withSession("first-primary");
  let session = isKnown ? sessionFor(db, newest) : primary;
  const read = await readD1(
    hops,
    () => readFrom(session),
    () => {
      // D1 may refuse a bookmark, the caller's or a coordinator's, for instance one from before a restore.
      if (newest === undefined || session === primary) return false;
      session = primary;
      return true;
    },
  );
  if (reminder !== null && !isBehind) dropReminder(scope, reminder);
  const d1 = session.getBookmark();
  return {
    read,
    bookmark: { d1: new Map(d1 === null ? [] : [[number, d1]]), id: isBehind ? id : null },
  };
}
