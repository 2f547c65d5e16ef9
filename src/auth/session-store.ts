/**
 * The SQL statements on sessions and one-time codes. `tokenId` null means that the session began with ROOT_TOKEN. A
 * session by sign-in has a table of its own (identity/sign-in-store.ts begins it), and hashes tell both kinds apart. A
 * change is one batch that may run twice, because the first run may have committed although its answer was lost. So
 * each batch ends by reading what it did.
 */
import { logFailure } from "../base/log.ts";
import { DAY_MS, HOUR_MS } from "../base/time.ts";
import { type AuditEntry, auditStatement, batchWrote, isLiving } from "./audit.ts";
import type { KnownCredential } from "./credential-memory.ts";
import { isOperator, OPERATOR, type Principal, type Role } from "./principal.ts";
import { PARENTS, type PrincipalRow, toPrincipal, visible, visibleTo } from "./token-store.ts";

/** How long a session lasts after its beginning or its last renewal, and how long at most. */
export const LASTS_MS = 12 * HOUR_MS;
const LASTS_MAX_MS = 7 * DAY_MS;
/** The same of a session by sign-in. Whoever was removed at the issuer stays no longer. */
export const SIGN_IN_LASTS_MAX_MS = 24 * HOUR_MS;
/** A session is renewed at most once in this time. */
const RENEW_AFTER_MS = HOUR_MS;
/** If a token has more sessions, the oldest end. */
export const OF_TOKEN_MAX = 20;

export interface NewSession {
  readonly id: string;
  readonly project: string;
  readonly cookieHash: string;
  readonly pageKeyHash: string;
  readonly now: number;
}

/** Whose session it is. The hash says which secret of the token began it. */
export interface SessionToken {
  readonly id: string;
  readonly hash: string;
}

export interface StoredSession {
  readonly id: string;
  readonly tokenId: string | null;
  readonly tokenName: string | null;
  readonly role: Role | null;
  readonly envName: string | null;
  /** Who signed in, or for whom the token acts. Null: nobody in particular. */
  readonly person: string | null;
  readonly isCommandLine: boolean;
  readonly beganAt: number;
  readonly expiresAt: number;
  /** Down to the hour. Null: never. */
  readonly lastUsedAt: number | null;
}

const INSERT = "INSERT INTO sessions (hash, page_key_hash, project, id, token_id, token_hash, began_at, expires_at)";

/** Begins a session of `token`. Null if D1 no longer has the token, or if a rotation replaced this secret. */
export function beginSession(
  db: D1Database,
  session: NewSession,
  token: SessionToken,
): Promise<KnownCredential | null> {
  const { id, project, cookieHash, pageKeyHash, now } = session;
  const insert = db
    .prepare(
      `${INSERT}
       SELECT ?1, ?2, project, ?4, id, hash, ?7, min(?7 + ${LASTS_MS}, coalesce(expires_at, ?7 + ${LASTS_MS}))
       FROM tokens WHERE project = ?3 AND id = ?5 AND hash = ?6 AND ${isLiving("?7")}
       ON CONFLICT (hash) DO NOTHING`,
    )
    .bind(cookieHash, pageKeyHash, project, id, token.id, token.hash, now);
  return beginWith(db, session, token.id, insert);
}

/** Begins a session of the operator in one project. */
export function beginOperatorsSession(db: D1Database, session: NewSession): Promise<KnownCredential | null> {
  const { id, project, cookieHash, pageKeyHash, now } = session;
  const insert = db
    .prepare(`${INSERT} VALUES (?1, ?2, ?3, ?4, NULL, NULL, ?5, ?5 + ${LASTS_MS}) ON CONFLICT (hash) DO NOTHING`)
    .bind(cookieHash, pageKeyHash, project, id, now);
  return beginWith(db, session, null, insert);
}

