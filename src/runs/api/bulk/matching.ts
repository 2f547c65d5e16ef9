/** The runs that a bulk operation is about, as D1 has them when all coordinators have settled. */

import { BULK_NEWEST_SHOWN } from "../../../base/limits.ts";
import { within } from "../../../base/time.ts";
import { readD1 } from "../../../database/read-d1.ts";
import type { RunFilters } from "../../d1/filters.ts";
import { findByIds, findMatching, type MatchingPage, type MatchingRun } from "../../d1/matching-runs.ts";
import { STATUSES } from "../../run.ts";
import { COORDINATORS, firstIdAt, readRunId } from "../../run-id.ts";
import { ask, askAll, type RunEnvironment } from "../run-environment.ts";

/** A coordinator settles within 2 s. One that can't be reached may not answer at all. */
const SETTLE_CALL_MAX_MS = 2500;
/** A dry run looks at this many pages of 5000 runs at most, because a caller waits for it. */
const PREVIEW_PAGES = 20;

/**
 * Whether D1 has all that the coordinators have changed so far. `isPatient`: also runs that D1 has refused, and takes
 * later. Never throws.
 */
export async function isSettled(environment: RunEnvironment, { isPatient = false } = {}): Promise<boolean> {
  const settling = askAll(environment, (coordinator) => coordinator.settle());
  const settled = await within(SETTLE_CALL_MAX_MS, settling).catch(() => null);
  if (settled === null) return false;
  return settled.every(({ isBehind, lacksRefused }) => !isBehind && !(isPatient && lacksRefused));
}

/** The next page below the id `below`; null: from the newest possible id of now on. Throws `database_unavailable`. */
export function matchingPage(
  { env, hops, scope }: RunEnvironment,
  filters: RunFilters,
  below: string | null,
  limit: number,
): Promise<MatchingPage> {
  const session = env.DB.withSession("first-primary");
  const cursor = below ?? firstIdAt(Date.now() + 1);
  return readD1(hops, () => findMatching(session, scope, { ...filters, cursor, limit }));
}

/** Those of the runs that D1 has. Throws `database_unavailable`. */
export function matchingIds(
  { env, hops, scope }: RunEnvironment,
  ids: readonly string[],
): Promise<readonly MatchingRun[]> {
  return readD1(hops, () => findByIds(env.DB.withSession("first-primary"), scope, ids));
}

/** What an operation would be about. Stores nothing. `isCancel`: whether runs that wait for a slot could start. */
export async function preview(
  environment: RunEnvironment,
  about: { readonly filters: RunFilters; readonly maxRuns: number } | { readonly runIds: readonly string[] },
  isCancel: boolean,
) {
  await isSettled(environment);
  const { runs, matched } =
    "runIds" in about ? await named(environment, about.runIds) : await filtered(environment, about);
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

async function named(environment: RunEnvironment, runIds: readonly string[]) {
  return { runs: await matchingIds(environment, runIds), matched: runIds.length };
}

async function filtered(
  environment: RunEnvironment,
  { filters, maxRuns }: { readonly filters: RunFilters; readonly maxRuns: number },
) {
  const runs: MatchingRun[] = [];
  let below: string | null = null;
  for (let pages = 0; pages < PREVIEW_PAGES; pages++) {
    const page: MatchingPage = await matchingPage(environment, filters, below, maxRuns + 1 - runs.length);
    runs.push(...page.runs);
    if (runs.length > maxRuns) return { runs: runs.slice(0, maxRuns), matched: { atLeast: maxRuns + 1 } };
    if (page.behind === null) return { runs, matched: runs.length };
    below = page.behind;
  }
  return { runs, matched: { atLeast: runs.length } };
}

/** How many other runs would get a slot if these were cancelled. Throws `coordinator_unavailable`. */
async function wouldStart(environment: RunEnvironment, ids: readonly string[]): Promise<number> {
  const byCoordinator = Map.groupBy(ids, (id) => readRunId(id).coordinator);
  const started = await Promise.all(
    [...byCoordinator]
      .filter(([n]) => n < COORDINATORS)
      .map(([n, those]) => ask(environment, n, (coordinator) => coordinator.wouldStart(those))),
  );
  return started.reduce((sum, runs) => sum + runs, 0);
}
