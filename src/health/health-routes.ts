/** What anyone may ask without a token: what this service is, the health check, the readiness check. */
import { Hono } from "hono";
import { accepts } from "hono/accepts";
import { degradedOf, hasReport, OLDER_MAX, unboundAmong, waitingElsewhere } from "../database/database-state.ts";
import { sealingKeyIds } from "../definitions/sealing.ts";
import { ApiError } from "../http/errors.ts";
import type { AppEnv } from "../http/request-context.ts";
import { settingFaults } from "../settings/config.ts";
import { boundDatabases } from "../settings/databases.ts";
import { keyRing } from "../settings/key-ring.ts";
import { requireDatabase } from "./readiness.ts";

const JSON_TYPE = "application/json";
const PAGE_TYPE = "text/html";

export const healthRoutes = new Hono<AppEnv>()
  .get("/", (c) => {
    c.header("Vary", "Accept", { append: true });
    const type = accepts(c, { header: "Accept", supports: [JSON_TYPE, PAGE_TYPE], default: JSON_TYPE });
    // A browser puts pages first. The person before it wants the console.
    if (type === PAGE_TYPE) return c.redirect("/console");
    c.header("Cache-Control", "public, max-age=300");
    return c.json({
      name: "action-runs",
      description: "Records action runs. A platform creates a run, and an external workflow reports its end.",
      runs: "/{o}/{p}/envs/{envName}/action-runs",
      changes: "/{o}/{p}/envs/{envName}/action-runs/changes",
      actions: "/{o}/{p}/envs/{envName}/actions",
      concurrencyGroups: "/{o}/{p}/envs/{envName}/concurrency-groups",
      pauses: "/{o}/{p}/envs/{envName}/pauses",
      bulkOperations: "/{o}/{p}/envs/{envName}/bulk-operations",
      webhookEndpoints: "/{o}/{p}/envs/{envName}/webhook-endpoints",
      metrics: "/{o}/{p}/envs/{envName}/metrics",
      tokens: "/{o}/{p}/tokens",
      sessions: "/{o}/{p}/sessions",
      audit: "/{o}/{p}/audit",
      whoami: "/whoami",
      places: "/places",
      session: "/session",
      databases: "/databases",
      health: ["/healthz", "/readyz"],
      document: "/openapi.json",
      explorer: "/docs",
      console: "/console",
      next: "Open /console to watch runs or /docs to try the API, or POST a run with an API token.",
    });
  })
  .get("/healthz", (c) => c.json({ status: "alive" }))
  .get("/readyz", async (c) => {
    const ring = keyRing(c.env.CALLBACK_SIGNING_KEYS);
    const faults = [...(ring.ok ? [] : [ring.error]), ...settingFaults(c.env, new URL(c.req.url).origin)];
    if (!ring.ok || faults.length > 0) {
      throw new ApiError("not_ready", faults.join(" "), { headers: { "Retry-After": "60" } });
    }
    const [[secrets = ""], [requests = ""]] = await Promise.all([
      sealingKeyIds(ring.value),
      ring.value.keyIds("webhooks"),
    ]);
    const withReport = hasReport(c.env);
    const asked = { db: c.env.DB, keys: { secrets, requests }, withReport };
    const { older, report, inUse } = await requireDatabase(asked, c.get("hops"));
    const unbound = unboundAmong(c.env, inUse);
    const numbers = [...boundDatabases(c.env), ...unbound];
    const elsewhere = waitingElsewhere(report, numbers, requests, Date.now());
    const degraded = degradedOf(report, unbound);
    return c.json({
      status: "ready",
      secretsUnderOlderKeys: older.secrets,
      waitingRunsUnderOlderKeys: elsewhere === null ? null : Math.min(older.requests + elsewhere, OLDER_MAX),
      ...((withReport || degraded.length > 0) && { degraded }),
    });
  });
