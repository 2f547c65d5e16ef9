/**
 * SQL conditions on the asker's token: ?1 is the project, `asker` the token's id, null for the operator, and `secret`
 * the hash of the secret that the request used. An isolate can accept a revoked token or a replaced secret for 30 s, and
 * for 10 minutes while D1 is down. A token that it minted in that time would outlive the revocation. So D1 decides.
 */

/** Whether the token is still valid at `now`. */
export const isLiving = (now: string) => `(tokens.expires_at IS NULL OR tokens.expires_at > ${now})`;

const has = (asker: string, now: string, secret: string) => `(${asker} IS NULL OR EXISTS (
  SELECT 1 FROM tokens WHERE project = ?1 AND id = ${asker} AND ${isLiving(now)} AND (${secret})))`;

/** Whether the asker's secret still works. */
export const lives = (asker: string, secret: string, now: string) =>
  has(asker, now, `hash = ${secret} OR (old_hash = ${secret} AND old_expires_at > ${now})`);

/** Whether the asker's secret is the token's newest and still works. */
export const holdsNewest = (asker: string, secret: string, now: string) =>
  has(asker, now, `hash = ${secret}`);
