/** …/database: in which database an environment lives, and its move to another one. Only with ROOT_TOKEN. */
import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { requiresRoot } from "../../../auth/authentication.ts";
import { rfc3339 } from "../../../base/time.ts";
import { warningsOf } from "../../../database/database-state.ts";
import { readD1, requireNamedDatabase } from "../../../database/read-d1.ts";
import { ApiError } from "../../../http/errors.ts";
import type { Described } from "../../../http/operation.ts";
import type { AppEnv } from "../../../http/request-context.ts";
import { inDocument, wholeNumber } from "../../../http/schemas.ts";
import { validBody } from "../../../http/validate.ts";
import { DATABASE_MAX } from "../../../settings/databases.ts";
import { noteHome } from "../../d1/environments.ts";
import {
  FIRST_HOME,
  type Home,
  type HomeState,
  isUnderWay,
  leftDatabase,
  type Move,
  type MoveReply,
} from "../../home.ts";
import { askHome } from "../placement.ts";
import { environmentDatabase } from "../responses/databases.ts";
import { ask, environmentOf, type RunEnvironment } from "../run-request.ts";
import { auditFirst } from "./database-routes.ts";

const environmentMove = z.strictObject({ database: wholeNumber("a whole number", 0, DATABASE_MAX) });
inDocument(environmentMove, {
  id: "EnvironmentMove",
  members: { database: "The number of the database where the environment shall live." },
  examples: [{ database: 0 }],
});

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
environmentDatabaseRoutes.get("/", requiresRoot(GET_ENVIRONMENT_DATABASE), async (c) =>
  c.json(toWire(await readHomeAndMove(c))),
);

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
  return c.json(toWire(moved), isAccepted ? 202 : 200);
});

function toWire({ home, move, state }: HomeAndMove) {
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

/** Where the environment lives. Throws `coordinator_unavailable`, or `database_unavailable`. */
async function readHomeAndMove(c: Context<AppEnv>): Promise<HomeAndMove> {
  const environment = environmentOf(c);
  const { home, state } = await askHome(environment);
  return { home: home ?? FIRST_HOME, move: state.moves.at(-1) ?? null, state };
}

/**
 * Moves an environment to another database, or cancels its move. The coordinator decides. The checks here come first only
 * for a better answer, and to keep refused moves out of the audit log. `isAccepted`: a move is under way or was cancelled,
 * so the response is 202. Throws if the environment can't move.
 */
async function moveEnvironment(
  c: Context<AppEnv>,
  database: number,
): Promise<HomeAndMove & { readonly isAccepted: boolean }> {
  const environment = environmentOf(c);
  const moved = { action: "environment_moved", target: `database/${database}` } as const;
  const db = await requireNamedDatabase(c.env, c.get("hops"), database);
  const { home, state } = await askHome(environment);
  if (home === null) {
    await auditFirst(c, environment, null, moved);
    const chosen = await ask(environment, (coordinator) => coordinator.moves.chooseHome(database));
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
    const reply = await ask(environment, (coordinator) => coordinator.moves.cancel());
    // It is over by now, or the first answer to the cancel was lost.
    const after = reply === null ? (await askHome(environment)).state.moves.at(-1) : moveIn(reply);
    return { home, move: after ?? null, state, isAccepted: true };
  }
  if (underWay !== null) throw new ApiError("move_under_way");
  if (moves.some((one) => leftDatabase(one) === database)) throw new ApiError("moved_lately");
  await requireRoom(environment, db, bytes);
  await auditFirst(c, environment, home, moved);
  const reply = await ask(environment, (coordinator) => coordinator.moves.begin(home, database));
  return { home, move: moveIn(reply), state, isAccepted: true };
}

const SWITCHING = "The move can't be cancelled any more. Wait until it is over, and then move the environment back.";

function moveIn(reply: MoveReply): Move {
  if (!reply.ok) throw new ApiError(reply.reason);
  return reply.move;
}

async function requireRoom({ hops }: RunEnvironment, db: D1Database, bytes: HomeState["bytes"]): Promise<void> {
  const { meta } = await readD1(hops, () => db.prepare("SELECT 1").all());
  if ((meta.size_after ?? 0) + ROOM_FACTOR * bytes >= ROOM_BYTES) throw new ApiError("no_room");
}
