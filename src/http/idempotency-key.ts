/** The key that marks a request as a repetition of an earlier one. Webhook senders call it `webhook-id`. */

import type { Context } from "hono";
import { IDEMPOTENCY_KEY_MAX_CHARACTERS } from "../base/limits.ts";
import { ApiError } from "./errors.ts";

/** The caller's key, or null without one. Throws `invalid_idempotency_key`. */
export function idempotencyKey(c: Context): string | null {
  const key = c.req.header("Idempotency-Key") ?? c.req.header("webhook-id");
  if (key === undefined) return null;
  if (key.length > IDEMPOTENCY_KEY_MAX_CHARACTERS || !/^[\x20-\x7e]+$/.test(key)) {
    throw new ApiError(
      "invalid_idempotency_key",
      `Idempotency-Key has ${key.length} characters. Send 1 to ${IDEMPOTENCY_KEY_MAX_CHARACTERS} printable ASCII characters.`,
    );
  }
  return key;
}
