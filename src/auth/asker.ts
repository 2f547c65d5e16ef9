/**
 * SQL conditions on the asker: ?1 is the project, `asker` the token's id, null for the operator, `secret` the hash of
 * the secret that the request used, and `session` the id of its session or null. An isolate can accept a revoked token,
 * a replaced secret or an ended session for 30 s, and for 10 minutes while D1 is down. What it changed in that time
 * would outlive the revocation. So D1 decides.
 */

import { type Principal, rowIdOf } from "./permissions.ts";

/** The asker as D1 knows it, besides the session. `tokenId` and `secretHash`: null for the operator. */
export interface Asker {
  readonly tokenId: string | null;
  readonly secretHash: string | null;
  /** See `lineageOf`. */
  readonly lineage: string;
}

/** Whether the token is still valid at `now`. */
export const isLiving = (now: string) => `(tokens.expires_at IS NULL OR tokens.expires_at > ${now})`;

interface AskerSql {
  readonly asker: string;
  readonly secret: string;
  readonly session: string;
  readonly now: string;
}

const has = ({ asker, session, now }: AskerSql, secret: string) => `((${asker} IS NULL OR EXISTS (
    SELECT 1 FROM tokens WHERE project = ?1 AND id = ${asker} AND ${isLiving(now)} AND (${secret})))
  AND (${session} IS NULL OR EXISTS (
    SELECT 1 FROM sessions WHERE project = ?1 AND id = ${session} AND expires_at > ${now})))`;

/** Whether the asker's secret is the token's newest, and still works with its session. */
export const holdsNewest = (sql: AskerSql) => has(sql, `hash = ${sql.secret}`);

/** `replaced`: the secret still works, but is not the newest. `gone`: the token, the secret or the session has ended. */
export type AskerState = "newest" | "replaced" | "gone";

/** Asks D1's primary, and never the isolate's memory. */
export async function askerState(db: D1Database, asker: Principal, now: number): Promise<AskerState> {
  const sql = { asker: "?2", secret: "?3", session: "?4", now: "?5" };
  const lives = has(sql, "hash = ?3 OR (old_hash = ?3 AND old_expires_at > ?5)");
  const { project, secretHash, sessionId = null } = asker;
  const state = await db
    .prepare(`SELECT CASE WHEN ${holdsNewest(sql)} THEN 'newest' WHEN ${lives} THEN 'replaced' END AS state`)
    .bind(project, rowIdOf(asker), secretHash, sessionId, now)
    .first<AskerState | null>("state");
  return state ?? "gone";
}
