/** The sweep's statements: which coordinators may have lost their alarm, and when to look at each of them again. */

export interface Registered {
  readonly scope: string;
  readonly due_at: number;
}

// Each half walks the index in the order of `due_at`, so nothing is sorted.
export const LONGEST_DUE = `
  SELECT scope, due_at FROM coordinators WHERE due_at < ?1
  UNION ALL SELECT scope, due_at FROM coordinators WHERE due_at > ?2
  ORDER BY due_at LIMIT ?3`;

const ANSWERS = "SELECT value ->> 0 AS scope, value ->> 1 AS due_at, value ->> 2 AS next FROM json_each(?1)";
/**
 * Replaces an instant only if it is still the one that the sweep has read, because a batch may have registered
 * meanwhile. REMOVE does the same. Both search by the primary key, because many rows can have the same instant.
 */
export const NOTE = `
  UPDATE coordinators INDEXED BY sqlite_autoindex_coordinators_1 SET due_at = answers.next FROM (${ANSWERS}) AS answers
  WHERE coordinators.scope = answers.scope AND coordinators.due_at = answers.due_at`;
export const REMOVE = `
  DELETE FROM coordinators INDEXED BY sqlite_autoindex_coordinators_1
  WHERE (scope, due_at) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))`;

/**
 * Coordinators that were due before `before`, the longest due first. An instant later than `after` was noted before the
 * clock stepped back, so it counts as due.
 */
export async function longestDue(db: D1Database, before: number, after: number, limit: number): Promise<Registered[]> {
  const { results } = await db.prepare(LONGEST_DUE).bind(before, after, limit).all<Registered>();
  return results;
}

/** Notes when to look at each coordinator again. `next`: null if the coordinator keeps nothing, so its row goes. */
export async function noteNext(
  db: D1Database,
  answers: readonly (Registered & { readonly next: number | null })[],
): Promise<void> {
  const kept = answers.filter(({ next }) => next !== null);
  const empty = answers.filter(({ next }) => next === null);
  const bound = (some: typeof answers) => JSON.stringify(some.map(({ scope, due_at, next }) => [scope, due_at, next]));
  await db.batch([
    ...(kept.length > 0 ? [db.prepare(NOTE).bind(bound(kept))] : []),
    ...(empty.length > 0 ? [db.prepare(REMOVE).bind(bound(empty))] : []),
  ]);
}
