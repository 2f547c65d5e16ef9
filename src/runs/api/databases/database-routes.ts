/**
 * /databases and …/resync: the operator sees the databases and what lives where, and rebuilds their rows from the journals
 * after a restore.
 */

import { type Context, Hono, type MiddlewareHandler } from "hono";
import * as z from "zod/mini";
import { auditStatement, logAudit, newAuditEntry, writeAudited } from "../../../auth/audit.ts";
import { requiresRoot } from "../../../auth/authentication.ts";
import { rfc3339 } from "../../../base/time.ts";
import {
  type DatabaseReport,
  type DatabaseState,
  type DatabaseStatus,
  FULL_BYTES,
  lookAtDatabase,
  NUMBERS_IN_USE,
  type ReportRow,
  readReport,
  SELECT_REPORT,
  warningsOf,
} from "../../../database/database-state.ts";
import { readD1, requireNamedDatabase } from "../../../database/read-d1.ts";
import { ApiError } from "../../../http/errors.ts";
import type { Described } from "../../../http/operation.ts";
import { encodeCursor, environmentPageQuery, firstPage, linkNext, seqPageQuery } from "../../../http/paging.ts";
import type { AppEnv, Hops } from "../../../http/request-context.ts";
import { validQuery } from "../../../http/validate.ts";
import {
  boundDatabases,
  DATABASE_MAX,
  databaseNumbered,
  databasesForNew,
  hasSeveralDatabases,
} from "../../../settings/databases.ts";
import type { Env } from "../../../settings/env.ts";
import { register } from "../../d1/control-database.ts";
import { deleteLeftovers, environmentsIn, scopesWithRows } from "../../d1/environments.ts";
import { FIRST_HOME, type Home, isUnderWay } from "../../home.ts";
import { type AskedHome, askHome, repairsRow } from "../placement.ts";
import { databaseList, databaseResync, environmentResync, placedEnvironmentList } from "../responses/databases.ts";
import { ask, environmentIn, environmentOf, isErasing, type RunEnvironment } from "../run-request.ts";

const databaseListQuery = z.strictObject(seqPageQuery);

const environmentListQuery = z.strictObject(environmentPageQuery);

const resyncQuery = z.strictObject({ cursor: environmentPageQuery.cursor });

/** Matches more than the numbers. `numberOf` is exact. */
const DATABASE = "/databases/:database{[0-9]{1,2}}" as "/databases/:database";

/** An unknown path is 404 before the query is checked, as everywhere. */
const requiresNumber: MiddlewareHandler<AppEnv> = (c, next) => {
  numberOf(c);
  return next();
};

export const databaseRoutes = new Hono<AppEnv>();

const LIST_DATABASES: Described = DESCRIBE && {
  operationId: "listDatabases",
  summary: "List databases",
  description:
    "Returns each database that is bound, and each in which an environment lives, by number. Number 0 is the control " +
    "database.",
  responses: { 200: { description: "Databases", json: databaseList, headers: ["Link"] } },
};
databaseRoutes.get("/databases", requiresRoot(LIST_DATABASES), validQuery(databaseListQuery), async (c) => {
  const { limit, cursor } = c.req.valid("query");
  const all = await listDatabases(c.env, c.get("hops"));
  const rest = all.filter(({ number }) => cursor === undefined || number > cursor);
  return c.json(firstPage(c, rest, limit, ({ number }) => number));
});

const LIST_DATABASE_ENVIRONMENTS: Described = DESCRIBE && {
  operationId: "listDatabaseEnvironments",
  summary: "List the environments of a database",
  description:
    "Returns the environments that live in a database, in the order of their names. A page can be short or empty and " +
    "still have a next page, so follow `Link` until it is missing.",
  responses: { 200: { description: "Environments", json: placedEnvironmentList, headers: ["Link"] } },
};
databaseRoutes.get(
  `${DATABASE}/environments`,
  requiresRoot(LIST_DATABASE_ENVIRONMENTS),
  requiresNumber,
  validQuery(environmentListQuery),
  async (c) => {
    const { limit, cursor = "" } = c.req.valid("query");
    const { environments, next } = await readD1(c.get("hops"), () =>
      environmentsIn(c.env.DB, numberOf(c), cursor, limit),
    );
    linkNext(c, next);
    return c.json(
      environments.map(({ scope, generation }) => {
        const [o, p, envName] = scope.split("/");
        return { project: `${o}/${p}`, envName, generation };
      }),
    );
  },
);

