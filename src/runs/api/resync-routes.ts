/** POST …/resync: rebuilds D1 from the journals after D1 was restored or lost. Only with ROOT_TOKEN. */

import { Hono } from "hono";
import { newAuditEntry } from "../../auth/audit.ts";
import { requiresRoot } from "../../auth/bearer.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { hasSeveralDatabases } from "../../settings/databases.ts";
import { askHome } from "./databases/placement.ts";
import { resyncEnvironment } from "./databases/resync-environment.ts";
import { environmentOf } from "./run-environment.ts";

export const resyncRoutes = new Hono<AppEnv>().post("/", requiresRoot(), async (c) => {
  const { o, p, envName } = c.req.param() as { o: string; p: string; envName: string };
  const environment = environmentOf(c);
  const what = { project: `${o}/${p}`, envName, action: "resync_requested", target: environment.scope } as const;
  const entry = newAuditEntry(c, what, Date.now());
  // With one database, there is no row to repair.
  const home = hasSeveralDatabases(c.env) ? (await askHome(environment)).home : null;
  const remaining = await resyncEnvironment(environment, home, entry, c.get("requestId"));
  return c.json({ remaining }, 202);
});
