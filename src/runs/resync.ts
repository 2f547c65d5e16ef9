/** POST …/resync: after D1 was restored or lost, the coordinators make it as their journals are. Root only. */

import { Hono } from "hono";
import { requiresRoot } from "../auth/bearer.ts";
import type { AppEnv } from "../http/context.ts";
import { callCoordinator } from "./coordinators.ts";
import { scopeOf } from "./routes.ts";
import { COORDINATORS } from "./run-id.ts";

export const resyncRoutes = new Hono<AppEnv>().post("/", requiresRoot(), async (c) => {
  const numbers = Array.from({ length: COORDINATORS }, (_, n) => n);
  const remaining = await Promise.all(
    numbers.map((n) => callCoordinator(c.env, c.get("hops"), scopeOf(c), n, (stub) => stub.resync())),
  );
  return c.json({ remaining: remaining.reduce((sum, runs) => sum + runs, 0) }, 202);
});