const RESYNC_DATABASE: Described = DESCRIBE && {
  operationId: "resyncDatabase",
  summary: "Rebuild one database from the journals",
  description:
    "Writes every run of the environments that live in a database again. Use it after you restore that database. It also " +
    "deletes the rows of environments that live elsewhere. A request takes at most 25 environments, and fewer if there " +
    "is much to delete. Repeat it with `next` as the `cursor` until `next` is null. The work continues after the " +
    "response. Each environment gets an entry in its audit log.",
  responses: { 202: { description: "The rebuild started", json: databaseResync } },
  errors: ["storage_full", "database_unknown", "coordinator_unavailable"],
};
databaseRoutes.post(
  `${DATABASE}/resync`,
  requiresRoot(RESYNC_DATABASE),
  requiresNumber,
  validQuery(resyncQuery),
  async (c) => {
    const { cursor = "" } = c.req.valid("query");
    const { next, ...resynced } = await resyncDatabase(c, numberOf(c), cursor);
    return c.json({ ...resynced, next: next === null ? null : encodeCursor(next) }, 202);
  },
);

function numberOf(c: Context<AppEnv>): number {
  const text = c.req.param("database") ?? "";
  const number = Number(text);
  if (String(number) !== text || number > DATABASE_MAX) throw new ApiError("not_found");
  return number;
}

interface ShownDatabase {
  readonly number: number;
  /** Whether there is a binding. Its database can have another number. */
  readonly isBound: boolean;
  readonly status: DatabaseStatus;
  readonly sizeBytes: number | null;
  readonly warnings: ReturnType<typeof warningsOf>;
  readonly takesNewEnvironments: boolean;
  /** When the service looked; null if it did not look at all. */
  readonly checkedAt: string | null;
}

/** In the order of their numbers. Throws `database_unavailable` if the control database does not answer. */
async function listDatabases(env: Env, hops: Hops): Promise<readonly ShownDatabase[]> {
  const now = Date.now();
  const [used, reported] = await readD1(hops, () =>
    env.DB.batch<{ readonly number: number } | ReportRow>([
      env.DB.prepare(NUMBERS_IN_USE),
      env.DB.prepare(SELECT_REPORT),
    ]),
  );
  const report = readReport(reported?.results[0] as ReportRow | undefined);
  const inUse = ((used?.results ?? []) as readonly { readonly number: number }[]).map(({ number }) => number);
  const numbers = [...new Set([...boundDatabases(env), ...inUse])].sort((a, b) => a - b);
  const forNew = databasesForNew(env);
  const controlBytes = used?.meta.size_after ?? null;
  return Promise.all(
    numbers.map(async (number) => {
      const { status, sizeBytes, at } =
        number === 0 ? controlState(controlBytes, now) : await stateOf(env, number, report, now);
      return {
        number,
        isBound: databaseNumbered(env, number) !== null,
        status,
        sizeBytes,
        warnings: warningsOf(sizeBytes),
        takesNewEnvironments: forNew.includes(number),
        checkedAt: rfc3339(at),
      };
    }),
  );
}

type Looked = Pick<DatabaseState, "status" | "sizeBytes"> & { readonly at: number | null };

function controlState(sizeBytes: number | null, at: number): Looked {
  return { status: (sizeBytes ?? 0) >= FULL_BYTES ? "full" : "ready", sizeBytes, at };
}

/** What the cron has seen. A database that it has not seen yet, because its binding is new, is looked at now. */
async function stateOf(env: Env, number: number, report: DatabaseReport | null, now: number): Promise<Looked> {
  const noted = report?.databases.find((state) => state.number === number);
  const isBound = databaseNumbered(env, number) !== null;
  if (report !== null && noted !== undefined && isBound === (noted.status !== "not_bound"))
    return { ...noted, at: report.lookedAt };
  return { ...(await lookAtDatabase(env, number, "")), at: isBound ? now : null };
}

/** How many environments a request resyncs. Each takes three calls of its coordinator at most. */
const ENVIRONMENTS_MAX = 25;
/** How many deletions a request makes, of 500 rows each. */
const DELETIONS_MAX = 40;

interface ResyncedDatabase {
  /** How many environments are resynced. */
  readonly environments: number;
  /** How many of their runs are left. */
  readonly remaining: number;
  /** The scope after which the next request goes on; null if this one was the last. */
  readonly next: string | null;
}

/**
 * Repairs a database after it was restored: resyncs the environments that live there, and deletes the rows of those that
 * live elsewhere, which the restore has brought back. A request does a bounded part of that. It is safe to repeat. Throws
 * `database_unknown`, `database_unavailable`, or `coordinator_unavailable`.
 */
