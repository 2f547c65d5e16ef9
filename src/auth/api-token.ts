/**
 * API tokens: `terr_` and 32 random bytes. D1 keeps only the SHA-256 of one; the token itself is shown once.
 * A look-up goes to the primary and is remembered in the isolate, so revoking takes effect within 30 s.
 */

import { msSince } from "../elapsed.ts";
import type { Hops } from "../http/hops.ts";
import { readD1 } from "../http/read-d1.ts";
import type { Principal, Role } from "./permissions.ts";

const TOKEN = /^terr_[A-Za-z0-9_-]{43}$/;
const KNOWN_MS = 30_000;
const REFUSED_MS = 5000;
/** While D1 is down a token lately known to be good goes on working: revoking needs D1 as well. */
const KNOWN_IN_OUTAGE_MS = 600_000;
/** How long its look-up may take before it is taken on what is remembered, and how soon D1 is asked again. */
const KNOWN_LOOK_UP_MAX_MS = 1000;
const KNOWN_LOOK_UP_AGAIN_MS = 5000;
const REMEMBERED_MAX = 1000;

export function isApiToken(text: string): boolean {
  return TOKEN.test(text);
}

export function mintApiToken(): string {
  const random = crypto.getRandomValues(new Uint8Array(32));
  return `terr_${random.toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

interface Remembered {
  readonly record: Principal | null;
  readonly readAt: number;
  /** When it was read, or D1 failed to answer, and how long it may be acted on from then on. */
  readonly askedAt: number;
  readonly freshMs: number;
}

function isFresh(entry: Remembered | undefined, now: number): entry is Remembered {
  return entry !== undefined && msSince(entry.askedAt, now) < entry.freshMs;
}

/** Per isolate, by hash, bounded. Apart, so that made-up tokens can't push out good ones. */
const known = new Map<string, Remembered>();
const refused = new Map<string, Remembered>();

/** What the isolate remembers of a hash, if that is fresh enough to act on. */
export function recallToken(hash: string, now: number): Principal | null | undefined {
  const good = known.get(hash);
  if (isFresh(good, now)) return good.record;
  if (isFresh(refused.get(hash), now)) return null;
  return undefined;
}

/** Whether the token with this hash is known to have been good in the last 10 minutes. */
export function wasGoodLately(hash: string, now: number): boolean {
  const good = known.get(hash);
  return good !== undefined && msSince(good.readAt, now) < KNOWN_IN_OUTAGE_MS;
}

/**
 * The token with this hash, or null where there is none. Throws `database_unavailable`.
 * `later` keeps work alive past the answer: an answer of D1 that comes late is still heard, or a slow database
 * would keep a revoked token good.
 */
export async function lookUpToken(
  db: D1Database,
  hops: Hops,
  hash: string,
  now: number,
  later: (work: Promise<unknown>) => void,
): Promise<Principal | null> {
  const good = known.get(hash);
  const lookUp = readD1(hops, () => selectToken(db, hash));
  if (good === undefined || !wasGoodLately(hash, now)) return settle(hash, await lookUp, now);
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), KNOWN_LOOK_UP_MAX_MS);
  const found = await Promise.race([lookUp.catch(() => "late" as const), late]);
  clearTimeout(timer);
  if (found !== "late") return settle(hash, found, now);
  remember(known, hash, { ...good, askedAt: now, freshMs: KNOWN_LOOK_UP_AGAIN_MS });
  later(lookUp.then((row) => settle(hash, row, now)).catch(() => null));
  return good.record;
}

function settle(hash: string, row: TokenRow | null, now: number): Principal | null {
  if (row === null) {
    known.delete(hash);
    remember(refused, hash, { record: null, readAt: now, askedAt: now, freshMs: REFUSED_MS });
    return null;
  }
  const record = toRecord(row);
  remember(known, hash, { record, readAt: now, askedAt: now, freshMs: KNOWN_MS });
  return record;
}

async function selectToken(db: D1Database, hash: string): Promise<TokenRow | null> {
  return db
    .prepare("SELECT project, id, name, role, env_name, expires_at FROM tokens WHERE hash = ?")
    .bind(hash)
    .first<TokenRow>();
}

/** The isolate that revoked tokens need not wait. */
export function forgetTokens(ids: ReadonlySet<string>): void {
  for (const [hash, { record }] of known) if (record !== null && ids.has(record.id)) known.delete(hash);
}

interface TokenRow {
  project: string;
  id: string;
  name: string;
  role: Role;
  env_name: string | null;
  expires_at: number | null;
}

function toRecord(row: TokenRow): Principal {
  const { project, id, name, role } = row;
  return { project, id, name, role, envName: row.env_name, expiresAt: row.expires_at };
}

function remember(map: Map<string, Remembered>, hash: string, entry: Remembered): void {
  map.delete(hash);
  map.set(hash, entry);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED_MAX && oldest !== undefined) map.delete(oldest);
}
