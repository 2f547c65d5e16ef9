/** Callback tokens as `{runId}:{expiresAtMs}:{hmac}`. A token opens the callback of one run. */

import { createHmac, timingSafeEqual } from "node:crypto";

const TOKEN = /^([0-9a-f-]{36}):(\d{13}):([0-9a-f]{64})$/;

export function signToken(key: string, scope: string, id: string, expiresAt: number): string {
  return `${id}:${expiresAt}:${hmac(key, scope, id, expiresAt).toString("hex")}`;
}

/** Whether the token is genuine for this run and has not expired. */
export function opens(key: string, token: string, scope: string, id: string, now: number): boolean {
  const [, tokenId, expiresAt, signature = ""] = TOKEN.exec(token) ?? [];
  if (tokenId !== id || Number(expiresAt) <= now) return false;
  return timingSafeEqual(hmac(key, scope, id, Number(expiresAt)), Buffer.from(signature, "hex"));
}

function hmac(key: string, scope: string, id: string, expiresAt: number): Buffer {
  return createHmac("sha256", key).update(`${scope}\n${id}\n${expiresAt}`).digest();
}
