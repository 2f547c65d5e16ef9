/** What the operator does about databases: /databases, …/resync after a restore, …/database with moves, and …/purge. */

import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { auditStatement, logAudit, newAuditEntry, writeAudited } from "../../../auth/audit.ts";
import { requiresRoot } from "../../../auth/authentication.ts";
import { rfc3339 } from "../../../base/time.ts";
import {
  type DatabaseReport,
  FULL_BYTES,
  lookAtDatabase,
  NUMBERS_IN_USE,
  numbersIn,
  readReport,
  SELECT_REPORT,
  warningsOf,
} from "../../../database/database-state.ts";
import { readD1, requireDatabaseNumbered } from "../../../database/read-d1.ts";
import { ApiError } from "../../../http/errors.ts";
import { type Described, guard } from "../../../http/operation.ts";
import { encodeCursor, environmentPageQuery, firstPage, linkNext, seqPageQuery } from "../../../http/paging.ts";
import { type AppEnv, type Environment, environmentOf, type Hops } from "../../../http/request-context.ts";
import { objectOf, wholeNumber } from "../../../http/schemas.ts";
import { validBody, validQuery } from "../../../http/validate.ts";
import {
  boundDatabases,
  DATABASE_MAX,
  databaseNumbered,
  databasesForNew,
  hasSeveralDatabases,
} from "../../../settings/databases.ts";
import type { Env } from "../../../settings/env.ts";
import { register, selectRegistered } from "../../d1/control-database.ts";
import { deleteLeftovers, environmentsIn, noteHome, scopesWithRows } from "../../d1/environments.ts";
import { partsOf } from "../../d1/erasures.ts";
import {
  FIRST_HOME,
  type Home,
  type HomeState,
  isUnderWay,
  leftDatabase,
  type Move,
  type MoveReply,
} from "../../home.ts";
import type { PurgeState } from "../../protocol.ts";
import { type AskedHome, askHome, repairsRow } from "../placement.ts";
import {
  databaseList,
  databaseResync,
  environmentDatabase,
  environmentResync,
  placedEnvironmentList,
  purge,
} from "../responses/databases.ts";
import { ask, isErasing } from "../run-request.ts";

const resyncQuery = z.strictObject({ cursor: environmentPageQuery.cursor });

/** Matches more than the numbers. `numberOf` is exact. */
const DATABASE = "/databases/:database{[0-9]{1,2}}" as "/databases/:database";

/** An unknown path is 404 before the query is checked, as everywhere. */
const requiresNumber = guard(numberOf, false);

export const databaseRoutes = new Hono<AppEnv>();

