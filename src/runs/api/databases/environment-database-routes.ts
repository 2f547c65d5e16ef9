/** …/database: in which database an environment lives, and its move to another one. Only with ROOT_TOKEN. */

import { Hono } from "hono";
import { requiresRoot } from "../../../auth/bearer.ts";
import { rfc3339 } from "../../../base/time.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { validBody } from "../../../http/validate.ts";
import type { Move } from "../../move-calls.ts";
import { type HomeAndMove, moveEnvironment, readHomeAndMove } from "./move-environment.ts";
import { environmentMove } from "./request-schemas.ts";

export const environmentDatabaseRoutes = new Hono<AppEnv>()
  .get("/", requiresRoot(), async (c) => c.json(toWire(await readHomeAndMove(c))))
  .put("/", requiresRoot(), validBody(environmentMove), async (c) => {
    const { isAccepted, ...moved } = await moveEnvironment(c, c.req.valid("json").database);
    return c.json(toWire(moved), isAccepted ? 202 : 200);
  });

function toWire({ home, move }: HomeAndMove) {
  return { ...home, move: move === null ? null : moveToWire(move) };
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
