/** GET /{o}/{p}/audit: the audit entries that the asker's token may see, newest first. */

import { Hono } from "hono";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { encodeCursor, nextLink } from "../http/cursor.ts";
import { validQuery } from "../http/validate.ts";
import { baseUrl } from "../settings/public-url.ts";
import { auditScope } from "./audit.ts";
import { type ListedEntry, listAudit } from "./audit-list.ts";
import { requires } from "./bearer.ts";
import { auditQuery } from "./request-schemas.ts";

export const auditRoutes = new Hono<AppEnv>().get("/", requires("tokens:manage"), validQuery(auditQuery), async (c) => {
  const { o, p } = c.req.param() as { o: string; p: string };
  const { entries, nextBefore } = await readD1(c.get("hops"), () =>
    listAudit(c.env.DB, `${o}/${p}`, c.get("principal").envName, c.req.valid("query")),
  );
  if (nextBefore !== null) {
    c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(nextBefore)));
  }
  return c.json(entries.map(toWire));
});

function toWire(entry: ListedEntry) {
  const { at, actor, actorName, person, sessionId, action, target, targetName, reason } = entry;
  const { gates = null, bulk = null } = entry;
  return {
    at: new Date(at).toISOString(),
    actor,
    actorName,
    person,
    via: person && actorName,
    sessionId,
    action,
    target,
    targetName,
    scope: auditScope(entry),
    gates,
    reason,
    bulk: bulk && (JSON.parse(bulk) as unknown),
  };
}
