/** What a request says of its session, and the cookie of a response. */

import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { sha256Hex } from "../../base/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { ApiError } from "../../http/errors.ts";
import { rootToken } from "../../settings/config.ts";
import { foreignness, type SignInSite, signInSite } from "./own-page.ts";
import { cookieHash, isPageKey } from "./secret.ts";

export const PAGE_KEY_HEADER = "Action-Runs-Page-Key";

interface RequestSession {
  readonly cookie: string;
  readonly hash: string;
  readonly pageKeyHash: string;
}

/** The session that the request names. It asks nobody whether the session exists. Throws 401, or `not_configured`. */
export async function requestSession(c: Context<AppEnv>): Promise<RequestSession> {
  const site = ownSite(c);
  const foreign = foreignnessOf(c, site);
  if (foreign !== null) throw new ApiError("unauthorized", foreign);
  if (c.req.header("Authorization") !== undefined) {
    throw new ApiError(
      "unauthorized",
      "The request has both a session and a token. Leave out the header Authorization.",
    );
  }
  const pageKey = c.req.header(PAGE_KEY_HEADER) ?? "";
  const cookie = getCookie(c, site.cookieName) ?? "";
  const hash = await cookieHash(cookie, rootToken(c.env));
  if (hash === null || !isPageKey(pageKey)) throw new ApiError("session_ended");
  return { cookie, hash, pageKeyHash: await sha256Hex(pageKey) };
}

/** Refuses requests that no page of this service sent. */
export function requiresOwnPage(): MiddlewareHandler<AppEnv> {
  return async function requiresOwnPage(c, next) {
    const foreign = foreignnessOf(c, ownSite(c));
    if (foreign !== null) throw new ApiError("forbidden", foreign);
    await next();
  };
}

/** Where people sign in. Throws `not_configured`. */
export function ownSite(c: Context<AppEnv>): SignInSite {
  const site = signInSite(c.env.PUBLIC_URL, c.req.url);
  if (!site.ok) throw new ApiError("not_configured", site.error);
  return site.value;
}

function foreignnessOf(c: Context<AppEnv>, site: SignInSite): string | null {
  return foreignness(c.req.method, (name) => c.req.header(name), site);
}

/** Sets the cookie until `expiresAt`, in ms. An instant that has passed takes the cookie away. */
export function sendCookie(
  c: Context<AppEnv>,
  { cookieName, isSecure }: SignInSite,
  value: string,
  expiresAt: number | null,
): void {
  const leftMs = Math.max((expiresAt ?? 0) - Date.now(), 0);
  setCookie(c, cookieName, value, {
    httpOnly: true,
    sameSite: "Strict",
    path: "/",
    secure: isSecure,
    maxAge: Math.floor(leftMs / 1000),
  });
}
