/**
 * API tokens: `terr_` and 32 random bytes. D1 keeps only the SHA-256 hash of a token, which is shown once. The isolate
 * remembers what D1's primary answered, so a revocation takes effect within 30 s, or within 10 minutes while D1 is
 * down.
 */

import { OutageCache } from "../database/outage-cache.ts";
import { readD1 } from "../database/read-d1.ts";
import type { Hops } from "../http/app-env.ts";
import type { Principal } from "./permissions.ts";
import { selectToken } from "./store.ts";

const TOKEN = /^terr_[A-Za-z0-9_-]{43}$/;
const REFUSED_MS = 5000;
const REMEMBERED_MAX = 1000;

export function isApiToken(text: string): boolean {
  return TOKEN.test(text);
}

export function mintApiToken(): string {
  const random = crypto.getRandomValues(new Uint8Array(32));
  return `terr_${random.toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

/** Per isolate, by hash. A revocation names tokens by id. */
const known = new OutageCache<Principal>({
  maxWeight: REMEMBERED_MAX,
  weigh: () => 1,
  nameOf: (principal) => principal?.id ?? null,
  missingMs: REFUSED_MS,
});

/** What the isolate remembers of a token: its principal, null if it was refused, undefined if D1 must be asked. */
export function recallToken(hash: string, now: number): Principal | null | undefined {
  return known.recall(hash, now);
}

/** Whether the token with this hash was good in the last 10 minutes. */
export function wasGoodLately(hash: string, now: number): boolean {
  return known.hasOutageCopy(hash, now);
}

/**
 * The principal of the token with this hash, or null if there is none. Throws `database_unavailable`.
 * `waitUntil`: lets a late answer of D1 still count.
 */
export function lookUpToken(
  db: D1Database,
  hops: Hops,
  hash: string,
  now: number,
  waitUntil: (work: Promise<unknown>) => void,
): Promise<Principal | null> {
  const read = () => readD1(hops, () => selectToken(db, hash));
  return known.lookUp({ key: hash, now, read }, waitUntil);
}

/**
 * A revocation failed, but D1 may have done it. Nobody knows which tokens are below `target`, so this forgets all
 * tokens that the asker could have revoked. `envName`: the asker's.
 */
export function forgetTokensPerhapsRevoked(target: string, project: string, envName: string | null): void {
  const within = known.namesOf(
    (token) => token.project === project && (envName === null || token.envName === envName),
  );
  known.forget([target, ...within]);
}

/** Makes a revocation take effect in this isolate at once. */
export function forgetTokens(ids: readonly string[]): void {
  known.forget(ids);
}
