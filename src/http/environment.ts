/** What every request to an environment needs: the scope that its path names, and signing keys that can be used. */

import type { Context } from "hono";
import { type KeyRing, keyRing } from "../settings/key-ring.ts";
import type { AppEnv } from "./app-env.ts";
import { ApiError } from "./errors.ts";

/** `{org}/{project}/{env}` */
export function scopeOf(c: Context<AppEnv>): string {
  const { o, p, envName } = c.req.param() as { o: string; p: string; envName: string };
  return `${o}/${p}/${envName}`;
}

/** Throws `not_configured` with a sentence that says which setting is wrong. */
export function usableRing(c: Context<AppEnv>): KeyRing {
  const ring = keyRing(c.env.CALLBACK_SIGNING_KEYS);
  if (!ring.ok) throw new ApiError("not_configured", ring.error);
  return ring.value;
}
