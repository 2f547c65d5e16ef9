/**
 * The service's own switch of a definition. The switch stands beside the definition and is bound to the version, so
 * another version is not disabled.
 */
import { auditStatement, batchWrote, logAudit, newServiceEntry } from "../auth/audit.ts";
import { within } from "../base/time.ts";
import type { DefinitionRef, StoredKind } from "./kind.ts";

/** An attempt whose receiver answered 410 waits for this write, and holds its permit meanwhile. */
const WRITE_MAX_MS = 5000;

/**
 * `reason`: a sentence without secrets. False if the definition is gone, has another version, or is disabled already.
 * Writes the audit entry of the service. It is one batch that may run twice, because the first run may have committed
 * although its answer was lost. Throws errors of D1, and a Timeout after 5 s. The definition may be disabled then.
 */
export async function disableDefinition(
  db: D1Database,
  kind: StoredKind,
  { scope, name, version, reason, at }: DefinitionRef & { version: number; reason: string; at: number },
): Promise<boolean> {
  const [o, p, envName = ""] = scope.split("/");
  const { disabled: action } = kind.audit;
  if (action === undefined) throw new Error(`the service disables no ${kind.noun}`);
  const entry = newServiceEntry({ project: `${o}/${p}`, envName, action, target: name }, at);
  const isThere = `EXISTS (
    SELECT 1 FROM definitions
    WHERE scope = ?1 || '/' || ?3 AND kind = '${kind.name}' AND name = ?8 AND version = ${Math.trunc(version)}
      AND disabled_version IS NOT version)`;
  const disable = db
    .prepare(
      `UPDATE definitions SET disabled_version = version, disabled_at = ?4, disabled_reason = ?5
       WHERE scope = ?1 AND kind = '${kind.name}' AND name = ?2 AND version = ?3 AND disabled_version IS NOT version`,
    )
    .bind(scope, name, version, at, reason);
  const writing = batchWrote(db, entry, [auditStatement(db, entry, isThere), disable]);
  const isDone = await within(WRITE_MAX_MS, writing).finally(() => kind.memory.forget({ scope, name }));
  if (isDone) logAudit(entry, undefined, { version });
  return isDone;
}
