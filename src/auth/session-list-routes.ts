/** /{o}/{p}/sessions: who is signed in, and how a manager of tokens ends a session. */

import { Hono } from "hono";
import { rfc3339 } from "../base/time.ts";
import { parseUuid } from "../base/uuid.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { encodeCursor, nextLink } from "../http/cursor.ts";
import { ApiError } from "../http/errors.ts";
import { validQuery } from "../http/validate.ts";
import { baseUrl } from "../settings/public-url.ts";
import { logAudit, newAuditEntry } from "./audit.ts";
import { requires } from "./bearer.ts";
import { forgetCredentials } from "./credential-memory.ts";
import { writeAudited } from "./newest-secret.ts";
import { tokenListQuery } from "./request-schemas.ts";
import { endSession, listSessions, type StoredSession } from "./session/store.ts";

export const sessionListRoutes = new Hono<AppEnv>()
  .get("/", requires("tokens:manage"), validQuery(tokenListQuery), async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const { o, p } = c.req.param() as { o: string; p: string };
    const page = { cursor, limit: limit + 1, now: Date.now() };
    const rows = await readD1(c.get("hops"), () => listSessions(c.env.DB, `${o}/${p}`, c.get("principal"), page));
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    if (rows.length > limit && last !== undefined) {
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(last.id)));
    }
    return c.json(shown.map(toWire));
  })
  .delete("/:sessionId", requires("tokens:manage"), async (c) => {
    const target = parseUuid(c.req.param("sessionId"));
    if (target === null) throw new ApiError("session_not_found");
    const asker = c.get("principal");
    const { o, p } = c.req.param() as unknown as { o: string; p: string };
    const what = { project: `${o}/${p}`, envName: null, action: "session_ended", target } as const;
    const entry = newAuditEntry(c, what, Date.now());
    const ending = writeAudited(c, () => endSession(c.env.DB, asker, entry));
    // Also if the answer was lost, because D1 may have done it.
    const hasEnded = await ending.finally(() => forgetCredentials([target]));
    if (!hasEnded) throw new ApiError("session_not_found");
    logAudit(entry, c.get("requestId"));
    return c.body(null, 204);
  });

function toWire({ beganAt, expiresAt, lastUsedAt, ...session }: StoredSession) {
  return { ...session, beganAt: rfc3339(beganAt), expiresAt: rfc3339(expiresAt), lastUsedAt: rfc3339(lastUsedAt) };
}
