/** What anyone may ask: what this is, whether it lives, whether it can work. */

import { Hono } from "hono";
import { keyRing } from "./auth/key-ring.ts";
import { settingFaults } from "./config.ts";
import { readD1 } from "./d1.ts";
import type { AppEnv } from "./http/context.ts";
import { ApiError, unavailable } from "./http/errors.ts";

export const healthRoutes = new Hono<AppEnv>()
  .get("/", (c) => {
    c.header("Cache-Control", "public, max-age=300");
    return c.json({
      name: "action-runs",
      description: "Records action runs: a platform creates one, an external workflow reports its end.",
      runs: "/{o}/{p}/envs/{envName}/action-runs",
      tokens: "/{o}/{p}/tokens",
      audit: "/{o}/{p}/audit",
      health: ["/healthz", "/readyz"],
      document: "/openapi.json",
      explorer: "/docs",
      next: "Open /docs, or POST a run with an API token.",
    });
  })
  .get("/healthz", (c) => c.json({ status: "alive" }))
  .get("/readyz", async (c) => {
    const ring = keyRing(c.env.CALLBACK_SIGNING_KEYS);
    const faults = [...(ring.ok ? [] : [ring.error]), ...settingFaults(c.env, new URL(c.req.url).origin)];
    if (faults.length > 0) throw new ApiError("not_ready", faults.join(" "), { "Retry-After": "60" });
    await readD1(c.get("hops"), () => c.env.DB.prepare(NEWEST_SCHEMA).first()).catch((error: ApiError) => {
      const migrate = /no such (table|column)/.test(String(error.cause));
      throw unavailable(
        "not_ready",
        migrate ? "The database is not migrated: run `npm run migrate`." : "The database does not answer.",
        error.cause,
      );
    });
    return c.json({ status: "ready" });
  });

/** Names something of the newest migration, and reads nothing. */
const NEWEST_SCHEMA = `
  SELECT (SELECT purge_at FROM runs LIMIT 0), (SELECT parent_id FROM tokens LIMIT 0),
         (SELECT seen_at FROM coordinators LIMIT 0), (SELECT revoked FROM audit LIMIT 0)`;
