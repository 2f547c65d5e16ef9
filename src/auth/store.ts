/**
 * The SQL statements on API tokens, apart from those of a rotation, and the conditions in `token-room.ts`. `envName`
 * null means the whole project. A change is one batch that may run twice, because the first run may have committed
 * although its answer was lost. So each batch ends by reading what it did.
 */

import { EXPIRED_TOKENS_MAX } from "../base/limits.ts";
import { DAY_MS } from "../base/time.ts";
import { ACTOR_IF_OK, type AuditEntry, auditStatement, isOk } from "./audit.ts";
import type { KnownCredential } from "./credential-memory.ts";
import { type LeftBehind, leftBehind, selectLeft } from "./left-behind.ts";
import { type Principal, rolesUpTo } from "./permissions.ts";
import { hasRoom } from "./token-room.ts";
import {
  COLUMNS,
  LINEAGE,
  PARENTS,
  type PrincipalRow,
  type StoredToken,
  type TokenRow,
  toPrincipal,
  toStoredToken,
} from "./token-row.ts";
import { type WaitingRuns, waitingRunsOf } from "./waiting-runs.ts";

/**
 * The token whose newest secret, or whose replaced one, has this hash, from D1's primary; null if there is none. Each
 * side of the OR has an index.
 */
export async function selectToken(db: D1Database, hash: string): Promise<KnownCredential | null> {
  const row = await db
    .prepare(
      `SELECT project, id, name, role, env_name AS envName, hash <> ?1 AS isReplaced,
              iif(hash = ?1, expires_at, old_expires_at) AS expiresAt, expires_at AS tokenExpiresAt,
              ?1 AS secretHash, ${PARENTS} AS parents, person, may_approve AS mayApprove,
              may_act_for_others AS mayActForOthers
       FROM tokens WHERE hash = ?1 OR old_hash = ?1`,
    )
    .bind(hash)
    .first<PrincipalRow>();
  return row && { principal: toPrincipal(row), pageKeyHash: null };
}

/** How long expired tokens stay in the list, if there are not too many. They take no room, so they need a bound. */
const EXPIRED_KEPT_MS = 7 * DAY_MS;
const DROP_EXPIRED = `
  DELETE FROM tokens WHERE project = ?1 AND (expires_at < ?2 OR expires_at <= ?3 AND id <= (
    SELECT id FROM tokens WHERE project = ?1 AND expires_at <= ?3
    ORDER BY id DESC LIMIT 1 OFFSET ${EXPIRED_TOKENS_MAX}))`;

/**
 * Mints a token under `token.parentId`, the asker, and writes the audit entry. False if there is no room below the
 * asker.
 */
export async function insertToken(
  db: D1Database,
  token: StoredToken,
  hash: string,
  entry: AuditEntry,
): Promise<boolean> {
  const { project } = entry;
  const { id, name, role, envName, parentId, createdBy, createdAt, expiresAt } = token;
  const { person, mayApprove, mayActForOthers } = token;
  const dropExpired = db.prepare(DROP_EXPIRED).bind(project, createdAt - EXPIRED_KEPT_MS, createdAt);
  const insert = db
    .prepare(
      `INSERT INTO tokens
         (project, id, hash, name, role, env_name, parent_id, created_by, created_at, expires_at,
          person, may_approve, may_act_for_others)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?12, ?13, ?14
       WHERE NOT EXISTS (SELECT 1 FROM audit WHERE project = ?1 AND id = ?11) AND ${hasRoom("?7", "?9")}
       ON CONFLICT (project, id) DO NOTHING`,
    )
    .bind(
      project,
      id,
      hash,
      name,
      role,
      envName,
      parentId,
      createdBy,
      createdAt,
      expiresAt,
      entry.id,
      person,
      mayApprove ? 1 : 0,
      mayActForOthers ? 1 : 0,
    );
  const audit = auditStatement(db, entry, "EXISTS (SELECT 1 FROM tokens WHERE project = ?1 AND id = ?8)");
  const outcome = db.prepare("SELECT 1 FROM audit WHERE project = ? AND id = ?").bind(project, entry.id);
  return (await db.batch([dropExpired, insert, audit, outcome])).at(-1)?.results.length === 1;
}

/** SQL: whether the asker may see a token. `visibleTo`: ?2 and ?3 of it. */
export const VISIBLE = `project = ?1 AND (?2 IS NULL OR env_name = ?2) AND role IN (SELECT value FROM json_each(?3))`;
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
    .prepare(`SELECT ${COLUMNS} FROM tokens WHERE ${VISIBLE} AND id < ?4 ORDER BY id DESC LIMIT ?5`)
    .bind(project, ...visibleTo(asker), cursor ?? "g", limit)
    .all<TokenRow>();
  return results.map(toStoredToken);
}