/** Runs `insert`, and ends the oldest sessions if the token has too many. */
async function beginWith(
  db: D1Database,
  { id, project, cookieHash }: NewSession,
  tokenId: string | null,
  insert: D1PreparedStatement,
): Promise<KnownCredential | null> {
  const endOldest = db
    .prepare(
      `DELETE FROM sessions WHERE hash IN (
         SELECT hash FROM sessions INDEXED BY sessions_by_token
         WHERE project = ?1 AND token_id IS ?2 AND id <> ?3 ORDER BY id DESC LIMIT -1 OFFSET ${OF_TOKEN_MAX - 1})`,
    )
    .bind(project, tokenId, id);
  return lastRead(await db.batch<SessionRow>([insert, endOldest, readSession(db, cookieHash)]));
}

interface NewCode {
  /** See `codeHash`. */
  readonly hash: string;
  readonly about: object;
  readonly expiresAt: number;
}

function insertCode(db: D1Database, { hash, about, expiresAt }: NewCode): D1PreparedStatement {
  return db
    .prepare("INSERT INTO sign_in_codes (hash, about, expires_at) VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING")
    .bind(hash, JSON.stringify(about), expiresAt);
}

/** Keeps a one-time code until `expiresAt`. */
export async function insertSignInCode(db: D1Database, code: NewCode): Promise<void> {
  await insertCode(db, code).run();
}

const CODES_OF_SESSION_MAX = 5;

/** The same for a code that a session makes. Its oldest codes go, or one reader could fill the database. */
export async function insertLoginCode(
  db: D1Database,
  code: NewCode & { readonly about: { readonly sessionId: string } },
): Promise<void> {
  const dropOldest = db
    .prepare(
      `DELETE FROM sign_in_codes WHERE hash IN (
         SELECT hash FROM sign_in_codes WHERE about ->> 'sessionId' = ? AND hash <> ?
         ORDER BY expires_at DESC LIMIT -1 OFFSET ${CODES_OF_SESSION_MAX - 1})`,
    )
    .bind(code.about.sessionId, code.hash);
  await db.batch([insertCode(db, code), dropOldest]);
}

/** Takes an operator's code away. Its project, or null if the code is unknown, used or too old. */
export async function takeSignInCode(db: D1Database, hash: string, now: number): Promise<string | null> {
  const row = await db
    .prepare("DELETE FROM sign_in_codes WHERE hash = ? AND expires_at > ? RETURNING about ->> 'project' AS project")
    .bind(hash, now)
    .first<{ project: string }>();
  return row?.project ?? null;
}

/** `pageKeyHash` null: a session of the command line. */
type SessionRow = PrincipalRow & { readonly pageKeyHash: string | null };

/** SQL: sessions with their tokens. A token that is gone has no session, and neither has a secret that is gone. */
const WITH_TOKENS = `
  sessions LEFT JOIN tokens
  ON tokens.project = sessions.project AND tokens.id = token_id AND token_hash IN (tokens.hash, old_hash)`;
const HAS_TOKEN = "(token_id IS NULL OR tokens.id IS NOT NULL)";
/** A session is over at its own end or at that of the secret that began it, whichever is first. */
const ENDS = `min(sessions.expires_at,
  coalesce(iif(tokens.hash = token_hash, tokens.expires_at, old_expires_at), sessions.expires_at))`;

const WITH_TRUSTS = `
  sign_ins JOIN tokens ON tokens.project = sign_ins.project AND tokens.id = token_id AND trust IS NOT NULL`;
const SIGN_IN_ENDS = "min(sign_ins.expires_at, coalesce(tokens.expires_at, sign_ins.expires_at))";
/** A program on the person's machine can use it, so it decides nothing and changes nothing that lasts. */
const SIGN_IN_ROLE = "iif(page_key_hash IS NULL AND role IN ('owner', 'admin'), 'member', role)";

