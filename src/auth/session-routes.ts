/**
 * /session: begins, renews and ends the session of a person in the console. Only this service's own pages may ask, also
 * before there is a cookie. Otherwise another page could sign a person in with a token of its own (login CSRF).
 */

import { Hono, type MiddlewareHandler } from "hono";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { requireJson, validBody } from "../http/validate.ts";
import { authenticate, chargeClient } from "./bearer.ts";
import { begin } from "./begin-session.ts";
import { forgetCredentials } from "./credential-memory.ts";
import { newSession } from "./request-schemas.ts";
import { ownSite, requestSession, requiresOwnPage, sendCookie } from "./session/request.ts";
import { deleteSession, renewSession } from "./session/store.ts";
import { describePrincipal } from "./whoami.ts";

/** A form of another page can't send JSON. */
function onlyJson(): MiddlewareHandler<AppEnv> {
  return async function onlyJson(c, next) {
    requireJson(c.req);
    await next();
  };
}

export const sessionRoutes = new Hono<AppEnv>()
  .post("/session", requiresOwnPage(), validBody(newSession), async (c) => {
    const { principal, cookie, pageKey } = await begin(c, c.req.valid("json"));
    sendCookie(c, ownSite(c), cookie, principal.expiresAt);
    return c.json({ pageKey, ...describePrincipal(principal) }, 201);
  })
  .post("/session/renew", requiresOwnPage(), onlyJson(), async (c) => {
    const { sessionId } = await authenticate(c);
    if (sessionId === undefined) throw new ApiError("unauthorized", NO_SESSION);
    const { cookie, hash } = await requestSession(c);
    const known = await readD1(c.get("hops"), () => renewSession(c.env.DB, hash, Date.now()));
    forgetCredentials([sessionId]);
    if (known === null) throw new ApiError("session_ended");
    sendCookie(c, ownSite(c), cookie, known.principal.expiresAt);
    return c.json(describePrincipal(known.principal));
  })
  .delete("/session", requiresOwnPage(), onlyJson(), async (c) => {
    // Before D1 is asked, because the cookie must go in any case.
    sendCookie(c, ownSite(c), "", 0);
    const { hash, pageKeyHash } = await requestSession(c);
    const ended = await readD1(c.get("hops"), () => deleteSession(c.env.DB, hash, pageKeyHash));
    if (ended === null) {
      await chargeClient(c);
      throw new ApiError("session_ended");
    }
    forgetCredentials([ended]);
    return c.body(null, 204);
  });

const NO_SESSION = "The request has no session to renew. Send the session's cookie and page key.";
