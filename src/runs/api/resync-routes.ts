/** POST …/resync: rebuilds D1 from the coordinators' journals after D1 was restored or lost. Only with ROOT_TOKEN. */

import { Hono } from "hono";
import { auditStatement, logAudit, newAuditEntry } from "../../auth/audit.ts";
import { requiresRoot } from "../../auth/bearer.ts";
import { readD1 } from "../../database/read-d1.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { registerAll } from "../d1/registration.ts";
import { askAll, environmentOf } from "./run-environment.ts";

export const resyncRoutes = new Hono<AppEnv>().post("/", requiresRoot(), async (c) => {
  const { o, p, envName } = c.req.param() as { o: string; p: string; envName: string };
  const environment = environmentOf(c);
  const { hops, scope } = environment;
  const what = { project: `${o}/${p}`, envName, action: "resync_requested", target: scope } as const;
  const entry = newAuditEntry(c.get("principal"), what, Date.now());
  // First, so that no resync starts without an entry in the audit log.
  await readD1(hops, () =>
    c.env.DB.batch([auditStatement(c.env.DB, entry), registerAll(c.env.DB, scope, entry.at)]),
  );
  logAudit(entry, c.get("requestId"));
  const remaining = await askAll(environment, (coordinator) => coordinator.resync());
  return c.json({ remaining: remaining.reduce((sum, runs) => sum + runs, 0) }, 202);
});
