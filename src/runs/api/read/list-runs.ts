/**
 * Lists and counts runs from D1. D1 follows the coordinators a moment later. So a list, and a summary as well, first
 * asks the coordinators whose changes it must show to settle. If one does not settle in time, the list answers all the
 * same, and its bookmark still names that coordinator.
 */

import { readD1, sessionFor } from "../../../database/read-d1.ts";
import { type FacetQuery, type Facets, findFacets } from "../../d1/facets.ts";
import type { RunFilters, RunPageQuery } from "../../d1/filters.ts";
import { listRuns, type RunPage } from "../../d1/list.ts";
import { type RunSummary, summarizeRuns } from "../../d1/summary.ts";
import { parseNumberedBookmark } from "../../home.ts";
import { databaseOf, isBehindIn } from "../../placement/database-of.ts";
import { type Bookmark, bookmarkOfRun, type SentBookmark } from "../bookmark/bookmark.ts";
import { settle } from "../bookmark/settle.ts";
import { dropReminder, remindersOf } from "../reminders.ts";
import type { RunEnvironment } from "../run-environment.ts";

/** `bookmark`: what D1 shows, and the coordinators that it may be behind. */
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
 * Asks the coordinators that the bookmark names to settle, which takes 2 s at most. Without a bookmark, those of which
 * this isolate has a reminder: the run was changed through it in the last 5 s. Then reads the environment's database at
 * the greatest bookmark that they know, or at the primary. Bookmarks of other databases can't be compared: after a move,
 * the primary of the new database shows all that they name.
 */
async function readAfter<T>(
  environment: RunEnvironment,
  sent: SentBookmark,
  readFrom: (session: D1DatabaseSession) => Promise<T>,
): Promise<{ readonly read: T } & WithBookmark> {
  const { hops, scope } = environment;
  const reminders = sent.isSent ? [] : remindersOf(scope, Date.now());
  const ids = sent.isSent ? [...sent.ids.values()] : reminders.map(({ id }) => id);
  const settled = await Promise.all(ids.map((id) => settle(environment, id)));
  const { number, db } = await databaseOf(environment, settled, sent.d1.keys());
  const isBehind = settled.map((one) => isBehindIn(one, number));

  const named = settled.map(({ bookmark }) => (bookmark === null ? null : parseNumberedBookmark(bookmark)));
  const isOfThis = (database: number | undefined) => database === number;
  const isKnown =
    sent.isWhole &&
    [...sent.d1.keys()].every(isOfThis) &&
    named.every((bookmark) => isOfThis(bookmark?.database)) &&
    !isBehind.includes(true);
  const bookmarks = [
    sent.d1.get(number),
    ...named.map((one) => (isOfThis(one?.database) ? one?.bookmark : undefined)),
  ];
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
  for (const reminder of reminders) {
    if (isBehind[ids.indexOf(reminder.id)] === false) dropReminder(scope, reminder);
  }
  const behind = ids.filter((_, i) => isBehind[i]);
  const d1 = session.getBookmark();
  return {
    read,
    bookmark: {
      d1: new Map(d1 === null ? [] : [[number, d1]]),
      ids: new Map(behind.flatMap((id) => [...bookmarkOfRun(id, null).ids])),
    },
  };
}
