/**
 * API tokens in D1, and how many a token may have below it. `envName` null means the whole project. A change is one batch
 * that may run twice, because the first run may have committed although its answer was lost. So each batch ends by
 * reading what it did.
 */
import type { Proven } from "../base/ids.ts";
import {
  EXPIRED_TOKENS_MAX,
  GRACE_PERIOD_DEFAULT_SECONDS,
  LEFT_BEHIND_MAX_LISTED,
  TOKENS_MAX_BELOW,
  TRUSTS_MAX,
} from "../base/limits.ts";
import { DAY_MS } from "../base/time.ts";
import { type AuditEntry, auditStatement, batchWrote, type EntrySource, isLiving } from "./audit.ts";
import type { KnownCredential } from "./credential-memory.ts";
import type { Trust } from "./identity/trust.ts";
import { selectLeftDefinitions, selectLeftRuns, toLeftDefinitions, toLeftRuns } from "./left-behind.ts";
import { type Principal, type Role, rolesUpTo, rowIdOf } from "./principal.ts";

export interface StoredToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly envName: string | null;
  readonly parentId: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  /** Until when a secret works that a rotation replaced. This can be past. Null if there was no rotation. */
  readonly oldExpiresAt: number | null;
  readonly lastUsedAt: number | null;
  readonly person: string | null;
  readonly mayApprove: boolean;
  readonly mayActForOthers: boolean;
  /** Which proofs open the token, which then has no secret. Null: a secret opens it. */
  readonly trust: Trust | null;
}

const COLUMNS = `id, name, role, env_name AS envName, parent_id AS parentId, created_by AS createdBy,
  created_at AS createdAt, expires_at AS expiresAt, old_expires_at AS oldExpiresAt,
  last_used_at AS lastUsedAt, person, may_approve AS mayApprove, may_act_for_others AS mayActForOthers, trust`;

/** What rows have as 0 or 1, and what as JSON, because SQL has neither booleans nor objects. */
const FLAGS = ["mayApprove", "mayActForOthers", "isReplaced", "isCommandLine", "isOwn", "isDone", "isAlive"];
const OBJECTS = ["parents", "proven", "trust"];

/** A row with its booleans and objects. `T`: what the statement selects. */
export function fromRow<T>(row: object): T {
  const members = Object.entries(row).map(([name, value]) => {
    if (FLAGS.includes(name)) return [name, value === 1];
    return [name, OBJECTS.includes(name) && value !== null ? JSON.parse(value) : value];
  });
  return Object.fromEntries(members) as T;
}

/** No token has so many levels above it. The bound ends the walk if parents form a circle, which nothing can create. */
const LEVELS_MAX = 100;

/** SQL on a row of `tokens`: the ids of the tokens above it as JSON, the nearest first. They never change. */
export const PARENTS = `(
  WITH RECURSIVE above (height, id) AS (
    SELECT 1, tokens.parent_id WHERE tokens.parent_id IS NOT NULL
    UNION ALL
    SELECT above.height + 1, parent.parent_id FROM above CROSS JOIN tokens AS parent
    ON parent.project = tokens.project AND parent.id = above.id
    WHERE parent.parent_id IS NOT NULL AND above.height < ${LEVELS_MAX}
  )
  SELECT json_group_array(id) FROM (SELECT id FROM above ORDER BY height))`;

/** SQL on a row of `tokens`: see `lineageOf`. */
const LINEAGE = `(
  SELECT coalesce('/' || group_concat(value, '/'), '') || '/' || tokens.id || '/'
  FROM (SELECT value FROM json_each(${PARENTS}) ORDER BY key DESC))`;

/** The token with this newest or replaced secret, from D1's primary. Each side of the OR has an index. */
export async function selectToken(db: D1Database, hash: string): Promise<KnownCredential | null> {
  const row = await db
    .prepare(
      `SELECT project, id, name, role, env_name AS envName, hash <> ?1 AS isReplaced,
              iif(hash = ?1, expires_at, old_expires_at) AS expiresAt, expires_at AS tokenExpiresAt,
              ?1 AS secretHash, ${PARENTS} AS parents, person, may_approve AS mayApprove,
              may_act_for_others AS mayActForOthers, minter AS proven, NULL AS issuer, NULL AS pageKeyHash
       FROM tokens WHERE hash = ?1 OR old_hash = ?1`,
    )
    .bind(hash)
    .first<object>();
  return row && fromRow(row);
}

