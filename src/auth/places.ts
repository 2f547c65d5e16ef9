/** Which environments hold something that a token opens. Environments are not registered, so D1's indexes tell. */

import type { Principal } from "./permissions.ts";

/** Greater than every character of a name and of a scope. */
const AFTER_ALL = "~";

/**
 * The scopes `{org}/{project}/{env}` after `cursor` that have runs, actions or webhook endpoints, in order. It seeks
 * the next scope in each index, so the cost does not depend on how much an environment has.
 */
export function selectEnvironments(
  db: D1Database,
  { project, envName }: Pick<Principal, "project" | "envName">,
  cursor: string,
  limit: number,
): Promise<D1Result<{ readonly scope: string }>> {
  const [first, last] = rangeOf(project, envName);
  const next = (from: string, comparison: ">" | ">=") => `(
    SELECT min(scope) FROM (
      SELECT min(scope) AS scope FROM coordinators WHERE scope ${comparison} ${from} AND scope <= ?3
      UNION ALL
      SELECT min(scope) FROM definitions WHERE scope ${comparison} ${from} AND scope <= ?3))`;
  return db
    .prepare(
      `WITH RECURSIVE found (scope) AS (
         SELECT CASE WHEN ?1 < ?2 THEN ${next("?2", ">=")} ELSE ${next("?1", ">")} END
         UNION ALL
         SELECT ${next("found.scope", ">")} FROM found WHERE found.scope IS NOT NULL LIMIT ?4
       )
       SELECT scope FROM found WHERE scope IS NOT NULL`,
    )
    .bind(cursor, first, last, limit)
    .all<{ scope: string }>();
}

/** The least and the greatest scope that the token can open. */
function rangeOf(project: string | null, envName: string | null): readonly [string, string] {
  if (project === null) return ["", AFTER_ALL];
  if (envName === null) return [`${project}/`, `${project}/${AFTER_ALL}`];
  return [`${project}/${envName}`, `${project}/${envName}`];
}