/** Reads the session with this hash, of either kind. */
export function readSession(db: D1Database, hash: string): D1PreparedStatement {
  return db
    .prepare(
      `SELECT sessions.project, sessions.id AS sessionId, page_key_hash AS pageKeyHash,
              coalesce(tokens.id, '${OPERATOR.id}') AS id, coalesce(name, '${OPERATOR.name}') AS name,
              coalesce(role, '${OPERATOR.role}') AS role, env_name AS envName,
              token_hash AS secretHash, coalesce(tokens.hash <> token_hash, 0) AS isReplaced,
              ${ENDS} AS expiresAt, tokens.expires_at AS tokenExpiresAt,
              ${PARENTS} AS parents, person, coalesce(may_approve, ${Number(OPERATOR.mayApprove)}) AS mayApprove,
              coalesce(may_act_for_others, ${Number(OPERATOR.mayActForOthers)}) AS mayActForOthers,
              minter AS proven, NULL AS issuer
       FROM ${WITH_TOKENS} WHERE sessions.hash = ?1 AND ${HAS_TOKEN}
       UNION ALL
       SELECT sign_ins.project, sign_ins.id, page_key_hash, tokens.id, name, ${SIGN_IN_ROLE}, env_name,
              NULL, 0, ${SIGN_IN_ENDS}, tokens.expires_at, ${PARENTS}, sign_ins.person,
              iif(page_key_hash IS NULL, 0, may_approve), 0,
              json_object('identity', identity, 'person', sign_ins.person), issuer
       FROM ${WITH_TRUSTS} WHERE sign_ins.hash = ?1`,
    )
    .bind(hash);
}

function toKnown(row: SessionRow | null | undefined): KnownCredential | null {
  if (!row) return null;
  const { pageKeyHash, ...principal } = row;
  return { principal: toPrincipal(principal), pageKeyHash };
}

/** The session that the last statement of a batch read. */
export function lastRead(results: readonly D1Result<SessionRow>[]): KnownCredential | null {
  return toKnown(results.at(-1)?.results[0]);
}

/** The session with this hash, from D1's primary; null if there is none. */
export async function selectSession(db: D1Database, hash: string): Promise<KnownCredential | null> {
  return toKnown(await readSession(db, hash).first<SessionRow>());
}

/**
 * Makes the session with this hash last longer, and reads it. It stays as it is if it began with ROOT_TOKEN or was
 * renewed lately, or on the command line.
 */
export async function renewSession(db: D1Database, hash: string, now: number): Promise<KnownCredential | null> {
  const renew = (table: string, maxMs: number, column: string) =>
    db
      .prepare(
        `UPDATE ${table} SET expires_at = min(?2 + ${LASTS_MS}, began_at + ${maxMs})
         WHERE hash = ?1 AND ${column} IS NOT NULL
           AND expires_at > ?2 AND expires_at <= ?2 + ${LASTS_MS - RENEW_AFTER_MS}`,
      )
      .bind(hash, now);
  const both = [renew("sessions", LASTS_MAX_MS, "token_id"), renew("sign_ins", SIGN_IN_LASTS_MAX_MS, "page_key_hash")];
  return lastRead(await db.batch<SessionRow>([...both, readSession(db, hash)]));
}

/**
 * Ends the session of a cookie, if the page key is its own. `pageKeyHash` null: whatever the page key is. The id of the
 * session that ended, or null.
 */