/** The token that programs open with their proofs, from D1's primary; null if there is none, or a secret opens it. */
export async function selectProgramsToken(
  db: D1Database,
  project: string,
  id: string,
): Promise<KnownCredential | null> {
  const row = await db
    .prepare(
      `SELECT project, id, name, role, env_name AS envName, 0 AS isReplaced, expires_at AS expiresAt,
              expires_at AS tokenExpiresAt, NULL AS secretHash, ${PARENTS} AS parents, person, 0 AS mayApprove,
              0 AS mayActForOthers, minter AS proven, trust ->> 'issuer' AS issuer, trust, NULL AS pageKeyHash
       FROM tokens WHERE project = ?1 AND id = ?2 AND trust ->> 'for' = 'programs'`,
    )
    .bind(project, id)
    .first<object>();
  return row && fromRow(row);
}

/** How long expired tokens stay in the list. They don't count for the bound, so they need another. */
const EXPIRED_KEPT_MS = 7 * DAY_MS;
const DROP_EXPIRED = `
  DELETE FROM tokens WHERE project = ?1 AND (expires_at < ?2 OR expires_at <= ?3 AND id <= (
    SELECT id FROM tokens WHERE project = ?1 AND expires_at <= ?3
    ORDER BY id DESC LIMIT 1 OFFSET ${EXPIRED_TOKENS_MAX}))`;

interface NewToken extends StoredToken {
  /** The SHA-256 of its secret. Null for a token with a trust. */
  readonly hash: string | null;
  /** Who signed in to mint it, or to mint a token above it. Null: nobody did. */
  readonly minter: Proven | null;
  /** By what sign-ins find it, if its trust is for people. */
  readonly anchors: readonly { readonly anchor: string; readonly value: string }[];
}

