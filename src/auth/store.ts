/** API tokens in D1. `envName` null means a token, or an asker, of the whole project. */

import type { Role } from "./permissions.ts";

export interface StoredToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly envName: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
}

export async function insertToken(
  db: D1Database,
  project: string,
  token: StoredToken,
  hash: string,
): Promise<void> {
  // OR IGNORE: a write that timed out and is tried once more may have arrived.
  await db
    .prepare(
      `INSERT OR IGNORE INTO tokens (project, id, hash, name, role, env_name, created_by, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .bind(
      project,
      token.id,
      hash,
      token.name,
      token.role,
      token.envName,
      token.createdBy,
      token.createdAt,
      token.expiresAt,
    )
    .run();
}

const VISIBLE = `project = ?1 AND (?2 IS NULL OR env_name = ?2) AND role IN (SELECT value FROM json_each(?3))`;

/** Newest first, from before the id `cursor`. */
export async function listTokens(
  db: D1Database,
  project: string,
  envName: string | null,
  roles: readonly Role[],
  cursor: string | undefined,
  limit: number,
): Promise<StoredToken[]> {
  const { results } = await db
    .prepare(
      `SELECT id, name, role, env_name AS envName, created_by AS createdBy, created_at AS createdAt,
              expires_at AS expiresAt
       FROM tokens WHERE ${VISIBLE} AND id < ?4 ORDER BY id DESC LIMIT ?5`,
    )
    .bind(project, envName, JSON.stringify(roles), cursor ?? "g", limit)
    .all<StoredToken>();
  return results;
}

/** True if there was one that the asker may revoke. */
export async function deleteToken(
  db: D1Database,
  project: string,
  id: string,
  envName: string | null,
  roles: readonly Role[],
): Promise<boolean> {
  const { meta } = await db
    .prepare(`DELETE FROM tokens WHERE ${VISIBLE} AND id = ?4`)
    .bind(project, envName, JSON.stringify(roles), id)
    .run();
  return meta.changes > 0;
}
