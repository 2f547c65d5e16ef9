/**
 * What the isolate remembers of API tokens and sessions, and when they were last used. It remembers what D1's primary
 * answered, so a revocation takes effect within 30 s, or within 10 minutes while D1 is down.
 */

import type { MiddlewareHandler } from "hono";
import { BoundedMap } from "../base/bounded-map.ts";
import { HOUR_MS, MINUTE_MS } from "../base/time.ts";
import { OutageCache } from "../database/outage-cache.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv, Hops } from "../http/request-context.ts";
import type { Trust } from "./identity/trust.ts";
import { OPERATOR, type Principal } from "./principal.ts";

/** Whom a credential stands for. */
export interface KnownCredential extends Principal {
  /** The SHA-256 of the page key that a session needs besides its cookie. Null for a token, and on the command line. */
  readonly pageKeyHash: string | null;
  /** Of a token that programs open with their proofs. */
  readonly trust?: Trust;
}

/** Per isolate, by the credential's hash, and by the name of a token that programs open. Revocations name ids. */
export const credentials = new OutageCache<KnownCredential>({
  maxWeight: 1000,
  weigh: () => 1,
  // A session ends with its token, so it has the token's id as well.
  namesOf: (credential) => [credential?.id, credential?.sessionId].filter((name) => name !== undefined),
  missingMs: 5000,
});

/** Makes a revocation take effect in this isolate at once. */
export function forgetTokens(ids: readonly string[]): void {
  credentials.forget(ids);
  expiries.forget(ids);
}

/**
 * A revocation failed, but D1 may have done it. Nobody knows which tokens are below `target`, so this forgets all
 * credentials that the asker could have revoked. `envName`: the asker's.
 */
export function forgetPerhapsRevoked(target: string, project: string, envName: string | null): void {
  const within = credentials.namesOf((one) => one.project === project && (envName ?? one.envName) === one.envName);
  forgetTokens([target, ...within]);
}

export type TokenState = "living" | "token_revoked" | "token_expired";

interface Expiry {
  readonly expiresAt: number | null;
}

/** Per isolate, of tokens for which work begins without a request. An id never comes back. */
const expiries = new OutageCache<Expiry>({
  maxWeight: 1000,
  weigh: () => 1,
  namesOf: (_expiry, key) => [key],
  missingMs: 30_000,
});

/**
 * Whether a token still works, for work that goes on after its request. Asks D1's primary, and never the isolate's memory.
 * A rotation changes nothing, because the token is the same. The operator has no row, and passes.
 */
export async function tokenState(db: D1Database, project: string, id: string, now: number): Promise<TokenState> {
  return id === OPERATOR.id ? "living" : stateOf(await selectExpiry(db, project, id), now);
}

/** The same from memory, so that work without a request also begins while D1 is down. Throws `database_unavailable`. */
export async function tokenStateOf(
  { env, hops, waitUntil }: { env: { DB: D1Database }; hops: Hops; waitUntil: (work: Promise<unknown>) => void },
  project: string,
  id: string,
): Promise<TokenState> {
  if (id === OPERATOR.id) return "living";
  const now = Date.now();
  const read = () => readD1(hops, () => selectExpiry(env.DB, project, id));
  return stateOf(await expiries.get({ key: id, now, read }, waitUntil), now);
}

function selectExpiry(db: D1Database, project: string, id: string): Promise<Expiry | null> {
  const select = "SELECT expires_at AS expiresAt FROM tokens WHERE project = ? AND id = ?";
  return db.withSession("first-primary").prepare(select).bind(project, id).first<Expiry>();
}

function stateOf(token: Expiry | null, now: number): TokenState {
  if (token === null) return "token_revoked";
  return token.expiresAt !== null && token.expiresAt <= now ? "token_expired" : "living";
}

/** Per isolate: until when a use need not be written again, by the session's or the token's id. */
const notedUntil = new BoundedMap<number>(1000);

const note = (table: "tokens" | "sessions") => `
  UPDATE ${table} SET last_used_at = ?3
  WHERE project = ?1 AND id = ?2 AND (last_used_at IS NULL OR last_used_at < ?3)`;

/**
 * Notes when the request's token and session were used, to the hour. The write begins when the response exists, so no
 * response waits for it or fails with it. A token costs at most one row an hour: the isolate remembers what it wrote, and
 * the statement does nothing if another isolate came first. A forged token writes nothing.
 */
export const notesUse: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  const principal: Principal | undefined = c.get("principal");
  if (principal === undefined || principal.project === null) return;
  const { id, project, sessionId } = principal;
  const key = sessionId ?? id;
  const now = Date.now();
  const ahead = (notedUntil.get(key) ?? now) - now;
  // If it is further ahead, the clock has stepped back.
  if (ahead > 0 && ahead <= HOUR_MS) return;
  const hour = now - (now % HOUR_MS);
  notedUntil.set(key, hour + HOUR_MS);
  const write = async () => {
    const { DB } = c.env;
    const ofToken = DB.prepare(note("tokens")).bind(project, id, hour);
    if (sessionId === undefined) return ofToken.run();
    return DB.batch([ofToken, DB.prepare(note("sessions")).bind(project, sessionId, hour)]);
  };
  // A failure is tried again, but not by each request of an outage.
  c.executionCtx.waitUntil(write().catch(() => notedUntil.set(key, now + MINUTE_MS)));
};
