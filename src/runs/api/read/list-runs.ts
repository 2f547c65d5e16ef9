/**
 * Lists and counts runs. A list is what the database has, without the runs that the environment's object knows better,
 * and those runs. The object is asked first. So what is replicated between the two reads is in neither twice, and
 * nothing that was acknowledged before the list is in neither.
 */

import { within } from "../../../base/time.ts";
import { readD1 } from "../../../database/read-d1.ts";
import { type FacetQuery, type Facets, findFacets } from "../../d1/facets.ts";
import { type ListedRun, listRuns } from "../../d1/list.ts";
import { type RunSummary, summarizeRuns } from "../../d1/summary.ts";
import type { WalkBounds } from "../../d1/walk.ts";
import { withDetails } from "../../details.ts";
import type { Home } from "../../home.ts";
import { mergedPage, type Page } from "../../merged-page.ts";
import { databaseOf } from "../../placement/database-of.ts";
import type { RunFilters, RunPageQuery } from "../../run-filters.ts";
import type { Lacking } from "../../upkeep-calls.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";

/** How long a list waits for the object. */
export const LACKING_MAX_MS = 2500;

export interface ListedRuns {
  /** ActionRuns as JSON text, with their details if the query includes them. */
  readonly actionRuns: readonly string[];
  /** The id after which the next page starts; null on the last page. */
  readonly nextAfter: string | null;
  /** Whether the list can lack changes: the object gave no answer in time, or the database is being rebuilt. */
  readonly isStale: boolean;
}

/** Shows every change that was acknowledged before this call, unless it is stale. Throws `database_unavailable`. */
export async function listRunsOf(environment: RunEnvironment, query: RunPageQuery): Promise<ListedRuns> {
  const lacking = await lackingOf(environment, query);
  const { home = null, ids: without = [], runs = [], completeTo = null, isStale = true } = lacking ?? {};
  const own = runs.map(({ id, body, details }) => ({
    id,
    text: details === undefined ? body : withDetails(body, details),
  }));
  const bounds = { without, completeTo: completeTo ?? undefined };
  const { number, page } = lacking?.home === null ? NO_DATABASE : await readStored(environment, query, home, bounds);
  const { items, endsAt } = mergedPage({ items: own, endsAt: completeTo }, page, query);
  // What the object said is about another database if the environment moves now, or if the object was restored.
  const isOther = home !== null && home.database !== number;
  return { actionRuns: items.map(({ text }) => text), nextAfter: endsAt, isStale: isStale || isOther };
}

/** While nobody has decided where the environment lives, it has no run. */
const NO_DATABASE = { number: null, page: { items: [], endsAt: null } } as const;

/** From the primary of D1, because a replica of D1 can lack what the object says is replicated. */
async function readStored(
  environment: RunEnvironment,
  query: RunPageQuery,
  home: Home | null,
  bounds: WalkBounds,
): Promise<{ readonly number: number; readonly page: Page<ListedRun> }> {
  const { number, db } = await databaseOf(environment, home);
  const { hops, scope } = environment;
  const page = await readD1(hops, () => listRuns(db.withSession("first-primary"), scope, query, bounds));
  return { number, page };
}

/** Counts what the database has, which can be seconds behind. Throws `database_unavailable`. */
export async function summarizeRunsOf(environment: RunEnvironment, filters: RunFilters): Promise<RunSummary> {
  return readAnywhere(environment, (session) => summarizeRuns(session, environment.scope, filters));
}

/** Finds values in the database, which can be seconds behind. Throws `database_unavailable`. */
export async function findFacetsOf(environment: RunEnvironment, query: FacetQuery): Promise<Facets> {
  return readAnywhere(environment, (session) => findFacets(session, environment.scope, query));
}

/** From any replica of D1. */
async function readAnywhere<T>(
  environment: RunEnvironment,
  read: (session: D1DatabaseSession) => Promise<T>,
): Promise<T> {
  const { db } = await databaseOf(environment);
  return readD1(environment.hops, () => read(db.withSession("first-unconstrained")));
}

/** Null if the object can't be reached in time, or has too many lists to answer. A list must not fail with it. */
async function lackingOf(environment: RunEnvironment, query: RunPageQuery): Promise<Lacking | null> {
  const asked = ask(environment, (coordinator) => coordinator.upkeep.lacking(query));
  const reply = await within(LACKING_MAX_MS, asked).catch(() => null);
  return reply?.ok ? reply : null;
}
