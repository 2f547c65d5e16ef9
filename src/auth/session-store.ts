/**
 * Sessions and one-time codes in D1, and what a person who signed in may choose. `token_id` null means that a session
 * began with ROOT_TOKEN. A session by sign-in has an issuer, and no page key if it is of the command line. A change is one
 * batch that may run twice, as in token-store.ts, so it ends by reading what it did.
 */
import { logFailure } from "../base/log.ts";
import { DAY_MS, HOUR_MS } from "../base/time.ts";
import { type Issuer, mayTrust } from "../settings/issuers.ts";
import { type AuditEntry, auditStatement, batchWrote, isLiving } from "./audit.ts";
import type { KnownCredential } from "./credential-memory.ts";
import type { SignedIn } from "./identity/sign-in.ts";
import { type Claims, entriesOf, type Trust, trustFault } from "./identity/trust.ts";
import { isOperator, OPERATOR, type Principal, type Role } from "./principal.ts";
import type { newSession } from "./session.ts";
import { fromRow, PARENTS, visible, visibleTo } from "./token-store.ts";

/** How long a session lasts after its beginning or its last renewal, and how long at most. */
const LASTS_MS = 12 * HOUR_MS;
const LASTS_MAX_MS = 7 * DAY_MS;
/** The same of a session by sign-in. Whoever was removed at the issuer stays no longer. */
const SIGN_IN_LASTS_MAX_MS = 24 * HOUR_MS;
const RENEW_AFTER_MS = HOUR_MS;
/** If a token has more sessions, or more of one person, the oldest end. */
const OF_TOKEN_MAX = 20;

/** `hash`: of the cookie. */
type NewPageSession = Awaited<ReturnType<typeof newSession>>["row"];

/** Whose session it is. The hash says which secret of the token began it. */
export interface SessionToken {
  readonly id: string;
  readonly hash: string;
}

const INSERT = `INSERT INTO sessions
  (hash, page_key_hash, project, id, token_id, token_hash, issuer, identity, person, began_at, expires_at)`;
const endOf = (now: string) => `min(${now} + ${LASTS_MS}, coalesce(tokens.expires_at, ${now} + ${LASTS_MS}))`;

/** `token` null: the operator's. Null if D1 no longer has the token, or if a rotation replaced this secret. */
export async function beginSession(
  db: D1Database,
  { id, project, hash, pageKeyHash, now }: NewPageSession,
  token: SessionToken | null,
): Promise<KnownCredential | null> {
  const insert = db
    .prepare(
      `${INSERT}
       SELECT ?1, ?2, ?3, ?4, tokens.id, tokens.hash, NULL, NULL, NULL, ?7, ${endOf("?7")}
       FROM (SELECT 1) LEFT JOIN tokens
       ON tokens.project = ?3 AND tokens.id = ?5 AND tokens.hash = ?6 AND ${isLiving("?7")}
       WHERE ?5 IS NULL OR tokens.id IS NOT NULL ON CONFLICT (hash) DO NOTHING`,
    )
    .bind(hash, pageKeyHash, project, id, token?.id ?? null, token?.hash ?? null, now);
  return lastRead(await db.batch([insert, endOldest(db, hash), readSession(db, hash)]));
}

/**
 * Begins the session of the token `tokenId` that a person has chosen, and uses the code up. `code_invalid`: the code is
 * unknown, used, or of another issuer. `token_gone`: the token was revoked since, and the code stays good.
 */
