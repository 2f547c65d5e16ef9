/**
 * The SQL statements of signing in: which tokens trust a person, what they may choose, and how their sessions begin. A
 * change is one batch that may run twice, because the first run may have committed although its answer was lost. So
 * each batch ends by reading what it did.
 */
import type { Issuer } from "../../settings/issuers.ts";
import { mayTrust } from "../../settings/issuers.ts";
import { isLiving } from "../audit.ts";
import type { KnownCredential } from "../credential-memory.ts";
import type { Role } from "../principal.ts";
import { LASTS_MS, lastRead, OF_TOKEN_MAX, readSession, SIGN_IN_LASTS_MAX_MS } from "../session-store.ts";
import { type Claims, entriesOf, type Trust, trustFault } from "./trust.ts";

/** An issuer can say thousands of groups. */
const ENTRIES_MAX = 2000;
const CANDIDATES_MAX = 1000;
/** As many as a person can choose from. */
const CHOICES_MAX = 200;

interface TokenRef {
  /** `{org}/{project}` */
  readonly project: string;
  readonly id: string;
}

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
export interface PendingSignIn {
  readonly issuer: string;
  readonly subject: string;
  readonly identity: string;
  readonly person: string;
  readonly to: string;
  readonly tokens: readonly TokenRef[];
}

export interface Choice extends TokenRef {
  readonly name: string;
  readonly role: Role;
  readonly envName: string | null;
  readonly mayApprove: boolean;
}

/** SQL on ?1, the hash of a code, and ?2, the time: each token that the code's person may choose and that still lives. */
const CHOICES = `sign_in_codes CROSS JOIN json_each(about, '$.tokens') AS matched
  CROSS JOIN tokens ON tokens.project = matched.value ->> 'project' AND tokens.id = matched.value ->> 'id'
  WHERE sign_in_codes.hash = ?1 AND sign_in_codes.expires_at > ?2 AND trust IS NOT NULL AND ${isLiving("?2")}`;

/** What the person of a code may choose. Null: the code is unknown, used or too old. */
export async function selectChoices(
  db: D1Database,
  hash: string,
  now: number,
): Promise<{ readonly pending: PendingSignIn; readonly choices: readonly Choice[] } | null> {
  const [found, chosen] = await db.batch([
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
  const rows = (chosen?.results ?? []) as readonly (Omit<Choice, "mayApprove"> & { readonly mayApprove: number })[];
  const choices = rows.map((choice) => ({ ...choice, mayApprove: choice.mayApprove === 1 }));
  return { pending: JSON.parse(row.about) as PendingSignIn, choices };
}

interface NewSignIn {
  readonly id: string;
  /** Of the cookie, or of what the command line sends. */
  readonly hash: string;
  readonly codeHash: string;
  readonly now: number;
}

const INSERT =
  "INSERT INTO sign_ins (hash, page_key_hash, project, id, token_id, issuer, identity, person, began_at, expires_at)";

/**
 * Begins the session that a person has chosen, and uses the code up. `code_invalid`: the code is unknown, used, or of
 * another issuer. `token_gone`: the token was revoked since, and the code stays good.
 */
export async function beginSignIn(
  db: D1Database,
  { id, hash, codeHash, now }: NewSignIn,
  chosen: TokenRef & { readonly issuer: string; readonly pageKeyHash: string },
): Promise<KnownCredential | "code_invalid" | "token_gone"> {
  const { issuer, project, id: tokenId, pageKeyHash } = chosen;
  const insert = db
    .prepare(
      `${INSERT}
       SELECT ?3, ?4, tokens.project, ?5, tokens.id, about ->> 'issuer', about ->> 'identity', about ->> 'person', ?2,
              min(?2 + ${LASTS_MS}, coalesce(tokens.expires_at, ?2 + ${LASTS_MS}))
       FROM ${CHOICES} AND tokens.project = ?6 AND tokens.id = ?7 AND about ->> 'issuer' = ?8
       ON CONFLICT (hash) DO NOTHING`,
    )
    .bind(codeHash, now, hash, pageKeyHash, id, project, tokenId, issuer);
  const left = db
    .prepare("SELECT 1 FROM sign_in_codes WHERE hash = ? AND expires_at > ? AND about ->> 'issuer' = ?")
    .bind(codeHash, now, issuer);
  const results = await db.batch([insert, ...afterInsert(db, { hash, codeHash }), left, readSession(db, hash)]);
  return lastRead(results as never) ?? (results.at(-2)?.results.length === 1 ? "token_gone" : "code_invalid");
}

/** What the code for a command line is about. Its hash is bound to the challenge and the port. */
export interface PendingLogin {
  readonly project: string;
  /** The session in which the person agreed. */
  readonly sessionId: string;
}

/**
 * Begins the session of a command line, and uses the code up. The session of the browser must not have ended. The new one
 * lasts no longer than that one could, because the issuer was asked then. Null: the code is unknown, used or too old.
 */
export async function beginLogin(
  db: D1Database,
  { id, hash, codeHash, now }: NewSignIn,
  issuer: string,
): Promise<KnownCredential | null> {
  const insert = db
    .prepare(
      `${INSERT}
       SELECT ?3, NULL, agreed.project, ?4, token_id, issuer, identity, agreed.person, ?2,
              min(?2 + ${LASTS_MS}, began_at + ${SIGN_IN_LASTS_MAX_MS})
       FROM sign_in_codes CROSS JOIN sign_ins AS agreed
         ON agreed.project = about ->> 'project' AND agreed.id = about ->> 'sessionId'
       CROSS JOIN tokens ON tokens.project = agreed.project AND tokens.id = token_id
       WHERE sign_in_codes.hash = ?1 AND sign_in_codes.expires_at > ?2 AND agreed.expires_at > ?2 AND ${isLiving("?2")}
         AND page_key_hash IS NOT NULL AND issuer = ?5
       ON CONFLICT (hash) DO NOTHING`,
    )
    .bind(codeHash, now, hash, id, issuer);
  const results = await db.batch([insert, ...afterInsert(db, { hash, codeHash }), readSession(db, hash)]);
  return lastRead(results as never);
}

/** Ends the oldest sessions if the person has too many of this token, and uses the code up. */
function afterInsert(db: D1Database, { hash, codeHash }: Pick<NewSignIn, "hash" | "codeHash">) {
  const endOldest = db
    .prepare(
      `DELETE FROM sign_ins WHERE hash IN (
         SELECT older.hash FROM sign_ins AS begun CROSS JOIN sign_ins AS older INDEXED BY sign_ins_by_token
         ON older.project = begun.project AND older.token_id = begun.token_id AND older.person = begun.person
         WHERE begun.hash = ?1 AND older.id <> begun.id ORDER BY older.id DESC LIMIT -1 OFFSET ${OF_TOKEN_MAX - 1})`,
    )
    .bind(hash);
  const useUp = db
    .prepare("DELETE FROM sign_in_codes WHERE hash = ?2 AND EXISTS (SELECT 1 FROM sign_ins WHERE hash = ?1)")
    .bind(hash, codeHash);
  return [endOldest, useUp];
}
