/**
 * What a request says of its session: the cookie and the page key, and whether a page of this service sent it.
 *
 * The cookie has 256 random bits, and the page key has 128. The page keeps the key in its `localStorage`, which belongs
 * to one port, because browsers send a cookie to every port of a host. Neither half opens anything alone. D1 has only
 * hashes of both.
 */
import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { newUuidV7 } from "../base/ids.ts";
import { sha256Hex } from "../base/json.ts";
import { ApiError } from "../http/errors.ts";
import { type Described, guard, type Meaning } from "../http/operation.ts";
import type { AppEnv } from "../http/request-context.ts";
import { rootToken } from "../settings/config.ts";
import { isLoopback } from "../settings/url-guard.ts";
import { randomText } from "./token-format.ts";

export const PAGE_KEY_HEADER = "Action-Runs-Page-Key";

/** The session that the request names. It asks nobody whether the session exists. Throws 401, or `not_configured`. */
export async function requestSession(c: Context<AppEnv>) {
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
  if (hash === null || !PAGE_KEY.test(pageKey)) throw new ApiError("session_ended");
  return { cookie, hash, pageKeyHash: await sha256Hex(pageKey) };
}

const OWN_PAGES =
  "Only pages of this service may send this request: it needs `Sec-Fetch-Site: same-origin`, the service's own `Origin`, and `Content-Type: application/json`.";

/** Refuses requests that no page of this service sent. `operation`: see `requires`. `means`: who else may ask. */
export function requiresOwnPage(operation: Described, means: Meaning): MiddlewareHandler<AppEnv> {
  const check = (c: Context<AppEnv>) => {
    const foreign = foreignnessOf(c, ownSite(c));
    if (foreign !== null) throw new ApiError("forbidden", foreign);
  };
  const errors = ["forbidden", "not_configured", "database_unavailable", ...(means.errors ?? [])] as const;
  return guard(check, DESCRIBE && { who: OWN_PAGES, ...means, errors, operation });
}

/** If `expiresAt` has passed, the cookie goes. `Lax` is for a cookie that a request from the issuer's page needs. */
export function sendCookie(
  c: Context<AppEnv>,
  { cookieName, isSecure }: Pick<SignInSite, "cookieName" | "isSecure">,
  value: string,
  expiresAt: number | null,
  sameSite: "Strict" | "Lax" = "Strict",
): void {
  const maxAge = Math.floor(Math.max((expiresAt ?? 0) - Date.now(), 0) / 1000);
  setCookie(c, cookieName, value, { httpOnly: true, sameSite, path: "/", secure: isSecure, maxAge });
}

/** Where people sign in, and how the cookie is set there. */
export interface SignInSite {
  readonly origin: string;
  /** Cookies ignore ports. So on loopback the name contains the port, because each port is another program. */
  readonly cookieName: string;
  /** Whether the cookie is `Secure` and has the prefix `__Host-` (RFC 6265bis, section 4.1.3.2). */
  readonly isSecure: boolean;
}

/** Of the body of a request that nobody has authenticated yet. */
export const SIGN_IN_MAX_BYTES = 16_384;

const NAME = "action-runs-session";

/** PUBLIC_URL decides. Without it, only loopback is a site: the caller chooses the host. Throws `not_configured`. */
export function ownSite(c: Context<AppEnv>): SignInSite {
  const { PUBLIC_URL } = c.env;
  const url = URL.parse(PUBLIC_URL || c.req.url);
  if (url?.protocol === "https:" && PUBLIC_URL) {
    return { origin: url.origin, cookieName: `__Host-${NAME}`, isSecure: true };
  }
  if (url !== null && isLoopback(url.hostname)) {
    const cookieName = `${NAME}-${url.port || (url.protocol === "https:" ? "443" : "80")}`;
    return { origin: url.origin, cookieName, isSecure: false };
  }
  const sentence = PUBLIC_URL
    ? "PUBLIC_URL does not begin with https://, so nobody can sign in. Set it to an https URL."
    : "PUBLIC_URL is not set, so nobody can sign in. Set it to the https URL of this service.";
  throw new ApiError("not_configured", sentence);
}

/**
 * Why the request may not use a session; null if it may. The threat: a browser adds the cookie to requests that other pages cause. `Sec-Fetch-Site` says who caused a request,
 * and no page can set it. It is `same-site` for another port of the same host. `Origin` is checked as well for
 * everything that can change something (OWASP, Cross-Site Request Forgery Prevention).
 */
function foreignnessOf(c: Context<AppEnv>, { origin }: SignInSite): string | null {
  const isReading = c.req.method === "GET" || c.req.method === "HEAD";
  const isOwn = c.req.header("Sec-Fetch-Site") === "same-origin" && (isReading || c.req.header("Origin") === origin);
  return isOwn ? null : `Only the pages of ${origin} may use a session. Open ${origin}/console in your browser.`;
}

/** Of a session that a token began, or a sign-in. */
const OF_TOKEN = /^[ts]\.[A-Za-z0-9_-]{43}$/;
const OF_OPERATOR = /^r\.[A-Za-z0-9_-]{43}$/;
const PAGE_KEY = /^[A-Za-z0-9_-]{22}$/;

/** A session that a token (`t`), ROOT_TOKEN (`r`) or a sign-in (`s`) begins: what the page gets, and what is stored. */
export async function newSession(c: Context<AppEnv>, kind: "t" | "r" | "s", project: string) {
  const cookie = `${kind}.${randomText(32)}`;
  const pageKey = randomText(16);
  const hash = await cookieHash(cookie, rootToken(c.env));
  if (hash === null) throw new ApiError("not_configured", "ROOT_TOKEN is not set. Set it to sign in as the operator.");
  const now = Date.now();
  return { cookie, pageKey, row: { id: newUuidV7(now), project, hash, pageKeyHash: await sha256Hex(pageKey), now } };
}

/**
 * The hash by which the session is found. Null if none can have this cookie. The hashed text contains the purpose. The
 * threat: a server at another port receives the cookie and sends it as a token, which needs no page key. The hash of a
 * session that began with ROOT_TOKEN is an HMAC under ROOT_TOKEN, so the session ends when ROOT_TOKEN changes.
 */
export async function cookieHash(cookie: string, rootToken: string | null): Promise<string | null> {
  const text = sessionText(cookie);
  if (OF_TOKEN.test(cookie)) return sha256Hex(text);
  return OF_OPERATOR.test(cookie) && rootToken !== null ? hmacHex(rootToken, text) : null;
}

/** The same for what the command line sends instead of a cookie and a page key. */
export function commandLineHash(token: string): Promise<string> {
  return sha256Hex(sessionText(token));
}

function sessionText(secret: string): string {
  return `action-runs session v1\n${secret}`;
}

/** Whose session a one-time code begins. */
export type CodePurpose = "operator" | "sign-in" | "command line";

/** `bound`: what the code needs besides. The hashed text contains the purpose, so no code works as another kind. */
export function codeHash(purpose: CodePurpose, code: string, ...bound: readonly string[]): Promise<string> {
  return sha256Hex(["action-runs code v1", purpose, code, ...bound].join("\n"));
}

async function hmacHex(secret: string, text: string): Promise<string> {
  const encoder = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text))).toHex();
}
