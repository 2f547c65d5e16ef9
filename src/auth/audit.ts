/**
 * Who did what to a project: rows in D1, and a line in the log for each. Lines go round the log's limit on request
 * lines, so no flood hides them. Neither holds a secret.
 */

import type { Statement } from "../http/read-d1.ts";
import { log } from "../log.ts";
import { mintUuidV7 } from "../uuid.ts";
import type { Principal } from "./permissions.ts";

export type AuditAction = "token_minted" | "token_revoked" | "resync_requested";

export interface AuditEntry {
  readonly id: string;
  /** `{org}/{project}`. */
  readonly project: string;
  /** Null: it concerns the whole project. */
  readonly envName: string | null;
  readonly at: number;
  /** The acting token's id, or `root`. */
  readonly actor: string;
  readonly actorName: string;
  readonly action: AuditAction;
  /** A token's id, or a scope. */
  readonly target: string;
}

/** The id is made once for a request: a second try at D1 finds what the first one wrote. */
export function newAuditEntry(
  { id, name }: Principal,
  what: Pick<AuditEntry, "project" | "envName" | "action" | "target">,
  now: number,
): AuditEntry {
  return { id: mintUuidV7(now), at: now, actor: id, actorName: name, ...what };
}

/** `{org}/{project}`, or `{org}/{project}/{env}`. */
export function auditScope({ project, envName }: Pick<AuditEntry, "project" | "envName">): string {
  return envName === null ? project : `${project}/${envName}`;
}

export function logAudit(
  entry: AuditEntry,
  requestId: string,
  more: Readonly<Record<string, unknown>> = {},
): void {
  const { actor, action, target } = entry;
  log("info", "audit", { requestId, actor, action, target, scope: auditScope(entry), ...more });
}

/** Writes the entry if `condition` holds, a test in SQL of ?1, the project, and ?8, the target. */
export function auditStatement(
  db: D1Database,
  entry: AuditEntry,
  condition: string = "1",
): D1PreparedStatement {
  const { project, id, envName, at, actor, actorName, action, target } = entry;
  return db
    .prepare(
      `INSERT INTO audit (project, id, env_name, at, actor, actor_name, action, target)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE ${condition} ON CONFLICT (project, id) DO NOTHING`,
    )
    .bind(project, id, envName, at, actor, actorName, action, target);
}

/** Newest first, from before the id `cursor`. `envName` null: of every environment and of the project itself. */
export function auditListStatement(
  project: string,
  envName: string | null,
  cursor: string | undefined,
  limit: number,
): Statement {
  const inEnv = envName === null ? "" : "AND env_name = ?4";
  const sql = `
    SELECT project, id, env_name AS envName, at, actor, actor_name AS actorName, action, target
    FROM audit WHERE project = ?1 AND id < ?2 ${inEnv} ORDER BY id DESC LIMIT ?3`;
  return { sql, bindings: [project, cursor ?? "g", limit, ...(envName === null ? [] : [envName])] };
}

export async function listAudit(
  db: D1Database,
  ...asked: Parameters<typeof auditListStatement>
): Promise<AuditEntry[]> {
  const { sql, bindings } = auditListStatement(...asked);
  const { results } = await db
    .prepare(sql)
    .bind(...bindings)
    .all<AuditEntry>();
  return results;
}

const DROPPED_PER_TICK = 1000;
const DAY_MS = 86_400_000;

/** Removes entries older than `retentionDays`, the oldest first and a bounded number of them. Never throws. */
export async function purgeAudit(db: D1Database, retentionDays: number, now: number): Promise<void> {
  const dropping = db
    .prepare(
      `DELETE FROM audit WHERE rowid IN (
         SELECT rowid FROM audit INDEXED BY audit_by_time WHERE at < ? ORDER BY at LIMIT ${DROPPED_PER_TICK})`,
    )
    .bind(now - retentionDays * DAY_MS);
  await dropping
    .run()
    .catch((error: unknown) => log("error", "sweep_failed", { step: "purge_audit", error: String(error) }));
}