/** False if the asker, `token.parentId`, has as many tokens below it as it may, or the project as many trusts. */
export async function insertToken(db: D1Database, token: NewToken, entry: AuditEntry): Promise<boolean> {
  const { project } = entry;
  const { id, hash, name, role, envName, parentId, createdBy, createdAt, expiresAt } = token;
  const { person, mayApprove, mayActForOthers, trust, minter, anchors } = token;
  const dropExpired = db.prepare(DROP_EXPIRED).bind(project, createdAt - EXPIRED_KEPT_MS, createdAt);
  const insert = db
    .prepare(
      `INSERT INTO tokens
         (project, id, hash, name, role, env_name, parent_id, created_by, created_at, expires_at,
          person, may_approve, may_act_for_others, trust, minter)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?12, ?13, ?14, ?15, ?16
       WHERE NOT EXISTS (SELECT 1 FROM audit WHERE project = ?1 AND id = ?11) AND ${mayHaveOneMore("?7", "?9")}
         AND (?15 IS NULL OR ${trusts("?9")} < ${TRUSTS_MAX})
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
      trust && JSON.stringify(trust),
      minter && JSON.stringify(minter),
    );
  const audit = auditStatement(db, entry, "EXISTS (SELECT 1 FROM tokens WHERE project = ?1 AND id = ?8)");
  const find = db
    .prepare(
      `INSERT OR IGNORE INTO people_trusts (issuer, anchor, value, project, token_id)
       SELECT ?3, value ->> 'anchor', value ->> 'value', ?1, ?2 FROM json_each(?4)
       WHERE EXISTS (SELECT 1 FROM tokens WHERE project = ?1 AND id = ?2)`,
    )
    .bind(project, id, trust?.issuer ?? "", JSON.stringify(anchors));
  return batchWrote(db, entry, [dropExpired, insert, audit, ...(anchors.length > 0 ? [find] : [])]);
}

/** SQL: how many tokens of the project have a trust and have not expired. */
const trusts = (now: string) => `(
  SELECT count(*) FROM tokens INDEXED BY tokens_with_trust
  WHERE project = ?1 AND trust IS NOT NULL AND ${isLiving(now)})`;

export async function hasMostTrusts(db: D1Database, project: string, now: number): Promise<boolean> {
  const sql = `SELECT ${trusts("?2")} AS trusts`;
  return ((await db.prepare(sql).bind(project, now).first<number>("trusts")) ?? 0) >= TRUSTS_MAX;
}

/** SQL on a row of `tokens`: whether the asker may see it. `first`: the number of the first of `visibleTo`. */
export const visible = (first: number) => `tokens.project = ?1 AND (?${first} IS NULL OR env_name = ?${first})
  AND role IN (SELECT value FROM json_each(?${first + 1}))`;
export const visibleTo = ({ envName, role }: Principal) => [envName, JSON.stringify(rolesUpTo(role))] as const;

/** Which of these ids a token of the project has. */
export async function selectTokenIds(db: D1Database, project: string, ids: readonly string[]): Promise<Set<string>> {
  const { results } = await db
    .prepare("SELECT tokens.id FROM json_each(?2) CROSS JOIN tokens ON project = ?1 AND tokens.id = value")
    .bind(project, JSON.stringify(ids))
    .all<{ readonly id: string }>();
  return new Set(results.map(({ id }) => id));
}

/** The tokens that the asker may manage, before the id `cursor`, newest first. `createdBy`: only those that it minted. */
export async function listTokens(
  db: D1Database,
  project: string,
  asker: Principal,
  { cursor, createdBy, limit }: { cursor?: string | undefined; createdBy?: string | undefined; limit: number },
): Promise<StoredToken[]> {
  const { results } = await db
    .prepare(
      `SELECT ${COLUMNS} FROM tokens WHERE ${visible(2)} AND id < ?4 AND (?6 IS NULL OR created_by = ?6)
       ORDER BY id DESC LIMIT ?5`,
    )
    .bind(project, ...visibleTo(asker), cursor ?? "g", limit, createdBy ?? null)
    .all<object>();
  return results.map((row) => fromRow(row));
}

/**
 * An audit entry for each token to revoke: the target and all below it. UNION walks a cycle once, and the number of
 * tokens below a token is bounded. The ids count up from the entry's, in the order of the tree.
 */
const TREE: EntrySource = {
  with: `
  WITH RECURSIVE tree (id) AS (
    SELECT id FROM tokens WHERE ${visible(13)} AND id = ?8
    UNION
    SELECT tokens.id FROM tree CROSS JOIN tokens INDEXED BY tokens_by_parent
    ON tokens.project = ?1 AND tokens.parent_id = tree.id
  ) `,
  join: "LEFT JOIN tree ON 1 LEFT JOIN tokens ON tokens.project = ?1 AND tokens.id = tree.id",
  id: "substr(?2, 1, 24) || printf('%012x', row_number() OVER (ROWS UNBOUNDED PRECEDING) - 1)",
  envName: "env_name",
  target: "tokens.id",
  targetName: "name",
  lineage: `iif(tokens.id = ?8, ${LINEAGE}, NULL)`,
};

/** A run waits 60 days at most: up to 30 for its time, and then up to 30 more. */
const REVOKED_KEPT_MS = 61 * DAY_MS;
const FORGET_REVOKED = `
  DELETE FROM revoked_tokens WHERE (project, id) IN (
    SELECT project, id FROM revoked_tokens INDEXED BY revoked_tokens_by_time WHERE at < ?1 ORDER BY at LIMIT 1000)`;

/** `revoked`: the token's own id first. `runs`: in the control database. Null: the asker may revoke no such token. */
export async function revokeToken(db: D1Database, asker: Principal, entry: AuditEntry) {
  const { project } = entry;
  const [id, last] = ["0", "f"].map((digit) => entry.id.slice(0, 24) + digit.repeat(12)) as [string, string];
  const note = auditStatement(db, { ...entry, id }, "tree.id IS NOT NULL", visibleTo(asker), TREE);
  const ofEntries = "FROM audit WHERE project = ?1 AND id BETWEEN ?2 AND ?3 AND action = 'token_revoked'";
  const remove = db
    .prepare(`DELETE FROM tokens WHERE project = ?1 AND id IN (SELECT target ${ofEntries})`)
    .bind(project, id, last);
  // A run keeps the line of each approver, so the token itself is enough.
  const remember = db
    .prepare(
      `INSERT OR IGNORE INTO revoked_tokens (project, id, at)
       SELECT project, target, at FROM audit WHERE project = ?1 AND id = ?2 AND action = 'token_revoked'`,
    )
    .bind(project, id);
  const forget = db.prepare(FORGET_REVOKED).bind(entry.at - REVOKED_KEPT_MS);
  const outcome = db
    .prepare(`SELECT target, lineage, env_name AS envName ${ofEntries} ORDER BY id`)
    .bind(project, id, last);
  const lineage = "SELECT lineage FROM audit WHERE project = ?1 AND id = ?2";
  const runs = selectLeftRuns(db, lineage, project, id);
  const left = selectLeftDefinitions(db, lineage, project, id);
  const results = await db.batch([note, remove, outcome, ...runs, ...left, remember, forget]);
  type Row = { readonly target: string; readonly lineage: string; readonly envName: string | null };
  const rows = (results[2]?.results ?? []) as readonly Row[];
  const [first] = rows;
  if (first === undefined) return null;
  return {
    revoked: rows.map(({ target }) => target),
    envName: first.envName,
    lineage: first.lineage,
    runs: toLeftRuns(results.slice(3, 5)),
    left: toLeftDefinitions(results.slice(5, 8)),
  };
}

/**
 * A token that the asker may see. `isOwn`: whether the asker is the token itself, a token above it, or the operator.
 */
type Rotatable = Pick<StoredToken, "name" | "role" | "envName" | "mayApprove" | "mayActForOthers"> & {
  /** Null: it has a trust. */
  readonly hash: string | null;
  /** Who signed in to mint it; null: nobody did. */
  readonly proven: Proven | null;
  readonly isOwn: boolean;
};

/** `?4`: the token. `?5`: the asker. UNION ends even if parents form a circle, which nothing can create. */
const IS_OWN = `(?5 IS NULL OR EXISTS (
  WITH RECURSIVE above (id) AS (
    SELECT ?4
    UNION
    SELECT tokens.parent_id FROM above CROSS JOIN tokens ON tokens.project = ?1 AND tokens.id = above.id
    WHERE tokens.parent_id IS NOT NULL
  )
  SELECT 1 FROM above WHERE id = ?5))`;

/** Null if there is no such token that the asker may see. */
export async function selectForRotation(
  db: D1Database,
  project: string,
  asker: Principal,
  id: string,
): Promise<Rotatable | null> {
  const row = await db
    .prepare(
      `SELECT hash, minter AS proven, name, role, env_name AS envName, may_approve AS mayApprove,
              may_act_for_others AS mayActForOthers, ${IS_OWN} AS isOwn
       FROM tokens WHERE ${visible(2)} AND id = ?4`,
    )
    .bind(project, ...visibleTo(asker), id, rowIdOf(asker))
    .first<object>();
  return row && fromRow(row);
}

/**
 * If an earlier old secret still works (`old_expires_at > ?5`), it stays, and the newest secret ends at once. `?6`: the
 * end of a grace period that begins now. `?7`: the latest end of one that is under way.
 */
const ROTATE = `
  UPDATE tokens SET
    hash = ?4,
    old_hash = iif(old_expires_at > ?5, old_hash, hash),
    old_expires_at = iif(old_expires_at > ?5, min(old_expires_at, ?7), min(?6, coalesce(expires_at, ?6)))
  WHERE project = ?1 AND id = ?2 AND hash = ?3 AND ${isLiving("?5")}`;

const CHILDREN = `
  SELECT id, name FROM tokens INDEXED BY tokens_by_parent
  WHERE project = ?1 AND parent_id = ?2 AND ${isLiving("?3")} ORDER BY id DESC LIMIT ${LEFT_BEHIND_MAX_LISTED + 1}`;

/**
 * Replaces the secret with the hash `replaces` by one with the hash `hash`, and writes the audit entry. It compares the
 * hash, so one of two rotations at once wins. `overlapSeconds`: how long the replaced secret still works; undefined if the
 * request does not say. `token_ended`: it has expired. `token_rotated`: another rotation came first.
 */
export async function rotateToken(
  db: D1Database,
  { replaces, hash, overlapSeconds }: { replaces: string; hash: string; overlapSeconds: number | undefined },
  entry: AuditEntry,
) {
  const { project, target, at } = entry;
  const ends = at + (overlapSeconds ?? GRACE_PERIOD_DEFAULT_SECONDS) * 1000;
  const endsEarlier = overlapSeconds === undefined ? Number.MAX_SAFE_INTEGER : ends;
  const rotate = db.prepare(ROTATE).bind(project, target, replaces, hash, at, ends, endsEarlier);
  const finds = `EXISTS (SELECT 1 FROM tokens WHERE project = ?1 AND id = ?8 AND hash = ?13 AND ${isLiving("?4")})`;
  // First, because a token that rotates itself no longer holds the newest secret afterwards.
  const audit = auditStatement(db, entry, finds, [replaces]);
  const children = db.prepare(CHILDREN).bind(project, target, at);
  const outcome = db
    .prepare(
      `SELECT ${COLUMNS}, hash = ?3 AS isDone, ${isLiving("?4")} AS isAlive
       FROM tokens WHERE project = ?1 AND id = ?2`,
    )
    .bind(project, target, hash, at);
  const lineage = `SELECT ${LINEAGE} AS lineage FROM tokens WHERE project = ?1 AND id = ?2`;
  const left = selectLeftDefinitions(db, lineage, project, target);
  const results = await db.batch<object>([audit, rotate, children, outcome, ...left]);
  const row = results[3]?.results[0];
  if (row === undefined) return "token_not_found";
  const { isDone, isAlive, ...token } = fromRow<StoredToken & Record<"isDone" | "isAlive", boolean>>(row);
  if (!isDone) return isAlive ? "token_rotated" : "token_ended";
  const below = results[2]?.results ?? [];
  return {
    token,
    children: below.slice(0, LEFT_BEHIND_MAX_LISTED),
    moreChildren: below.length > LEFT_BEHIND_MAX_LISTED,
    left: toLeftDefinitions(results.slice(4)),
  };
}
const LEVELS = TOKENS_MAX_BELOW.map((most, level) => `(${level}, ${most})`).join(", ");

/**
 * SQL on ?1, the project: whether the token `asker` may create one more. Null is the operator, who has no bound. The
 * bound counts the living tokens that it created, those that these created, and so on. A new token counts for all
 * tokens above it, so creating admins gains nobody more tokens, and revoking or expiring frees them.
 *
 * - Each level has a tenth of the bound of the level above. So one token can't use up the bound of the token that created
 *   it, or of the tokens beside it. Nine of them together can use up what those beside them have.
 * - The last tenth is for the tokens that a token creates itself, so those below can't use it up together.
 *
 * `height`: how far an ancestor is above the asker. A token expires no later than its parent, so nobody below an
 * expired token counts. UNION ends even if parents form a circle, which nothing can create.
 */
const mayHaveOneMore = (asker: string, now: string) => `NOT EXISTS (
  WITH RECURSIVE
    levels (level, most) AS (VALUES ${LEVELS}),
    above (height, id) AS (
      SELECT 0, ${asker} WHERE ${asker} IS NOT NULL
      UNION
      SELECT above.height + 1, tokens.parent_id FROM above CROSS JOIN tokens
      ON tokens.project = ?1 AND tokens.id = above.id
      WHERE tokens.parent_id IS NOT NULL AND above.height < ${TOKENS_MAX_BELOW.length}
    ),
    below (height, id) AS (
      SELECT height, id FROM above
      UNION
      SELECT below.height, tokens.id FROM below CROSS JOIN tokens INDEXED BY tokens_by_parent
      ON tokens.project = ?1 AND tokens.parent_id = below.id
      WHERE ${isLiving(now)}
    ),
    counted (height, count) AS (SELECT height, count(*) - 1 FROM below GROUP BY height)
  SELECT 1 FROM counted
  LEFT JOIN levels ON levels.level = (SELECT max(height) FROM above) - counted.height
  WHERE count >= coalesce(iif(counted.height = 0, most, most - most / 10), 0))`;
