/** A PUT and a DELETE read the definition, compare and set it, and start again if another change came first. */

import type { Context } from "hono";
import { type AuditEntry, type GateChange, logAudit } from "../auth/audit.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import type { DefinitionRef } from "./definition-ref.ts";
import type { StoredKind } from "./kind.ts";
import { type Changeable, selectForChange } from "./store.ts";

/** How often a change starts again because another one came first. */
const TRIES_MAX = 5;

/** `isUnchanged`: there was nothing to change, so nothing was written. */
interface Changed {
  readonly version: number;
  readonly isUnchanged?: boolean;
  /** What the change did to the gates of an action's runs. */
  readonly gates?: GateChange | null;
}

/**
 * `write`: checks what was read, and writes the change with its audit entry. Its result is null if another change came
 * first. Throws what `write` throws, `precondition_failed` and `database_unavailable`.
 */
export async function changeDefinition<T extends Changed>(
  c: Context<AppEnv>,
  kind: StoredKind,
  ref: DefinitionRef,
  entry: AuditEntry,
  write: (read: Changeable) => Promise<T | null>,
): Promise<T> {
  for (let n = 0; n < TRIES_MAX; n++) {
    const read = await readD1(c.get("hops"), () => selectForChange(c.env.DB, kind, ref));
    const written = await write(read).finally(() => kind.memory.forget(ref));
    if (written === null) continue;
    const { version, isUnchanged = false, gates = null } = written;
    if (!isUnchanged) logAudit({ ...entry, gates }, c.get("requestId"), { version });
    return written;
  }
  throw new ApiError(
    "precondition_failed",
    `Other changes to the ${kind.noun} came first each time. Get the ${kind.noun} and try again.`,
  );
}