export async function beginSignIn(
  db: D1Database,
  { id, project, hash, pageKeyHash, now }: NewPageSession,
  { codeHash, tokenId, issuer }: { readonly codeHash: string; readonly tokenId: string; readonly issuer: string },
): Promise<KnownCredential | "code_invalid" | "token_gone"> {
  const insert = db
    .prepare(
      `${INSERT}
       SELECT ?3, ?4, tokens.project, ?5, tokens.id, NULL, about ->> 'issuer', about ->> 'identity', about ->> 'person', ?2,
              ${endOf("?2")}
       FROM ${CHOICES} AND tokens.project = ?6 AND tokens.id = ?7 AND about ->> 'issuer' = ?8
       ON CONFLICT (hash) DO NOTHING`,
    )
    .bind(codeHash, now, hash, pageKeyHash, id, project, tokenId, issuer);
  const left = db
    .prepare("SELECT 1 FROM sign_in_codes WHERE hash = ? AND expires_at > ? AND about ->> 'issuer' = ?")
    .bind(codeHash, now, issuer);
  const after = [endOldest(db, hash), useUp(db, hash, codeHash), left, readSession(db, hash)];
  const results = await db.batch([insert, ...after]);
  return lastRead(results) ?? (results.at(-2)?.results.length === 1 ? "token_gone" : "code_invalid");
}

/**
 * Begins the session of a command line, and uses the code up. The browser's session must not have ended. The new one
 * lasts no longer than that one could, because the issuer was asked then. Null: the code is unknown, used or too old.
 */
export async function beginLogin(
  db: D1Database,
  { id, hash, now }: Pick<NewPageSession, "id" | "hash" | "now">,
  { codeHash, issuer }: { readonly codeHash: string; readonly issuer: string },
): Promise<KnownCredential | null> {
  const insert = db
    .prepare(
      `${INSERT}
       SELECT ?3, NULL, agreed.project, ?4, token_id, NULL, issuer, identity, agreed.person, ?2,
              min(?2 + ${LASTS_MS}, began_at + ${SIGN_IN_LASTS_MAX_MS})
       FROM sign_in_codes CROSS JOIN sessions AS agreed
         ON agreed.project = about ->> 'project' AND agreed.id = about ->> 'sessionId'
       CROSS JOIN tokens ON tokens.project = agreed.project AND tokens.id = token_id
       WHERE sign_in_codes.hash = ?1 AND sign_in_codes.expires_at > ?2 AND agreed.expires_at > ?2 AND ${isLiving("?2")}
         AND page_key_hash IS NOT NULL AND issuer = ?5
       ON CONFLICT (hash) DO NOTHING`,
    )
    .bind(codeHash, now, hash, id, issuer);
  const after = [endOldest(db, hash), useUp(db, hash, codeHash), readSession(db, hash)];
  return lastRead(await db.batch([insert, ...after]));
}

function endOldest(db: D1Database, hash: string): D1PreparedStatement {
  return db
    .prepare(
      `DELETE FROM sessions WHERE hash IN (
         SELECT older.hash FROM sessions AS begun CROSS JOIN sessions AS older INDEXED BY sessions_by_token
         ON older.project = begun.project AND older.token_id IS begun.token_id AND older.person IS begun.person
         WHERE begun.hash = ?1 AND older.id <> begun.id ORDER BY older.id DESC LIMIT -1 OFFSET ${OF_TOKEN_MAX - 1})`,
    )
    .bind(hash);
}

function useUp(db: D1Database, hash: string, codeHash: string): D1PreparedStatement {
  return db
    .prepare("DELETE FROM sign_in_codes WHERE hash = ?2 AND EXISTS (SELECT 1 FROM sessions WHERE hash = ?1)")
    .bind(hash, codeHash);
}

const CODES_OF_SESSION_MAX = 5;

/** `hash`: see `codeHash`. Of the codes that a session makes, the oldest go, or one reader could fill the database. */
export async function insertCode(
  db: D1Database,
  { hash, about, expiresAt }: { readonly hash: string; readonly about: object; readonly expiresAt: number },
): Promise<void> {
  const insert = db
    .prepare("INSERT INTO sign_in_codes (hash, about, expires_at) VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING")
    .bind(hash, JSON.stringify(about), expiresAt);
  const dropOldest = (sessionId: unknown) =>
    db
      .prepare(
        `DELETE FROM sign_in_codes WHERE hash IN (
           SELECT hash FROM sign_in_codes WHERE about ->> 'sessionId' = ? AND hash <> ?
           ORDER BY expires_at DESC LIMIT -1 OFFSET ${CODES_OF_SESSION_MAX - 1})`,
      )
      .bind(sessionId, hash);
  await db.batch("sessionId" in about ? [insert, dropOldest(about.sessionId)] : [insert]);
}

