/** Whether a token still works, for work that goes on after the request of the token, or that begins without one. */
import { OutageCache } from "../database/outage-cache.ts";
import { readD1 } from "../database/read-d1.ts";
import type { Hops } from "../http/request-context.ts";
import { OPERATOR } from "./principal.ts";

export type TokenState = "living" | "token_revoked" | "token_expired";

interface Expiry {
  readonly expiresAt: number | null;
}

/**
 * Asks D1's primary, and never the isolate's memory. A rotation changes nothing, because the token is the same. The
 * operator has no row, and passes.
 */
export async function tokenState(db: D1Database, project: string, id: string, now: number): Promise<TokenState> {
  return id === OPERATOR.id ? "living" : stateOf(await selectExpiry(db, project, id), now);
}

/** Per isolate. An id never comes back. */
const remembered = new OutageCache<Expiry>({
  maxWeight: 1000,
  weigh: () => 1,
  namesOf: (_expiry, key) => [key],
  missingMs: 30_000,
});

/**
 * The same for work that begins without a request: remembered for 30 s, and for 10 minutes while D1 is down. So such
 * work begins while D1 is down, as that of a request does. Throws `database_unavailable`.
 */
export async function tokenStateOf(
  { env, hops, waitUntil }: { env: { DB: D1Database }; hops: Hops; waitUntil: (work: Promise<unknown>) => void },
  project: string,
  id: string,
): Promise<TokenState> {
  if (id === OPERATOR.id) return "living";
  const now = Date.now();
  const known = remembered.recall(id, now);
  if (known !== undefined) return stateOf(known, now);
  const read = () => readD1(hops, () => selectExpiry(env.DB, project, id));
  return stateOf(await remembered.lookUp({ key: id, now, read }, waitUntil), now);
}

/** Makes a revocation take effect in this isolate at once, even if it only may have happened. */
export function forgetTokenStates(ids: readonly string[]): void {
  remembered.forget(ids);
}

function selectExpiry(db: D1Database, project: string, id: string): Promise<Expiry | null> {
  const select = "SELECT expires_at AS expiresAt FROM tokens WHERE project = ? AND id = ?";
  return db.withSession("first-primary").prepare(select).bind(project, id).first<Expiry>();
}

function stateOf(token: Expiry | null, now: number): TokenState {
  if (token === null) return "token_revoked";
  return token.expiresAt !== null && token.expiresAt <= now ? "token_expired" : "living";
}
