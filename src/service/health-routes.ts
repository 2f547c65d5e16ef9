/** What anyone may ask without a token: what this service is, the health check, the readiness check. */

import { Hono } from "hono";
import { accepts } from "hono/accepts";
import * as z from "zod";
import {
  degradedOf,
  hasReport,
  NOT_READY,
  OLDER_MAX,
  unboundAmong,
  WARNINGS,
  waitingElsewhere,
  warningsIn,
} from "../database/database-state.ts";
import { sealingKeyIds } from "../definitions/sealing.ts";
import { ApiError } from "../http/errors.ts";
import { type Described, forAnyone } from "../http/operation.ts";
import type { AppEnv } from "../http/request-context.ts";
import { databaseNumber } from "../http/response-schemas.ts";
import { settingFaults } from "../settings/config.ts";
import { boundDatabases } from "../settings/databases.ts";
import { keyRing } from "../settings/key-ring.ts";
import { requireDatabase } from "./readiness.ts";

const JSON_TYPE = "application/json";
const PAGE_TYPE = "text/html";

export const healthRoutes = new Hono<AppEnv>();

const DESCRIBE_SERVICE: Described = DESCRIBE && {
  operationId: "describeService",
  summary: "Describe the service",
  description:
    "Returns the service's name and the paths of its endpoints. Requires no token. If `Accept` prefers " +
    "`text/html`, as in a browser, the response redirects to the console.",
  responses: {
    200: {
      description: "The service's name and endpoints",
      json: z.record(z.string(), z.unknown()).meta({ examples: [{ name: "action-runs", explorer: "/docs" }] }),
    },
    302: { description: "The console, for a browser", location: "/console" },
  },
};
healthRoutes.get(
  "/",
  forAnyone(DESCRIBE_SERVICE, (c) => {
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
  }),
);

const IS_ALIVE: Described = DESCRIBE && {
  operationId: "isAlive",
  summary: "Health check",
  description: "Returns 200 whenever the service runs. It checks neither the settings nor the database.",
  responses: {
    200: {
      description: "The service runs",
      json: z.object({ status: z.literal("alive") }).meta({ examples: [{ status: "alive" }] }),
    },
  },
};
healthRoutes.get(
  "/healthz",
  forAnyone(IS_ALIVE, (c) => c.json({ status: "alive" })),
);

const IS_READY: Described = DESCRIBE && {
  operationId: "isReady",
  summary: "Readiness check",
  description:
    "Checks the settings, the database and its migrations. The service asks the database at most once in " +
    "5 seconds and caches the result. `secretsUnderOlderKeys` counts the actions and webhook endpoints, up to 10000, " +
    "whose secrets the first signing key has not sealed yet. `waitingRunsUnderOlderKeys` counts the runs that wait with a " +
    "request which an older key sealed, up to 10000. Keep the older keys until both are 0. With several databases, the second " +
    "count is null while it is not known. `degraded` lists other databases that are not ready, and the archive if it " +
    "does not answer. It also lists a database that is not bound although an environment lives there. The service looks at " +
    "them every minute. They affect only the environments that live there. `warnings` lists the databases that are over 80 % full.",
  responses: {
    200: {
      description: "The service is ready",
      json: z
        .object({
          status: z.literal("ready"),
          secretsUnderOlderKeys: z.int().meta({ wire: { type: "integer", minimum: 0 } }),
          waitingRunsUnderOlderKeys: z.nullable(z.int()).meta({ wire: { type: ["integer", "null"], minimum: 0 } }),
          degraded: z
            .array(
              z.union([
                z.object({ database: databaseNumber, status: z.enum(NOT_READY) }).meta({ id: "DegradedDatabase" }),
                z.object({ archive: z.literal("not_answering") }).meta({ id: "DegradedArchive" }),
              ]),
            )
            .optional(),
          warnings: z.array(
            z
              .object({ database: databaseNumber, warning: z.enum(WARNINGS) })
              .meta({ id: "DatabaseWarning", examples: [{ database: 0, warning: "nearly_full" }] }),
          ),
        })
        .meta({
          examples: [{ status: "ready", secretsUnderOlderKeys: 0, waitingRunsUnderOlderKeys: 0, warnings: [] }],
        }),
    },
  },
  errors: ["not_ready", "storage_full"],
};
healthRoutes.get(
  "/readyz",
  forAnyone(IS_READY, async (c) => {
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
    const { older, report, inUse, sizeBytes } = await requireDatabase(asked, c.get("hops"));
    const unbound = unboundAmong(c.env, inUse);
    const numbers = [...boundDatabases(c.env), ...unbound];
    const elsewhere = waitingElsewhere(report, numbers, requests, Date.now());
    const degraded = degradedOf(report, unbound);
    return c.json({
      status: "ready",
      secretsUnderOlderKeys: older.secrets,
      waitingRunsUnderOlderKeys: elsewhere === null ? null : Math.min(older.requests + elsewhere, OLDER_MAX),
      ...((withReport || degraded.length > 0) && { degraded }),
      warnings: warningsIn([{ number: 0, sizeBytes }, ...(report?.databases ?? [])]),
    });
  }),
);
