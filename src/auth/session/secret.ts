/**
 * The secrets of a session. The cookie has 256 random bits, and the page key has 128. The page keeps the key in its
 * `localStorage`, which belongs to one port, because browsers send a cookie to every port of a host. Neither half opens
 * anything alone. D1 has only hashes of both.
 *
 * A session that began with ROOT_TOKEN is found by an HMAC under ROOT_TOKEN. So it ends when ROOT_TOKEN changes.
 */

import { sha256Hex } from "../../base/json.ts";
import { randomText } from "../api-token.ts";

const OF_TOKEN = /^t\.[A-Za-z0-9_-]{43}$/;
const OF_OPERATOR = /^r\.[A-Za-z0-9_-]{43}$/;
const PAGE_KEY = /^[A-Za-z0-9_-]{22}$/;

/** The value of a new cookie. */
export function newCookie(isOperators: boolean): string {
  return `${isOperators ? "r" : "t"}.${randomText(32)}`;
}

export function newPageKey(): string {
  return randomText(16);
}

export function isPageKey(text: string): boolean {
  return PAGE_KEY.test(text);
}

/**
 * The hash by which D1 and the isolate find the session of a cookie. Null if no session can have this cookie. The hashed
 * text contains the purpose. The threat: a server at another port receives the cookie and sends it as a token, for which
 * no page key is needed.
 */
export async function cookieHash(cookie: string, rootToken: string | null): Promise<string | null> {
  const text = `action-runs session v1\n${cookie}`;
  if (OF_TOKEN.test(cookie)) return sha256Hex(text);
  return OF_OPERATOR.test(cookie) && rootToken !== null ? hmacHex(rootToken, text) : null;
}

async function hmacHex(secret: string, text: string): Promise<string> {
  const encoder = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text))).toHex();
}