/**
 * Writes an audit entry for each token to revoke: the token ?4 and all below it. UNION walks a cycle once, and the room
 * below a token bounds the tree. The ids count up from ?5, in the order of the tree. It writes nothing if the asker ?9
 * may not revoke the token.
 */
const REVOKE = `
  WITH RECURSIVE tree (id) AS (
    SELECT id FROM tokens WHERE ${VISIBLE} AND id = ?4
    UNION
    SELECT tokens.id FROM tree CROSS JOIN tokens INDEXED BY tokens_by_parent
    ON tokens.project = ?1 AND tokens.parent_id = tree.id
  )
  INSERT INTO audit
    (project, id, env_name, at, actor, actor_name, action, target, target_name, session_id, person, lineage)
  SELECT ?1, substr(?5, 1, 24) || printf('%012x', row_number() OVER (ROWS UNBOUNDED PRECEDING) - 1), env_name, ?6,
         ${ACTOR_IF_OK("?7")}, ?8, ?10, coalesce(tokens.id, ?4), coalesce(name, ''), ?12, ?13,
         iif(tokens.id = ?4, ${LINEAGE}, NULL)
  FROM ${isOk("?5", { asker: "?9", secret: "?11", session: "?12", now: "?6" })}
  LEFT JOIN tree ON 1 LEFT JOIN tokens ON tokens.project = ?1 AND tokens.id = tree.id
  WHERE NOT ok OR tree.id IS NOT NULL
  ON CONFLICT (project, id) DO NOTHING`;

export interface Revoked {
  /** Ids, the token's own first. */
  readonly revoked: readonly string[];
  readonly envName: string | null;
  /** See `lineageOf`. */
  readonly lineage: string;
  readonly left: LeftBehind;
  /** The runs of the revoked tokens that still wait at a gate, of the environments in the control database. */
  readonly waiting: readonly WaitingRuns[];
}

/** Null: there is no such token that the asker may revoke. */
export async function revokeToken(
  db: D1Database,
  asker: Principal,
  entry: Omit<AuditEntry, "envName" | "targetName">,
): Promise<Revoked | null> {
  const { project, target, at, actor, actorName, action, sessionId, person } = entry;
  const [id, last] = [
    `${entry.id.slice(0, 24)}${"0".repeat(12)}`,
    `${entry.id.slice(0, 24)}${"f".repeat(12)}`,
  ];
  const note = db
    .prepare(REVOKE)
    .bind(
      project,
      ...visibleTo(asker),
      target,
      id,
      at,
      actor,
      actorName,
      entry.asker?.tokenId ?? null,
      action,
      entry.asker?.secretHash ?? null,
      sessionId,
      person,
    );
  const revoked = `SELECT target FROM audit
    WHERE project = ?1 AND id BETWEEN ?2 AND ?3 AND action = 'token_revoked'`;
  const remove = db
    .prepare(`DELETE FROM tokens WHERE project = ?1 AND id IN (${revoked})`)
    .bind(project, id, last);
  const endSessions = db
    .prepare(
      `DELETE FROM sessions WHERE hash IN (
         SELECT hash FROM (${revoked}) CROSS JOIN sessions INDEXED BY sessions_by_token
         ON sessions.project = ?1 AND token_id = target)`,
    )
    .bind(project, id, last);
  const outcome = db
    .prepare(
      `SELECT target, lineage, env_name AS envName FROM audit
       WHERE project = ?1 AND id BETWEEN ?2 AND ?3 AND action = 'token_revoked' ORDER BY id`,
    )
    .bind(project, id, last);
  const lineage = "SELECT lineage FROM audit WHERE project = ?1 AND id = ?2";
  const left = selectLeft(db, lineage, project, id);
  const waiting = db.prepare(waitingRunsOf(lineage)).bind(project, id);
  type Row = { target: string; lineage: string; envName: string | null };
  const results = await db.batch([note, remove, endSessions, outcome, waiting, ...left]);
  const rows = (results[3]?.results ?? []) as readonly Row[];
  const [first] = rows;
  if (first === undefined) return null;
  return {
    ...{ revoked: rows.map((row) => row.target), envName: first.envName, lineage: first.lineage },
    left: leftBehind(results.slice(5)),
    waiting: (results[4]?.results ?? []) as readonly WaitingRuns[],
  };
}