/** Takes an operator's code away. Its project, or null if the code is unknown, used or too old. */
export function takeSignInCode(db: D1Database, hash: string, now: number): Promise<string | null> {
  return db
    .prepare("DELETE FROM sign_in_codes WHERE hash = ? AND expires_at > ? RETURNING about ->> 'project' AS project")
    .bind(hash, now)
    .first<string>("project");
}

/** An issuer can say thousands of groups. */
const ENTRIES_MAX = 2000;
const CANDIDATES_MAX = 1000;
const CHOICES_MAX = 200;

type TokenRef = Record<"project" | "id", string>;

/**
 * The living tokens that trust these claims of a person, in the projects of which the issuer may speak. Each project has
 * its turn, because one with many trusts must not hide those of the others.
 */
export async function selectTrusting(
  db: D1Database,
  issuer: Issuer,
  claims: Claims,
  now: number,
): Promise<readonly TokenRef[]> {
  const entries = entriesOf(claims).slice(0, ENTRIES_MAX);
  const { results } = await db
    .prepare(
      `SELECT project, id, trust FROM (
         SELECT DISTINCT tokens.project, tokens.id, trust FROM json_each(?2) AS entry
         CROSS JOIN people_trusts ON people_trusts.issuer = ?1 AND anchor = entry.value ->> 'anchor'
           AND people_trusts.value = entry.value ->> 'value'
         CROSS JOIN tokens ON tokens.project = people_trusts.project AND tokens.id = token_id
         WHERE ${isLiving("?3")})
       ORDER BY row_number() OVER (PARTITION BY project) LIMIT ${CANDIDATES_MAX}`,
    )
    .bind(issuer.issuer, JSON.stringify(entries), now)
    .all<TokenRef & { readonly trust: string }>();
  return results
    .filter(({ project }) => mayTrust(issuer, project))
    .filter(({ trust }) => trustFault(JSON.parse(trust) as Trust, claims, issuer) === null)
    .slice(0, CHOICES_MAX)
    .map(({ project, id }) => ({ project, id }));
}

/** What the code of a sign-in is about. */
export interface PendingSignIn extends Omit<SignedIn, "claims"> {
  readonly to: string;
  readonly tokens: readonly TokenRef[];
}

type Choice = TokenRef & Pick<Principal, "name" | "role" | "envName" | "mayApprove">;

/** SQL on ?1, the hash of a code, and ?2, the time: each token that the code's person may choose and that still lives. */
const CHOICES = `sign_in_codes CROSS JOIN json_each(about, '$.tokens') AS matched
  CROSS JOIN tokens ON tokens.project = matched.value ->> 'project' AND tokens.id = matched.value ->> 'id'
  WHERE sign_in_codes.hash = ?1 AND sign_in_codes.expires_at > ?2 AND trust IS NOT NULL AND ${isLiving("?2")}`;

/** What the person of a code may choose. Null: the code is unknown, used or too old. */
export async function selectChoices(db: D1Database, hash: string, now: number) {
  const [found, chosen] = await db.batch<object>([
    db.prepare("SELECT about FROM sign_in_codes WHERE hash = ?1 AND expires_at > ?2").bind(hash, now),
    db
      .prepare(
        `SELECT tokens.project, tokens.id, name, role, env_name AS envName, may_approve AS mayApprove
         FROM ${CHOICES} ORDER BY tokens.project, name, tokens.id`,
      )
      .bind(hash, now),
  ]);
  const [row] = (found?.results ?? []) as readonly { readonly about: string }[];
  if (row === undefined) return null;
  const choices = (chosen?.results ?? []).map((choice) => fromRow<Choice>(choice));
  return { pending: JSON.parse(row.about) as PendingSignIn, choices };
}

