/** GET /whoami: tells the holder of an API token what the token is and what it opens. */

import { Hono } from "hono";
import { rfc3339 } from "../base/time.ts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate } from "./bearer.ts";
import { PERMISSIONS_OF } from "./permissions.ts";
import { rowIdOf } from "./store.ts";

export const whoamiRoutes = new Hono<AppEnv>().get("/whoami", async (c) => {
  const principal = await authenticate(c);
  const { name, role, project, envName, expiresAt } = principal;
  return c.json({
    id: rowIdOf(principal),
    name,
    role,
    permissions: PERMISSIONS_OF[role],
    project,
    envName,
    expiresAt: rfc3339(expiresAt),
  });
});
