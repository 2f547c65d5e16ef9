/**
 * Lists runs from D1. D1 follows the coordinators a moment later, so a list first asks those whose changes it must show to
 * land them. If one can't in time, the list answers all the same, and its bookmark still names that coordinator.
 */

import { readD1, sessionFor } from "../../http/read-d1.ts";
import { listRuns, type RunPage } from "../d1/list.ts";
import { type Bookmark, bookmarkOfRun, type SentBookmark } from "./bookmark.ts";
import { forgetChange, recentChanges } from "./recent-changes.ts";
import type { RunListQuery } from "./request-schemas.ts";
import type { Place } from "./run-place.ts";
import { settle } from "./settle.ts";

/** `bookmark`: what D1 shows, and the coordinators that it may be behind. */
export interface ListedRuns extends RunPage {
  readonly bookmark: Bookmark;
}

/** Without a bookmark, the list shows what went through this isolate a moment ago. Throws `database_unavailable`. */
export async function listRunsAfter(
  place: Place,
  query: RunListQuery,
  sent: SentBookmark,
): Promise<ListedRuns> {
  const { env, hops, scope } = place;
  const recent = sent.isSent ? [] : recentChanges(scope, Date.now());
  const ids = sent.isSent ? [...sent.ids.values()] : recent.map(({ id }) => id);
  const settled = await Promise.all(ids.map((id) => settle(place, id)));

  const bookmarks = [sent.d1, ...settled.map(({ bookmark }) => bookmark)];
  const isKnown = sent.isWhole && settled.every(({ isBehind, bookmark }) => !isBehind && bookmark !== null);
  const newest = bookmarks
    .filter((bookmark) => bookmark !== null)
    .sort()
    .at(-1);
  const primary = env.DB.withSession("first-primary");
  let session = isKnown ? sessionFor(env.DB, newest) : primary;
  const page = await readD1(
    hops,
    () => listRuns(session, scope, query),
    () => {
      // D1 may refuse a bookmark, the caller's or a coordinator's, for instance one from before a restore.
      if (newest === undefined || session === primary) return false;
      session = primary;
      return true;
    },
  );
  for (const change of recent) {
    if (settled[ids.indexOf(change.id)]?.isBehind === false) forgetChange(scope, change);
  }
  const behind = ids.filter((_, i) => settled[i]?.isBehind);
  const named = new Map(behind.flatMap((id) => [...bookmarkOfRun(id, null).ids]));
  return { ...page, bookmark: { d1: session.getBookmark(), ids: named } };
}