/** SQL: sessions with their tokens. A token that is gone has no session, and neither has a secret that is gone. */
const WITH_TOKENS = `
  sessions LEFT JOIN tokens ON tokens.project = sessions.project AND tokens.id = token_id
    AND iif(issuer IS NULL, token_hash IN (tokens.hash, old_hash), trust IS NOT NULL)`;
const HAS_TOKEN = "(token_id IS NULL OR tokens.id IS NOT NULL)";
/** A session is over at its own end, or at that of its token or of the secret that began it, whichever is first. */
const ENDS = `min(sessions.expires_at,
  coalesce(iif(tokens.hash <> token_hash, old_expires_at, tokens.expires_at), sessions.expires_at))`;
/** A program on the person's machine can use it, so it decides nothing and changes nothing that lasts. */
const ROLE = "iif(page_key_hash IS NULL AND role IN ('owner', 'admin'), 'member', role)";
const PERSON = "coalesce(sessions.person, tokens.person)";

function readSession(db: D1Database, hash: string): D1PreparedStatement {
  return db
    .prepare(
      `SELECT sessions.project, sessions.id AS sessionId, page_key_hash AS pageKeyHash,
              coalesce(tokens.id, '${OPERATOR.id}') AS id, coalesce(name, '${OPERATOR.name}') AS name,
              coalesce(${ROLE}, '${OPERATOR.role}') AS role, env_name AS envName,
              token_hash AS secretHash, coalesce(tokens.hash <> token_hash, 0) AS isReplaced,
              ${ENDS} AS expiresAt, tokens.expires_at AS tokenExpiresAt, ${PARENTS} AS parents, ${PERSON} AS person,
              iif(page_key_hash IS NULL, 0, coalesce(may_approve, ${Number(OPERATOR.mayApprove)})) AS mayApprove,
              iif(issuer IS NULL, coalesce(may_act_for_others, ${Number(OPERATOR.mayActForOthers)}), 0) AS mayActForOthers,
              iif(issuer IS NULL, minter, json_object('identity', identity, 'person', sessions.person)) AS proven, issuer
       FROM ${WITH_TOKENS} WHERE sessions.hash = ?1 AND ${HAS_TOKEN}`,
    )
    .bind(hash);
}

function lastRead(results: readonly D1Result[]): KnownCredential | null {
  const [row] = (results.at(-1)?.results ?? []) as readonly object[];
  return row === undefined ? null : fromRow(row);
}

/** The session with this hash, from D1's primary; null if there is none. */
export async function selectSession(db: D1Database, hash: string): Promise<KnownCredential | null> {
  const row = await readSession(db, hash).first<object>();
  return row && fromRow(row);
}

/** Makes the session last longer, unless it began with ROOT_TOKEN or on the command line, or was renewed lately. Reads it. */
export async function renewSession(db: D1Database, hash: string, now: number): Promise<KnownCredential | null> {
  const renew = db
    .prepare(
      `UPDATE sessions
       SET expires_at = min(?2 + ${LASTS_MS}, began_at + iif(issuer IS NULL, ${LASTS_MAX_MS}, ${SIGN_IN_LASTS_MAX_MS}))
       WHERE hash = ?1 AND token_id IS NOT NULL AND page_key_hash IS NOT NULL
         AND expires_at > ?2 AND expires_at <= ?2 + ${LASTS_MS - RENEW_AFTER_MS}`,
    )
    .bind(hash, now);
  return lastRead(await db.batch([renew, readSession(db, hash)]));
}

/** Ends the session of a cookie if it has this page key; null is any. The result is the session's id, or null. */
export function deleteSession(db: D1Database, hash: string, pageKeyHash: string | null): Promise<string | null> {
  return db
    .prepare("DELETE FROM sessions WHERE hash = ?1 AND page_key_hash = coalesce(?2, page_key_hash) RETURNING id")
    .bind(hash, pageKeyHash)
    .first<string>("id");
}

