/**
 * API tokens in D1. `envName` null means a token, or an asker, of the whole project. Every change is one batch that may
 * be tried twice: a first try may have committed although its answer was lost. What it did is read at its end.
 */

import { TOKENS_MAX_PER_PROJECT } from "../http/limits.ts";
import { type AuditEntry, auditStatement } from "./audit.ts";
import type { Role } from "./permissions.ts";

export interface StoredToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly envName: string | null;
  /** Of the token that minted it; null: the operator, or minted before this was kept. */
  readonly parentId: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
}

/** How long an expired token stays in the list. */
const EXPIRED_KEPT_MS = 7 * 86_400_000;

/**
 * Whether the token that asks is still good, as SQL. An isolate may remember a revoked token for 30 s: what such a
 * token minted in that time would outlive its revocation. `asker` null is the operator.
 */
const lives = (asker: string, now: string) => `(${asker} IS NULL OR EXISTS (
  SELECT 1 FROM tokens WHERE project = ?1 AND id = ${asker} AND (expires_at IS NULL OR expires_at > ${now})))`;

/** `gone`: the asker's own token was revoked or has expired. `full`: the project holds as many tokens as it may. */
export type Minting = "minted" | "gone" | "full";

/** Mints a token under `token.parentId`, the asker, and tells the audit. */
export async function insertToken(
  db: D1Database,
  project: string,
  token: StoredToken,
  hash: string,
  entry: AuditEntry,
): Promise<Minting> {
  const { id, name, role, envName, parentId, createdBy, createdAt, expiresAt } = token;
  const dropExpired = db
    .prepare("DELETE FROM tokens WHERE project = ? AND expires_at < ?")
    .bind(project, createdAt - EXPIRED_KEPT_MS);
  const insert = db
    .prepare(
      `INSERT INTO tokens
         (project, id, hash, name, role, env_name, parent_id, created_by, created_at, expires_at)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
       WHERE ${lives("?7", "?9")}
         AND (SELECT count(*) FROM tokens WHERE project = ?1) < ${TOKENS_MAX_PER_PROJECT}
       ON CONFLICT (project, id) DO NOTHING`,
    )
    .bind(project, id, hash, name, role, envName, parentId, createdBy, createdAt, expiresAt);
  const told = auditStatement(db, entry, "EXISTS (SELECT 1 FROM tokens WHERE project = ?1 AND id = ?8)");
  const outcome = db
    .prepare(
      `SELECT CASE WHEN EXISTS (SELECT 1 FROM tokens WHERE project = ?1 AND id = ?2) THEN 'minted'
                   WHEN ${lives("?3", "?4")} THEN 'full' ELSE 'gone' END AS minting`,
    )
    .bind(project, id, parentId, createdAt);
  const results = await db.batch<{ minting: Minting }>([dropExpired, insert, told, outcome]);
  return results.at(-1)?.results[0]?.minting ?? "gone";
}

const VISIBLE = `project = ?1 AND (?2 IS NULL OR env_name = ?2) AND role IN (SELECT value FROM json_each(?3))`;

/** Newest first, from before the id `cursor`. */
export async function listTokens(
  db: D1Database,
  project: string,
  envName: string | null,
  roles: readonly Role[],
  cursor: string | undefined,
  limit: number,
): Promise<StoredToken[]> {
  const { results } = await db
    .prepare(
      `SELECT id, name, role, env_name AS envName, parent_id AS parentId, created_by AS createdBy,
              created_at AS createdAt, expires_at AS expiresAt
       FROM tokens WHERE ${VISIBLE} AND id < ?4 ORDER BY id DESC LIMIT ?5`,
    )
    .bind(project, envName, JSON.stringify(roles), cursor ?? "g", limit)
    .all<StoredToken>();
  return results;
}

/**
 * Writes what is to be revoked into the audit: the token ?4 and all below it. UNION walks a cycle once; a project has so
 * many tokens at most that no tree is too large. It writes nothing where the asker ?9 is gone or may not revoke the token.
 */
const REVOKE = `
  WITH RECURSIVE tree (id) AS (
    SELECT ?4
    UNION
    SELECT tokens.id FROM tree CROSS JOIN tokens INDEXED BY tokens_by_parent
    ON tokens.project = ?1 AND tokens.parent_id = tree.id
  )
  INSERT INTO audit (project, id, env_name, at, actor, actor_name, action, target, revoked)
  SELECT project, ?5, env_name, ?6, ?7, ?8, ?10, id, (SELECT json_group_array(id) FROM tree)
  FROM tokens WHERE ${VISIBLE} AND id = ?4 AND ${lives("?9", "?6")}
  ON CONFLICT (project, id) DO NOTHING`;

/** What `asker` may revoke, and who it is: null for the operator. */
export interface Revoking {
  readonly id: string | null;
  readonly envName: string | null;
  readonly roles: readonly Role[];
}

/** The ids that were revoked, the token's own first; `gone`: the asker's own token is; null: no token that it may revoke. */
export async function revokeToken(
  db: D1Database,
  asker: Revoking,
  entry: Omit<AuditEntry, "envName">,
): Promise<{ readonly revoked: readonly string[]; readonly envName: string | null } | "gone" | null> {
  const { project, target, id, at, actor, actorName, action } = entry;
  const note = db
    .prepare(REVOKE)
    .bind(
      project,
      asker.envName,
      JSON.stringify(asker.roles),
      target,
      id,
      at,
      actor,
      actorName,
      asker.id,
      action,
    );
  const remove = db
    .prepare(
      `DELETE FROM tokens WHERE project = ?1 AND id IN (
         SELECT value FROM json_each((SELECT revoked FROM audit WHERE project = ?1 AND id = ?2)))`,
    )
    .bind(project, id);
  const outcome = db
    .prepare(
      `SELECT revoked, env_name AS envName, ${lives("?3", "?4")} AS lives
       FROM (SELECT 1) LEFT JOIN audit ON project = ?1 AND id = ?2`,
    )
    .bind(project, id, asker.id, at);
  const results = await db.batch<{ revoked: string | null; envName: string | null; lives: number }>([
    note,
    remove,
    outcome,
  ]);
  const row = results.at(-1)?.results[0];
  if (typeof row?.revoked === "string") return { revoked: JSON.parse(row.revoked), envName: row.envName };
  return row?.lives === 1 ? null : "gone";
}