export async function deleteSession(db: D1Database, hash: string, pageKeyHash: string | null): Promise<string | null> {
  const where = "hash = ?1 AND page_key_hash = coalesce(?2, page_key_hash)";
  const remove = TABLES.map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE ${where} RETURNING id`).bind(hash, pageKeyHash),
  );
  const results = await db.batch<{ readonly id: string }>(remove);
  return results.flatMap((result) => result.results)[0]?.id ?? null;
}

const TABLES = ["sessions", "sign_ins"] as const;

/** SQL: whether the asker may see and end a session. `first`: the number of the first of `seenBy`. */
const seen = (first: number) => `(?${first} AND token_id IS NULL OR EXISTS (
  SELECT 1 FROM tokens WHERE ${visible(first + 1)} AND tokens.id = token_id))`;
const seenBy = (asker: Principal) => [isOperator(asker) ? 1 : 0, ...visibleTo(asker)] as const;

/** The sessions that are not over and that the asker may see, before the id `cursor`, newest first. */
export async function listSessions(
  db: D1Database,
  project: string,
  asker: Principal,
  { cursor, limit, now }: { readonly cursor: string | undefined; readonly limit: number; readonly now: number },
): Promise<StoredSession[]> {
  const among = (table: string, ends: string) =>
    `${table}.project = ?1 AND ${seen(2)} AND ${table}.id < ?5 AND ${ends} > ?6`;
  const { results } = await db
    .prepare(
      `SELECT sessions.id AS id, token_id AS tokenId, tokens.name AS tokenName, role, env_name AS envName, person,
              0 AS isCommandLine, began_at AS beganAt, ${ENDS} AS expiresAt, sessions.last_used_at AS lastUsedAt
       FROM ${WITH_TOKENS} WHERE ${among("sessions", ENDS)} AND ${HAS_TOKEN}
       UNION ALL
       SELECT sign_ins.id, token_id, tokens.name, ${SIGN_IN_ROLE}, env_name, sign_ins.person,
              page_key_hash IS NULL, began_at, ${SIGN_IN_ENDS}, sign_ins.last_used_at
       FROM ${WITH_TRUSTS} WHERE ${among("sign_ins", SIGN_IN_ENDS)}
       ORDER BY id DESC LIMIT ?7`,
    )
    .bind(project, ...seenBy(asker), cursor ?? "g", now, limit)
    .all<Omit<StoredSession, "isCommandLine"> & { readonly isCommandLine: number }>();
  return results.map((row) => ({ ...row, isCommandLine: row.isCommandLine === 1 }));
}

/** Ends a session that the asker may see, and writes the audit entry. False if there is no such session. */
export async function endSession(db: D1Database, asker: Principal, entry: AuditEntry): Promise<boolean> {
  const { project, target, id } = entry;
  const named = TABLES.map((table) => `SELECT id, token_id FROM ${table} WHERE project = ?1 AND id = ?8`);
  const note = auditStatement(db, entry, "ended.id IS NOT NULL", seenBy(asker), {
    join: `LEFT JOIN (${named.join(" UNION ALL ")}) AS ended ON ${seen(17)}
           LEFT JOIN tokens ON tokens.project = ?1 AND tokens.id = token_id`,
    envName: "env_name",
    targetName: `coalesce(name, '${OPERATOR.name}')`,
  });
  const ofEntry = "EXISTS (SELECT 1 FROM audit WHERE project = ?1 AND id = ?2)";
  const remove = TABLES.map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE project = ?1 AND id = ?3 AND ${ofEntry}`).bind(project, id, target),
  );
  return batchWrote(db, entry, [note, ...remove]);
}

const PURGED_PER_MINUTE = 1000;

/**
 * Removes a bounded number of sessions and codes that are over. `issuer`: with whom people sign in, or an empty text. A
 * sign-in with another one is over, also if the operator sets that issuer again later. Null: nobody knows. Never throws.
 */
export async function purgeSessions(db: D1Database, now: number, issuer: string | null): Promise<void> {
  const purge = [...TABLES, "sign_in_codes"].map((table) =>
    db
      .prepare(
        `DELETE FROM ${table} WHERE hash IN (
           SELECT hash FROM ${table} WHERE expires_at <= ? ORDER BY expires_at LIMIT ${PURGED_PER_MINUTE})`,
      )
      .bind(now),
  );
  const left = db
    .prepare(
      `DELETE FROM sign_ins WHERE hash IN (
         SELECT hash FROM sign_ins WHERE issuer < ?1 UNION ALL SELECT hash FROM sign_ins WHERE issuer > ?1
         LIMIT ${PURGED_PER_MINUTE})`,
    )
    .bind(issuer);
  await db.batch([...purge, left]).catch((error) => logFailure("sweep_failed", error, { step: "purge_sessions" }));
}