const LIST_DATABASES: Described = DESCRIBE && {
  operationId: "listDatabases",
  summary: "List databases",
  description:
    "Returns each database that is bound, and each in which an environment lives, by number. Number 0 is the control " +
    "database.",
  responses: { 200: { description: "Databases", json: databaseList, headers: ["Link"] } },
};
databaseRoutes.get("/databases", requiresRoot(LIST_DATABASES), validQuery(z.strictObject(seqPageQuery)), async (c) => {
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
  validQuery(z.strictObject(environmentPageQuery)),
  async (c) => {
    const { limit, cursor = "" } = c.req.valid("query");
    const { environments, next } = await readD1(c.get("hops"), () =>
      environmentsIn(c.env.DB, numberOf(c), cursor, limit),
    );
    linkNext(c, next);
    return c.json(environments.map(({ scope, generation }) => ({ ...partsOf(scope), generation })));
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

async function listDatabases(env: Env, hops: Hops) {
  const [used, reported] = await readD1(hops, () =>
    env.DB.batch([env.DB.prepare(NUMBERS_IN_USE), env.DB.prepare(SELECT_REPORT)]),
  );
  const report = readReport(reported);
  const numbers = [...new Set([...boundDatabases(env), ...numbersIn(used)])].sort((a, b) => a - b);
  const forNew = databasesForNew(env);
  const controlBytes = used?.meta.size_after ?? null;
  return Promise.all(
    numbers.map(async (number) => {
      const { status, sizeBytes, at } = number === 0 ? controlState(controlBytes) : await stateOf(env, number, report);
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

function controlState(sizeBytes: number | null) {
  return { status: (sizeBytes ?? 0) >= FULL_BYTES ? "full" : "ready", sizeBytes, at: Date.now() };
}

/** What the cron has seen. A database that it has not seen yet, because its binding is new, is looked at now. */
async function stateOf(env: Env, number: number, report: DatabaseReport | null) {
  const noted = report?.databases.find((state) => state.number === number);
  const isBound = databaseNumbered(env, number) !== null;
  if (report !== null && noted !== undefined && isBound === (noted.status !== "not_bound"))
    return { ...noted, at: report.lookedAt };
  return { ...(await lookAtDatabase(env, number, "")), at: isBound ? Date.now() : null };
}

/** Of a request. Each environment takes three calls of its coordinator at most. */
const ENVIRONMENTS_MAX = 25;
/** Of a request, of 500 rows each. */
const DELETIONS_MAX = 40;

/**
 * Repairs a database after a restore, which can bring back rows of environments that live elsewhere. `next`: the scope
 * after which the next request goes on. Throws `database_unknown`, `database_unavailable`, or `coordinator_unavailable`.
 */
async function resyncDatabase(c: Context<AppEnv>, number: number, after: string) {
  const db = await requireDatabaseNumbered(c.env, c.get("hops"), number, "database_unknown");
  const { scopes, next } = await scopesOf(c, db, number, after);
  let [environments, remaining, deletions, done] = [0, 0, 0, after];
  for (const scope of scopes) {
    const environment = environmentOf(c, scope);
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
        await ask(environment, ({ upkeep }) => upkeep.resync(asked.home));
    }
    done = scope;
  }
  return { environments, remaining, next };
}

async function scopesOf(c: Context<AppEnv>, db: D1Database, number: number, after: string) {
  const hops = c.get("hops");
  const [page, withRows] = await Promise.all([
    readD1(hops, () => environmentsIn(c.env.DB, number, after, ENVIRONMENTS_MAX)),
    readD1(hops, () => scopesWithRows(db, after, ENVIRONMENTS_MAX + 1)),
  ]);
  const all = new Set([...page.environments.map(({ scope }) => scope), ...withRows]);
  // Behind the last scope of this page there can be more that live here.
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

/** Returns how many runs are left. `home`: the newest that is known; null with one database. */
async function resyncEnvironment(
  c: Context<AppEnv>,
  environment: Environment,
  home: Home | null,
  target: string,
): Promise<number> {
  await auditFirst(c, environment, home, { action: "resync_requested", target });
  return ask(environment, ({ upkeep }) => upkeep.resync(home));
}

/**
 * Also repairs what a restore of the control database has lost: the registration, without which the sweep does not know
 * the coordinator, and the row of the home. Throws `database_unavailable`, or `environment_erasing`.
 */
async function auditFirst(
  c: Context<AppEnv>,
  environment: Environment,
  home: Home | null,
  what: { readonly action: "resync_requested" | "environment_moved" | "purge_requested"; readonly target: string },
): Promise<void> {
  const { env, scope } = environment;
  const { project, envName = null } = partsOf(scope);
  const entry = newAuditEntry(c, { project, envName, ...what }, Date.now());
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

export const resyncRoutes = new Hono<AppEnv>().post("/", requiresRoot(RESYNC_ACTION_RUNS), async (c) => {
  const environment = environmentOf(c);
  // With one database, there is no row to repair.
  const home = hasSeveralDatabases(c.env) ? (await askHome(environment)).home : null;
  const remaining = await resyncEnvironment(c, environment, home, environment.scope);
  return c.json({ remaining }, 202);
});

const environmentMove = objectOf(
  { database: wholeNumber("a whole number", 0, DATABASE_MAX) },
  DESCRIBE && {
    id: "EnvironmentMove",
    members: { database: "The number of the database where the environment shall live." },
    examples: [{ database: 0 }],
  },
);

export const environmentDatabaseRoutes = new Hono<AppEnv>();

const GET_ENVIRONMENT_DATABASE: Described = DESCRIBE && {
  operationId: "getEnvironmentDatabase",
  summary: "Get the database of an environment",
  description:
    "Returns in which database the environment lives, how far its move is, and what that database lacks. `move` is null " +
    "if no move is under way and the last one is over.",
  responses: { 200: { description: "Where the environment lives", json: environmentDatabase } },
  errors: ["coordinator_unavailable"],
};
environmentDatabaseRoutes.get("/", requiresRoot(GET_ENVIRONMENT_DATABASE), async (c) => {
  const { home, state } = await askHome(environmentOf(c));
  return c.json(homeToWire({ home: home ?? FIRST_HOME, move: state.moves.at(-1) ?? null, state }));
});

const MOVE_ENVIRONMENT: Described = DESCRIBE && {
  operationId: "moveEnvironment",
  summary: "Move an environment to another database",
  description:
    "Begins a move, which goes on after the response. Meanwhile runs are created, reported and listed as ever. The same " +
    "request again returns the same move. The number of the database where the environment lives cancels the move. If the " +
    "environment lives there already, and nothing is under way, the response is 200.",
  responses: {
    200: { description: "The environment lives there already", json: environmentDatabase },
    202: { description: "The move or its cancellation is under way", json: environmentDatabase },
  },
  errors: ["move_under_way", "moved_lately", "database_unknown", "no_room", "storage_full", "coordinator_unavailable"],
};
environmentDatabaseRoutes.put("/", requiresRoot(MOVE_ENVIRONMENT), validBody(environmentMove), async (c) => {
  const { isAccepted, ...moved } = await moveEnvironment(c, c.req.valid("json").database);
  return c.json(homeToWire(moved), isAccepted ? 202 : 200);
});

function homeToWire({ home, move, state }: HomeAndMove) {
  const { isNew, bytes, unreplicated } = state;
  return {
    ...home,
    move: move === null ? null : moveToWire(move),
    isNew,
    sizeBytes: bytes,
    warnings: warningsOf(bytes),
    unreplicatedRuns: unreplicated.runs,
    oldestUnreplicatedAt: rfc3339(unreplicated.oldestAt),
  };
}

function moveToWire({ from, target, status, isCancelled, remaining, ...at }: Move) {
  return {
    from: from.database,
    to: target.database,
    status,
    isCancelled,
    remaining,
    requestedAt: rfc3339(at.requestedAt),
    switchedAt: rfc3339(at.switchedAt),
    cleanedAt: rfc3339(at.cleanedAt),
  };
}

/** D1 holds 10 GB. The rest is for runs that are created during the move. */
const ROOM_BYTES = 9_000_000_000;
/** D1 has more indexes than a journal, so a run can take more room there. */
const ROOM_FACTOR = 1.3;

interface HomeAndMove {
  readonly home: Home;
  readonly move: Move | null;
  /** What the coordinator said first. */
  readonly state: HomeState;
}

/** The coordinator decides. The checks here give a better answer, and keep refused moves out of the audit log. */
async function moveEnvironment(
  c: Context<AppEnv>,
  database: number,
): Promise<HomeAndMove & { readonly isAccepted: boolean }> {
  const environment = environmentOf(c);
  const moved = { action: "environment_moved", target: `database/${database}` } as const;
  const db = await requireDatabaseNumbered(c.env, c.get("hops"), database, "database_unknown");
  const { home, state } = await askHome(environment);
  if (home === null) {
    await auditFirst(c, environment, null, moved);
    const chosen = await ask(environment, ({ moves }) => moves.chooseHome(database));
    await readD1(environment.hops, () => noteHome(c.env.DB, environment.scope, chosen).run());
    if (chosen.database === database) {
      return { home: chosen, move: null, state: { ...state, isNew: false }, isAccepted: false };
    }
    throw new ApiError("move_under_way", "The environment got its first run meanwhile. Send the request again.");
  }
  const { moves, bytes } = state;
  const underWay = moves.find(isUnderWay) ?? null;
  const move = moves.at(-1) ?? null;
  if (underWay?.target.database === database) return { home, move, state, isAccepted: true };
  if (database === home.database) {
    if (underWay === null) return { home, move, state, isAccepted: false };
    if (underWay.status === "switching") throw new ApiError("move_under_way", SWITCHING);
    await auditFirst(c, environment, home, moved);
    const reply = await ask(environment, ({ moves }) => moves.cancel());
    // It is over by now, or the first answer to the cancel was lost.
    const after = reply === null ? (await askHome(environment)).state.moves.at(-1) : moveIn(reply);
    return { home, move: after ?? null, state, isAccepted: true };
  }
  if (underWay !== null) throw new ApiError("move_under_way");
  if (moves.some((one) => leftDatabase(one) === database)) throw new ApiError("moved_lately");
  const { meta } = await readD1(environment.hops, () => db.prepare("SELECT 1").all());
  if ((meta.size_after ?? 0) + ROOM_FACTOR * bytes >= ROOM_BYTES) throw new ApiError("no_room");
  await auditFirst(c, environment, home, moved);
  const reply = await ask(environment, ({ moves }) => moves.begin(home, database));
  return { home, move: moveIn(reply), state, isAccepted: true };
}

const SWITCHING = "The move can't be cancelled any more. Wait until it is over, and then move the environment back.";

function moveIn(reply: MoveReply): Move {
  if (!reply.ok) throw new ApiError(reply.reason);
  return reply.move;
}

const DAYS_MAX = 3650;

const purgeRequest = objectOf(
  { days: wholeNumber("whole days", 0, DAYS_MAX), dryRun: z.optional(z.boolean({ error: "send true or false." })) },
  DESCRIBE && {
    id: "PurgeRequest",
    members: {
      days: "How many days after its end a run is kept. A run that is kept for less stays as it is.",
      dryRun: "Only counts the runs, and changes nothing.",
    },
    examples: [{ days: 7, dryRun: true }],
  },
);

export const purgeRoutes = new Hono<AppEnv>();

const GET_PURGE: Described = DESCRIBE && {
  operationId: "getPurge",
  summary: "Get the newest purge",
  description: "Returns how far the newest purge of an environment is. If nobody asked for one, the response is 404.",
  responses: { 200: { description: "The purge", json: purge } },
  errors: ["coordinator_unavailable"],
};
purgeRoutes.get("/", requiresRoot(GET_PURGE), async (c) => {
  const state = await ask(environmentOf(c), ({ purges }) => purges.state());
  if (state === null) throw new ApiError("not_found", "Nobody has asked for a purge of this environment.");
  return c.json(purgeToWire(state));
});

const PURGE_ACTION_RUNS: Described = DESCRIBE && {
  operationId: "purgeActionRuns",
  summary: "Remove old runs now",
  description:
    "Shortens how long the runs that have ended are kept, and removes those whose time is over. It never lengthens " +
    "that time. Runs that end later are kept for `RETENTION_DAYS`. With an archive, runs go there first. The work " +
    "continues after the response: GET says how far it is. The same request again returns the purge that is under " +
    "way, and other `days` replace it. A removed run can't be brought back. Its `Idempotency-Key` is forgotten, " +
    "so a repeated create starts another run. With `days` 0, a run stays for up to an hour after its end while a " +
    "stop request or a delivery waits.",
  responses: {
    200: { description: "What the purge would do (`dryRun`)", json: purge },
    202: { description: "The purge is under way", json: purge },
  },
  errors: ["storage_full", "coordinator_unavailable"],
};
purgeRoutes.post("/", requiresRoot(PURGE_ACTION_RUNS), validBody(purgeRequest), async (c) => {
  const { days, dryRun = false } = c.req.valid("json");
  const environment = environmentOf(c);
  // First, because a call would make the object of a mistyped environment.
  const select = selectRegistered(c.env.DB.withSession("first-primary"), environment.scope);
  if ((await readD1(environment.hops, () => select.first())) === null) throw new ApiError("not_found", NO_RUNS);
  if (dryRun) {
    const effect = await ask(environment, ({ purges }) => purges.preview(days));
    return c.json({ days, ...effect, requestedAt: null, completedAt: null });
  }
  await auditFirst(c, environment, null, { action: "purge_requested", target: `days/${days}` });
  const state = await ask(environment, ({ purges }) => purges.begin(days));
  if (state === null) throw new ApiError("not_found", NO_RUNS);
  return c.json(purgeToWire(state), 202);
});

const NO_RUNS =
  "This environment keeps no runs. Check its spelling. After a restore of the control database, resync it first.";

function purgeToWire({ requestedAt, completedAt, ...purge }: PurgeState) {
  return { ...purge, requestedAt: rfc3339(requestedAt), completedAt: rfc3339(completedAt) };
}
