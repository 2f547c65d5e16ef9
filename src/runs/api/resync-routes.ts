/** POST …/resync: after D1 was restored or lost, the coordinators make it as their journals are. Root only. */

import { Hono } from "hono";
import type { AppEnv } from "../../app-env.ts";
import { auditStatement, logAudit, newAuditEntry } from "../../auth/audit.ts";
import { requiresRoot } from "../../auth/bearer.ts";
import { readD1 } from "../../http/read-d1.ts";
import { COORDINATORS } from "../run-id.ts";
import { askCoordinator } from "./ask-coordinator.ts";
import { scopeOf } from "./run-routes.ts";

export const resyncRoutes = new Hono<AppEnv>().post("/", requiresRoot(), async (c) => {
  const { o, p, envName } = c.req.param() as { o: string; p: string; envName: string };
  const what = { project: `${o}/${p}`, envName, action: "resync_requested", target: scopeOf(c) } as const;
  const entry = newAuditEntry(c.get("principal"), what, Date.now());
  // First: a resync that nobody can account for does not begin.
  await readD1(c.get("hops"), () => auditStatement(c.env.DB, entry).run());
  logAudit(entry, c.get("requestId"));
  const numbers = Array.from({ length: COORDINATORS }, (_, n) => n);
  const remaining = await Promise.all(
    numbers.map((n) => askCoordinator(c.env, c.get("hops"), scopeOf(c), n, (stub) => stub.resync())),
  );
  return c.json({ remaining: remaining.reduce((sum, runs) => sum + runs, 0) }, 202);
});
