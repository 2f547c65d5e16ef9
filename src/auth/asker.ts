/**
 * SQL conditions on the asker: ?1 is the project, `asker` the token's id, null for the operator, `secret` the hash of
 * the secret that the request used, and `session` the id of its session or null. An isolate can accept a revoked token,
 * a replaced secret or an ended session for 30 s, and for 10 minutes while D1 is down. A token that it minted in that
 * time would outlive the revocation. So D1 decides.
 */

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

/** Whether the asker's secret and session still work. */
export const lives = (sql: AskerSql) =>
  has(sql, `hash = ${sql.secret} OR (old_hash = ${sql.secret} AND old_expires_at > ${sql.now})`);

/** Whether the asker's secret is the token's newest, and still works with its session. */
export const holdsNewest = (sql: AskerSql) => has(sql, `hash = ${sql.secret}`);
