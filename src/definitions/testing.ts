/**
 * What the tests of all kinds share: the definition that a test is about, the errors in it, the limit, and the audit. A
 * test sends one request to a receiver and stores nothing else.
 */
import type { Context } from "hono";
import { type AuditAction, auditStatement, logAudit, writeAudited } from "../auth/audit.ts";
import { readD1 } from "../database/read-d1.ts";
import { ApiError } from "../http/errors.ts";
import type { AppEnv } from "../http/request-context.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { type Kept, keptOf } from "./change.ts";
import { type DefinitionKind, joinSecrets } from "./kind.ts";
import { auditEntryOf, definitionRefOf } from "./routes.ts";
import { type StoredDefinition, selectDefinition } from "./store.ts";

interface Tried<D> extends Pick<Kept<D>, "split"> {
  readonly stored: StoredDefinition | null;
  /** With its secrets. */
  readonly whole: D;
}

/**
 * A definition that was sent and is not stored, with the stored secrets where it has null. The rules are those of a PUT,
 * so a test sends no secret to where a PUT would not. Throws what a PUT throws before it writes.
 */
export async function triedDefinition<D>(
  c: Context<AppEnv>,
  kind: DefinitionKind<D>,
  ring: KeyRing,
  sent: D,
): Promise<Tried<D>> {
  await kind.requireStorable(c, sent);
  const ref = definitionRefOf(c);
  const stored = await readD1(c.get("hops"), () => selectDefinition(c.env.DB, kind, ref));
  const { split } = await keptOf(kind, ring, ref, stored, sent);
  // `keptOf` left no secret out.
  return { stored, split, whole: joinSecrets(kind.secrets, split.definition, split.secrets) ?? split.definition };
}

/** A pointer into the definition that was sent becomes one into the body. */
export function inDefinition(error: unknown): never {
  if (!(error instanceof ApiError) || error.pointer === undefined) throw error;
  const { code, message, pointer, cause } = error;
  throw new ApiError(code, `definition.${message}`, { pointer: `/definition${pointer}`, cause });
}

/**
 * Throws `too_many_tests`. The test is in the audit before it leaves. `waitMs`: what `admitTest` of the coordinator
 * answered.
 */
export async function admitTest(c: Context<AppEnv>, action: AuditAction, waitMs: number): Promise<void> {
  if (waitMs > 0) {
    const headers = { "Retry-After": String(Math.ceil(waitMs / 1000)) };
    throw new ApiError("too_many_tests", undefined, { headers });
  }
  const entry = auditEntryOf(c, action);
  await writeAudited(c, () => auditStatement(c.env.DB, entry).run());
  logAudit(entry, c.get("requestId"));
}
