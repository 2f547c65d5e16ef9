/**
 * The SQL statements on API tokens, apart from the condition in `token-room.ts`. `envName` null means the whole
 * project. A change is one batch that may run twice, because the first run may have committed although its answer was
 * lost. So each batch ends by reading what it did.
 */

import { EXPIRED_TOKENS_MAX } from "../base/limits.ts";
import { DAY_MS } from "../base/time.ts";
import { type AuditEntry, auditStatement } from "./audit.ts";
import type { KnownCredential } from "./credential-memory.ts";
import { isOperator, type Principal, type Role, rolesUpTo } from "./permissions.ts";
import { hasRoom, isLiving } from "./token-room.ts";

export interface StoredToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly envName: string | null;
  /** The token that minted this one. Null for the operator. */
  readonly parentId: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
}

/** The token with this hash, from D1's primary; null if there is none. */
export async function selectToken(db: D1Database, hash: string): Promise<KnownCredential | null> {
  const principal = await db
    .prepare(
      "SELECT project, id, name, role, env_name AS envName, expires_at AS expiresAt FROM tokens WHERE hash = ?",
    )
    .bind(hash)
    .first<Principal>();
  return principal === null ? null : { principal, pageKeyHash: null };
}

/** How long expired tokens stay in the list, if there are not too many. They take no room, so they need a bound. */
const EXPIRED_KEPT_MS = 7 * DAY_MS;
const DROP_EXPIRED = `
  DELETE FROM tokens WHERE project = ?1 AND (expires_at < ?2 OR expires_at <= ?3 AND id <= (
    SELECT id FROM tokens WHERE project = ?1 AND expires_at <= ?3
    ORDER BY id DESC LIMIT 1 OFFSET ${EXPIRED_TOKENS_MAX}))`;

/**
 * SQL: whether the asker's token is still good. An isolate can accept a revoked token for 30 s, and for 10 minutes
 * while D1 is down. A token that it minted in that time would outlive the revocation. `asker` null is the operator.
 */
const lives = (asker: string, now: string) => `(${asker} IS NULL OR EXISTS (
  SELECT 1 FROM tokens WHERE project = ?1 AND id = ${asker} AND ${isLiving(now)}))`;

/** `gone`: the asker's own token was revoked or has expired. `full`: there is no room below it. */
export type Minting = "minted" | "gone" | "full";

/** Mints a token under `token.parentId`, the asker, and writes the audit entry. */
export async function insertToken(
  db: D1Database,
  project: string,
  token: StoredToken,
  hash: string,
  entry: AuditEntry,
): Promise<Minting> {
  const { id, name, role, envName, parentId, createdBy, createdAt, expiresAt } = token;
  const dropExpired = db.prepare(DROP_EXPIRED).bind(project, createdAt - EXPIRED_KEPT_MS, createdAt);
  const insert = db
    .prepare(
      `INSERT INTO tokens
         (project, id, hash, name, role, env_name, parent_id, created_by, created_at, expires_at)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
       WHERE ${lives("?7", "?9")} AND ${hasRoom("?7", "?9")}
       ON CONFLICT (project, id) DO NOTHING`,
    )
    .bind(project, id, hash, name, role, envName, parentId, createdBy, createdAt, expiresAt);
  const audit = auditStatement(db, entry, "EXISTS (SELECT 1 FROM tokens WHERE project = ?1 AND id = ?8)");
  const outcome = db
    .prepare(
      `SELECT CASE WHEN EXISTS (SELECT 1 FROM tokens WHERE project = ?1 AND id = ?2) THEN 'minted'
                   WHEN ${lives("?3", "?4")} THEN 'full' ELSE 'gone' END AS minting`,
    )
    .bind(project, id, parentId, createdAt);
  const results = await db.batch<{ minting: Minting }>([dropExpired, insert, audit, outcome]);
  return results.at(-1)?.results[0]?.minting ?? "gone";
}

