/** The key by which a caller says that a request is one it made before. `webhook-id` counts too. */

import type { Context } from "hono";
import { ApiError } from "./errors.ts";
import { IDEMPOTENCY_KEY_MAX_CHARACTERS } from "./limits.ts";

/** The caller's key, null where none was sent, 400 where it can't be one. */
export function idempotencyKey(c: Context): string | null {
  const key = c.req.header("Idempotency-Key") ?? c.req.header("webhook-id");
  if (key === undefined) return null;
  if (key.length > IDEMPOTENCY_KEY_MAX_CHARACTERS || !/^[\x20-\x7e]+$/.test(key)) {
    throw new ApiError(
      "invalid_idempotency_key",
      `Idempotency-Key has ${key.length} characters; send 1 to ${IDEMPOTENCY_KEY_MAX_CHARACTERS} printable ASCII characters.`,
    );
  }
  return key;
}
