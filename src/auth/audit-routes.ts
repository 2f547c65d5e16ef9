/** GET /{o}/{p}/audit: the audit entries that the asker's token may see, newest first. */

import { Hono } from "hono";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { encodeCursor, nextLink } from "../http/cursor.ts";
import { validQuery } from "../http/validate.ts";
import { baseUrl } from "../settings/public-url.ts";
import { auditScope, type ListedEntry, listAudit } from "./audit.ts";
import { requires } from "./bearer.ts";
import { tokenListQuery } from "./request-schemas.ts";

export const auditRoutes = new Hono<AppEnv>().get(
  "/",
  requires("tokens:manage"),
  validQuery(tokenListQuery),
  async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const { o, p } = c.req.param() as { o: string; p: string };
    const entries = await readD1(c.get("hops"), () =>
      listAudit(c.env.DB, `${o}/${p}`, c.get("principal").envName, cursor, limit + 1),
    );
    const page = entries.slice(0, limit);
    const last = page.at(-1);
    if (entries.length > limit && last !== undefined) {
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(last.id)));
    }
    return c.json(page.map(toWire));
  },
);

function toWire(entry: ListedEntry) {
  const { at, actor, actorName, sessionId, action, target, targetName, gates = null, bulk = null } = entry;
  const scope = auditScope(entry);
  return {
    at: new Date(at).toISOString(),
    actor,
    actorName,
    sessionId,
    action,
    target,
    targetName,
    scope,
    gates,
    bulk: bulk && (JSON.parse(bulk) as unknown),
  };
}
