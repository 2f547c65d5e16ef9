/** A PUT and a DELETE read the action, compare and set it, and start again if another change came first. */

import type { Context } from "hono";
import { type AuditEntry, logAudit } from "../auth/audit.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import type { ActionRef } from "./action-ref.ts";
import { forgetAction } from "./cache.ts";
import { type Changeable, selectForChange } from "./store.ts";

/** How often a change starts again because another one came first. */
const TRIES_MAX = 5;

/** `isUnchanged`: there was nothing to change, so nothing was written. */
interface Changed {
  readonly version: number;
  readonly isUnchanged?: boolean;
}

/**
 * `write`: checks what was read, and writes the change with its audit entry. Its result is null if another change came
 * first. Throws what `write` throws, `precondition_failed` and `database_unavailable`.
 */
export async function changeAction<T extends Changed>(
  c: Context<AppEnv>,
  ref: ActionRef,
  entry: AuditEntry,
  write: (read: Changeable) => Promise<T | null>,
): Promise<T> {
  for (let n = 0; n < TRIES_MAX; n++) {
    const read = await readD1(c.get("hops"), () => selectForChange(c.env.DB, ref));
    const written = await write(read).finally(() => forgetAction(ref));
    if (written === null) continue;
    if (!written.isUnchanged) logAudit(entry, c.get("requestId"), { version: written.version });
    return written;
  }
  throw new ApiError(
    "precondition_failed",
    "Other changes to the action came first each time. Get the action and try again.",
  );
}