async function resyncDatabase(c: Context<AppEnv>, number: number, after: string): Promise<ResyncedDatabase> {
  const db = await requireNamedDatabase(c.env, c.get("hops"), number);
  const { scopes, next } = await scopesOf(c, db, number, after);
  let [environments, remaining, deletions, done] = [0, 0, 0, after];
  for (const scope of scopes) {
    const environment = environmentIn(c, scope);
    const asked = await askHome(environment).catch((error: unknown) => {
      if (isErasing(error)) return null;
      throw error;
    });
    if (asked === null) {
      // Its erasure deletes the rows.
    } else if (livesIn(asked, number)) {
      environments++;
      remaining += await resyncEnvironment(c, environment, asked.home, `database/${number}`);
    } else if (!hasMoveOf(asked, number)) {
      while (await readD1(environment.hops, () => deleteLeftovers(db, scope))) {
        if (++deletions >= DELETIONS_MAX) return { environments, remaining, next: done };
      }
      // The deletion can have taken rows of a move that began meanwhile. So the runs are replicated again.
      if (hasMoveOf(await askHome(environment), number))
        await ask(environment, (coordinator) => coordinator.upkeep.resync(asked.home));
    }
    done = scope;
  }
  return { environments, remaining, next };
}

/** The next environments that live in the database, or have rows there. */
async function scopesOf(c: Context<AppEnv>, db: D1Database, number: number, after: string) {
  const hops = c.get("hops");
  const [page, withRows] = await Promise.all([
    readD1(hops, () => environmentsIn(c.env.DB, number, after, ENVIRONMENTS_MAX)),
    readD1(hops, () => scopesWithRows(db, after, ENVIRONMENTS_MAX + 1)),
  ]);
  const all = new Set([...page.environments.map(({ scope }) => scope), ...withRows]);
  // After the last scope of this page there can be more that live here. So scopes behind it wait for the next page.
  const known = [...all].filter((scope) => page.next === null || scope <= page.next).sort();
  const scopes = known.slice(0, ENVIRONMENTS_MAX);
  return { scopes, next: known.length > ENVIRONMENTS_MAX ? (scopes.at(-1) ?? null) : page.next };
}

/** Whether the environment's runs are replicated to this database. During a move they are replicated to two. */
function livesIn({ home, state }: AskedHome, number: number): boolean {
  const isTarget = state.moves.some((move) => isUnderWay(move) && move.target.database === number);
  return isTarget || (home ?? FIRST_HOME).database === number;
}

/** While a move is not over, its driver deletes the rows of the database that the environment has left. */
function hasMoveOf({ state }: AskedHome, number: number): boolean {
  return state.moves.some(({ from, target }) => [from.database, target.database].includes(number));
}

/**
 * Begins the resync of one environment, and returns how many runs are left. `home`: the newest that is known; null with
 * one database. Throws `database_unavailable`, or `coordinator_unavailable`.
 */
async function resyncEnvironment(
  c: Context<AppEnv>,
  environment: RunEnvironment,
  home: Home | null,
  target: string,
): Promise<number> {
  await auditFirst(c, environment, home, { action: "resync_requested", target });
  return ask(environment, (coordinator) => coordinator.upkeep.resync(home));
}

/**
 * Writes the entry of what the operator is about to do to an environment, so that nothing happens without one. Repairs
 * what a restore of the control database has lost: the registration, without which the sweep does not know the
 * coordinator, and the row that says where the environment lives. Throws `database_unavailable`, or `environment_erasing`.
 */
export async function auditFirst(
  c: Context<AppEnv>,
  environment: RunEnvironment,
  home: Home | null,
  what: { readonly action: "resync_requested" | "environment_moved" | "purge_requested"; readonly target: string },
): Promise<void> {
  const { env, scope } = environment;
  const [o, p, envName = ""] = scope.split("/");
  const entry = newAuditEntry(c, { project: `${o}/${p}`, envName, ...what }, Date.now());
  await writeAudited(c, () =>
    env.DB.batch([auditStatement(env.DB, entry), register(env.DB, scope, entry.at), ...repairsRow(environment, home)]),
  );
  logAudit(entry, c.get("requestId"));
}

const RESYNC_ACTION_RUNS: Described = DESCRIBE && {
  operationId: "resyncActionRuns",
  summary: "Rebuild the database from the journals",
  description:
    "Writes every run of an environment to the database again. Use it after you restore a database. It " +
    "also removes the rows of runs that are no longer kept. The work continues after the response. Send " +
    "the request again to see how many runs remain.",
  responses: { 202: { description: "The rebuild started", json: environmentResync } },
  errors: ["storage_full", "coordinator_unavailable"],
};

/** POST …/resync of an environment. */
export const resyncRoutes = new Hono<AppEnv>().post("/", requiresRoot(RESYNC_ACTION_RUNS), async (c) => {
  const environment = environmentOf(c);
  // With one database, there is no row to repair.
  const home = hasSeveralDatabases(c.env) ? (await askHome(environment)).home : null;
  const remaining = await resyncEnvironment(c, environment, home, environment.scope);
  return c.json({ remaining }, 202);
});
