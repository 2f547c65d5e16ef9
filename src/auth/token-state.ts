/** Says whether a token still works. Work that goes on after its request asks here before each step. */

import { OPERATOR } from "./permissions.ts";

export type TokenState = "living" | "token_revoked" | "token_expired";

/**
 * Asks D1's primary, and never the isolate's memory. A rotation changes nothing, because the token is the same. The
 * operator has no row, and passes.
 */
export async function tokenState(db: D1Database, project: string, id: string, now: number): Promise<TokenState> {
  if (id === OPERATOR.id) return "living";
  const token = await db
    .withSession("first-primary")
    .prepare("SELECT expires_at AS expiresAt FROM tokens WHERE project = ? AND id = ?")
    .bind(project, id)
    .first<{ expiresAt: number | null }>();
  if (token === null) return "token_revoked";
  return token.expiresAt !== null && token.expiresAt <= now ? "token_expired" : "living";
}
