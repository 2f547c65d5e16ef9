/** A token's row in D1: its columns, and what they become. SQLite has no booleans and no lists. */

import type { Principal, Role } from "./permissions.ts";

export interface StoredToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly envName: string | null;
  /** The token that created this one. Null for the operator. */
  readonly parentId: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  /** Until when a secret works that a rotation replaced. This can be past. Null if there was no rotation. */
  readonly oldExpiresAt: number | null;
  /** Down to the hour. Null: never. */
  readonly lastUsedAt: number | null;
  /** The person for whom the token always acts. Null: nobody in particular. */
  readonly person: string | null;
  readonly mayApprove: boolean;
  readonly mayActForOthers: boolean;
}

interface Flags {
  readonly mayApprove: number;
  readonly mayActForOthers: number;
}

export type TokenRow = Omit<StoredToken, keyof Flags> & Flags;

/** SQL: the columns of a TokenRow. */
export const COLUMNS = `id, name, role, env_name AS envName, parent_id AS parentId, created_by AS createdBy,
  created_at AS createdAt, expires_at AS expiresAt, old_expires_at AS oldExpiresAt,
  last_used_at AS lastUsedAt, person, may_approve AS mayApprove, may_act_for_others AS mayActForOthers`;

export function toStoredToken(row: TokenRow): StoredToken {
  return { ...row, ...flagsOf(row) };
}

/** No token has so many levels above it. The bound ends the walk if parents form a circle, which nothing can create. */
const LEVELS_MAX = 100;

/**
 * SQL on a row of `tokens`: the ids of the tokens above it as JSON, the nearest first. It reads one row for each level.
 * A token's parents never change, so an isolate may remember them.
 */
export const PARENTS = `(
  WITH RECURSIVE above (height, id) AS (
    SELECT 1, tokens.parent_id WHERE tokens.parent_id IS NOT NULL
    UNION ALL
    SELECT above.height + 1, parent.parent_id FROM above CROSS JOIN tokens AS parent
    ON parent.project = tokens.project AND parent.id = above.id
    WHERE parent.parent_id IS NOT NULL AND above.height < ${LEVELS_MAX}
  )
  SELECT json_group_array(id) FROM (SELECT id FROM above ORDER BY height))`;

/** SQL on a row of `tokens`: see `lineageOf`. */
export const LINEAGE = `(
  SELECT coalesce('/' || group_concat(value, '/'), '') || '/' || tokens.id || '/'
  FROM (SELECT value FROM json_each(${PARENTS}) ORDER BY key DESC))`;

/** A principal as SQL returns it. */
export type PrincipalRow = Omit<Principal, "isReplaced" | "parents" | keyof Flags> &
  Flags & {
    readonly isReplaced: number;
    /** JSON. */
    readonly parents: string;
  };

export function toPrincipal(row: PrincipalRow): Principal {
  return {
    ...row,
    ...flagsOf(row),
    isReplaced: row.isReplaced === 1,
    parents: JSON.parse(row.parents) as readonly string[],
  };
}

function flagsOf({ mayApprove, mayActForOthers }: Flags) {
  return { mayApprove: mayApprove === 1, mayActForOthers: mayActForOthers === 1 };
}
