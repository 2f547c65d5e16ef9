/**
 * API tokens: `terr_` and 32 random bytes. D1 keeps only the SHA-256 hash of a token, which is shown once.
 * The isolate remembers what D1's primary answered, so a revocation takes effect within 30 s.
 */

import { BoundedMap } from "../bounded-map.ts";
import { msSince } from "../elapsed.ts";
import type { Hops } from "../http/hops.ts";
import { readD1 } from "../http/read-d1.ts";
import { within } from "../timeout.ts";
import type { Principal } from "./permissions.ts";
import { selectToken } from "./store.ts";

const TOKEN = /^terr_[A-Za-z0-9_-]{43}$/;
const KNOWN_MS = 30_000;
const REFUSED_MS = 5000;
/** A token that was good lately still works while D1 is down, because revoking needs D1 as well. */
const KNOWN_IN_OUTAGE_MS = 600_000;
/** The timeout of a remembered token's look-up, and the time until D1 is asked again. */
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

interface Known {
  readonly principal: Principal;
  /** When D1 answered. */
  readonly readAt: number;
  /** When D1 answered or failed to, and how long the entry is used without asking again. */
  readonly askedAt: number;
  readonly freshMs: number;
}

/** Per isolate, by hash. Two maps, so that made-up tokens can't evict good ones. */
const known = new BoundedMap<Known>(REMEMBERED_MAX);
const refusedAt = new BoundedMap<number>(REMEMBERED_MAX);

/** What the isolate remembers of a token: its principal, null if it was refused, undefined if D1 must be asked. */
export function recallToken(hash: string, now: number): Principal | null | undefined {
  const good = known.get(hash);
  if (good !== undefined && msSince(good.askedAt, now) < good.freshMs) return good.principal;
  const refused = refusedAt.get(hash);
  return refused !== undefined && msSince(refused, now) < REFUSED_MS ? null : undefined;
}

/** Whether the token with this hash was good in the last 10 minutes. */
export function wasGoodLately(hash: string, now: number): boolean {
  const good = known.get(hash);
  return good !== undefined && msSince(good.readAt, now) < KNOWN_IN_OUTAGE_MS;
}

/**
 * The principal of the token with this hash, or null if there is none. Throws `database_unavailable`.
 * `waitUntil` lets a late answer of D1 still count. Otherwise a slow database would keep a revoked token good.
 */
export async function lookUpToken(
  db: D1Database,
  hops: Hops,
  hash: string,
  now: number,
  waitUntil: (work: Promise<unknown>) => void,
): Promise<Principal | null> {
  const good = known.get(hash);
  const lookUp = readD1(hops, () => selectToken(db, hash)).then((found) => remember(hash, found, now));
  if (good === undefined || !wasGoodLately(hash, now)) return lookUp;
  const found = await within(KNOWN_LOOK_UP_MAX_MS, lookUp).catch(() => "late" as const);
  if (found !== "late") return found;
  known.set(hash, { ...good, askedAt: now, freshMs: KNOWN_LOOK_UP_AGAIN_MS });
  waitUntil(lookUp.catch(() => null));
  return good.principal;
}

function remember(hash: string, principal: Principal | null, now: number): Principal | null {
  if (principal === null) {
    known.delete(hash);
    refusedAt.set(hash, now);
  } else known.set(hash, { principal, readAt: now, askedAt: now, freshMs: KNOWN_MS });
  return principal;
}

/** Makes a revocation take effect in this isolate at once. */
export function forgetTokens(ids: readonly string[]): void {
  const gone = new Set(ids);
  for (const [hash, { principal }] of known.entries()) if (gone.has(principal.id)) known.delete(hash);
}