/** The asker's id as D1 has it: null for the operator, who has no row. */
export function rowIdOf(asker: Principal): string | null {
  return isOperator(asker) ? null : asker.id;
}

const VISIBLE = `project = ?1 AND (?2 IS NULL OR env_name = ?2) AND role IN (SELECT value FROM json_each(?3))`;
export const visibleTo = ({ envName, role }: Principal) =>
  [envName, JSON.stringify(rolesUpTo(role))] as const;

/** The tokens that the asker may manage, before the id `cursor`, newest first. */
export async function listTokens(
  db: D1Database,
  project: string,
  asker: Principal,
  cursor: string | undefined,
  limit: number,
): Promise<StoredToken[]> {
  const { results } = await db
    .prepare(
      `SELECT id, name, role, env_name AS envName, parent_id AS parentId, created_by AS createdBy,
              created_at AS createdAt, expires_at AS expiresAt
       FROM tokens WHERE ${VISIBLE} AND id < ?4 ORDER BY id DESC LIMIT ?5`,
    )
    .bind(project, ...visibleTo(asker), cursor ?? "g", limit)
    .all<StoredToken>();
  return results;
}

/**
 * Writes the ids to revoke into the audit: the token ?4 and all below it. UNION walks a cycle once, and the room below
 * a token bounds the tree. It writes nothing if the asker ?9 is gone or may not revoke the token.
 */
const REVOKE = `
  WITH RECURSIVE tree (id) AS (
    SELECT ?4
    UNION
    SELECT tokens.id FROM tree CROSS JOIN tokens INDEXED BY tokens_by_parent
    ON tokens.project = ?1 AND tokens.parent_id = tree.id
  )
  INSERT INTO audit (project, id, env_name, at, actor, actor_name, action, target, session_id, revoked)
  SELECT project, ?5, env_name, ?6, ?7, ?8, ?10, id, ?11, (SELECT json_group_array(id) FROM tree)
  FROM tokens WHERE ${VISIBLE} AND id = ?4 AND ${lives("?9", "?6")}
  ON CONFLICT (project, id) DO NOTHING`;

/**
 * The revoked ids, the token's own first. `gone`: the asker's own token was revoked or has expired. Null: there is no
 * such token that the asker may revoke.
 */
export async function revokeToken(
  db: D1Database,
  asker: Principal,
  entry: Omit<AuditEntry, "envName">,
): Promise<{ readonly revoked: readonly string[]; readonly envName: string | null } | "gone" | null> {
  const { project, target, id, at, actor, actorName, action, sessionId } = entry;
  const note = db
    .prepare(REVOKE)
    .bind(project, ...visibleTo(asker), target, id, at, actor, actorName, rowIdOf(asker), action, sessionId);
  const revoked = "SELECT value FROM json_each((SELECT revoked FROM audit WHERE project = ?1 AND id = ?2))";
  const remove = db.prepare(`DELETE FROM tokens WHERE project = ?1 AND id IN (${revoked})`).bind(project, id);
  const endSessions = db
    .prepare(
      `DELETE FROM sessions WHERE hash IN (
         SELECT hash FROM (${revoked}) CROSS JOIN sessions INDEXED BY sessions_by_token
         ON project = ?1 AND token_id = value)`,
    )
    .bind(project, id);
  const outcome = db
    .prepare(
      `SELECT revoked, env_name AS envName, ${lives("?3", "?4")} AS lives
       FROM (SELECT 1) LEFT JOIN audit ON project = ?1 AND id = ?2`,
    )
    .bind(project, id, rowIdOf(asker), at);
  type Row = { revoked: string | null; envName: string | null; lives: number };
  const row = (await db.batch<Row>([note, remove, endSessions, outcome])).at(-1)?.results[0];
  if (typeof row?.revoked === "string") return { revoked: JSON.parse(row.revoked), envName: row.envName };
  return row?.lives === 1 ? null : "gone";
}