/** SQL: whether the asker may see and end a session. `first`: the number of the first of `seenBy`. */
const seen = (first: number) => `(?${first} AND token_id IS NULL OR EXISTS (
  SELECT 1 FROM tokens WHERE ${visible(first + 1)} AND tokens.id = token_id))`;
const seenBy = (asker: Principal) => [isOperator(asker) ? 1 : 0, ...visibleTo(asker)] as const;

export interface StoredSession {
  readonly id: string;
  readonly tokenId: string | null;
  readonly tokenName: string | null;
  readonly role: Role | null;
  readonly envName: string | null;
  readonly person: string | null;
  readonly isCommandLine: boolean;
  readonly beganAt: number;
  readonly expiresAt: number;
  readonly lastUsedAt: number | null;
}

/** The sessions that are not over and that the asker may see, before the id `cursor`, newest first. */
export async function listSessions(
  db: D1Database,
  project: string,
  asker: Principal,
  { cursor, limit, now }: { readonly cursor: string | undefined; readonly limit: number; readonly now: number },
): Promise<StoredSession[]> {
  const { results } = await db
    .prepare(
      `SELECT sessions.id, token_id AS tokenId, tokens.name AS tokenName, ${ROLE} AS role, env_name AS envName,
              ${PERSON} AS person, page_key_hash IS NULL AS isCommandLine, began_at AS beganAt, ${ENDS} AS expiresAt,
              sessions.last_used_at AS lastUsedAt
       FROM ${WITH_TOKENS}
       WHERE sessions.project = ?1 AND ${seen(2)} AND sessions.id < ?5 AND ${ENDS} > ?6 AND ${HAS_TOKEN}
       ORDER BY sessions.id DESC LIMIT ?7`,
    )
    .bind(project, ...seenBy(asker), cursor ?? "g", now, limit)
    .all<object>();
  return results.map((row) => fromRow(row));
}

/** Ends a session that the asker may see, and writes the audit entry. False if there is no such session. */
export async function endSession(db: D1Database, asker: Principal, entry: AuditEntry): Promise<boolean> {
  const { project, target, id } = entry;
  const note = auditStatement(db, entry, "ended.id IS NOT NULL", seenBy(asker), {
    join: `LEFT JOIN (SELECT id, token_id FROM sessions WHERE project = ?1 AND id = ?8) AS ended ON ${seen(13)}
           LEFT JOIN tokens ON tokens.project = ?1 AND tokens.id = token_id`,
    envName: "env_name",
    targetName: `coalesce(name, '${OPERATOR.name}')`,
  });
  const remove = db
    .prepare(
      `DELETE FROM sessions WHERE project = ?1 AND id = ?3
         AND EXISTS (SELECT 1 FROM audit WHERE project = ?1 AND id = ?2)`,
    )
    .bind(project, id, target);
  return batchWrote(db, entry, [note, remove]);
}

const PURGED_PER_MINUTE = 1000;

/**
 * Removes a bounded number of sessions and codes that are over. `issuer`: with whom people sign in, or an empty text. A
 * sign-in with another one is over, also if the operator sets that issuer again later. Null: nobody knows. Never throws.
 */
export async function purgeSessions(db: D1Database, now: number, issuer: string | null): Promise<void> {
  const purge = ["sessions", "sign_in_codes"].map((table) =>
    db
      .prepare(
        `DELETE FROM ${table} WHERE hash IN (
           SELECT hash FROM ${table} WHERE expires_at <= ? ORDER BY expires_at LIMIT ${PURGED_PER_MINUTE})`,
      )
      .bind(now),
  );
  const left = db
    .prepare(
      `DELETE FROM sessions WHERE hash IN (
         SELECT hash FROM sessions WHERE issuer < ?1 UNION ALL SELECT hash FROM sessions WHERE issuer > ?1
         LIMIT ${PURGED_PER_MINUTE})`,
    )
    .bind(issuer);
  await db.batch([...purge, left]).catch((error) => logFailure("sweep_failed", error, { step: "purge_sessions" }));
}
