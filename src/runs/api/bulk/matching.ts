/** The runs that a bulk operation is about, as D1 has them when the coordinator has settled. */

import { BULK_NEWEST_SHOWN } from "../../../base/limits.ts";
import { within } from "../../../base/time.ts";
import { firstIdAt } from "../../../base/uuid.ts";
import { readD1 } from "../../../database/read-d1.ts";
import type { RunFilters } from "../../d1/filters.ts";
import { findByIds, findMatching, type MatchingPage, type MatchingRun } from "../../d1/matching-runs.ts";
import { databaseOf, isBehindIn } from "../../placement/database-of.ts";
import { STATUSES } from "../../run.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";

/** A coordinator settles within 2 s. One that can't be reached may not answer at all. */
const SETTLE_CALL_MAX_MS = 2500;
/** A dry run looks at this many pages of 5000 runs at most, because a caller waits for it. */
const PREVIEW_PAGES = 20;

/**
 * The database that has all that the coordinator has changed so far; null if it lacks something, or nobody knows.
 * `isPatient`: it also has the runs that it has refused, and takes later. Never throws.
 */
export async function settledDatabase(
  environment: RunEnvironment,
  { isPatient = false } = {},
): Promise<D1Database | null> {
  try {
    const settling = ask(environment, (coordinator) => coordinator.upkeep.settle());
    const settled = await within(SETTLE_CALL_MAX_MS, settling);
    if (settled.isBehind || (isPatient && settled.lacksRefused)) return null;
    const { number, db } = await databaseOf(environment, settled);
    return isBehindIn(settled, number) ? null : db;
  } catch {
    return null;
  }
}

/** The next page below the id `below`; null: from the newest possible id of now on. Throws `database_unavailable`. */
export function matchingPage(
  { hops, scope }: RunEnvironment,
  db: D1Database,
  filters: RunFilters,
  below: string | null,
  limit: number,
): Promise<MatchingPage> {
  const session = db.withSession("first-primary");
  const cursor = below ?? firstIdAt(Date.now() + 1);
  return readD1(hops, () => findMatching(session, scope, { ...filters, cursor, limit }));
}

/** Those of the runs that the database has. Throws `database_unavailable`. */
export function matchingIds(
  { hops, scope }: RunEnvironment,
  db: D1Database,
  ids: readonly string[],
): Promise<readonly MatchingRun[]> {
  return readD1(hops, () => findByIds(db.withSession("first-primary"), scope, ids));
}

/** What an operation would be about. Stores nothing. `isCancel`: whether runs that wait for a slot could start. */
export async function preview(
  environment: RunEnvironment,
  about: { readonly filters: RunFilters; readonly maxRuns: number } | { readonly runIds: readonly string[] },
  isCancel: boolean,
) {
  const db = (await settledDatabase(environment)) ?? (await databaseOf(environment)).db;
  const { runs, matched } =
    "runIds" in about ? await named(environment, db, about.runIds) : await filtered(environment, db, about);
  const byStatus = Object.fromEntries(
    STATUSES.map((status) => [status, runs.filter((run) => run.status === status).length]),
  );
  const newest = runs
    .map(({ id }) => id)
    .sort()
    .reverse()
    .slice(0, BULK_NEWEST_SHOWN);
  const ids = runs.map(({ id }) => id);
  return { matched, byStatus, newest, wouldStart: isCancel ? await wouldStart(environment, ids) : 0 };
}

async function named(environment: RunEnvironment, db: D1Database, runIds: readonly string[]) {
  return { runs: await matchingIds(environment, db, runIds), matched: runIds.length };
}

async function filtered(
  environment: RunEnvironment,
  db: D1Database,
  { filters, maxRuns }: { readonly filters: RunFilters; readonly maxRuns: number },
) {
  const runs: MatchingRun[] = [];
  let below: string | null = null;
  for (let pages = 0; pages < PREVIEW_PAGES; pages++) {
    const page: MatchingPage = await matchingPage(environment, db, filters, below, maxRuns + 1 - runs.length);
    runs.push(...page.runs);
    if (runs.length > maxRuns) return { runs: runs.slice(0, maxRuns), matched: { atLeast: maxRuns + 1 } };
    if (page.behind === null) return { runs, matched: runs.length };
    below = page.behind;
  }
  return { runs, matched: { atLeast: runs.length } };
}

/** How many other runs would get a slot if these were cancelled. Throws `coordinator_unavailable`. */
function wouldStart(environment: RunEnvironment, ids: readonly string[]): Promise<number> {
  return ask(environment, (coordinator) => coordinator.bulk.wouldStart(ids));
}
