/** What the cron asks of D1: which coordinators may have lost their alarm, and which rows may be kept no longer. */

import { DAY_MS } from "../../durations.ts";

/** How many rows one sweep looks at to find those that may be kept no longer. */
export const UNKEPT_MAX_LOOKED_AT = 1000;

/** Open runs past their deadline: their coordinator's alarm must have been dropped. */
export async function findOverdue(db: D1Database, before: number, limit: number) {
  const { results } = await db
    .prepare(
      `SELECT scope, id FROM runs INDEXED BY runs_open
       WHERE status IN ('pending', 'running') AND deadline_at < ? ORDER BY deadline_at LIMIT ?`,
    )
    .bind(before, limit)
    .all<{ scope: string; id: string }>();
  return results;
}

/**
 * Removes open rows whose retention is over and which no coordinator knows. A restore of D1 brings back such rows, because
 * they were purged after its backup.
 */
export async function dropUnkept(db: D1Database, now: number): Promise<void> {
  await db
    .prepare(
      `DELETE FROM runs WHERE rowid IN (
         SELECT row FROM (
           SELECT rowid AS row, purge_at FROM runs INDEXED BY runs_open
           WHERE status IN ('pending', 'running') AND deadline_at < ?2 ORDER BY deadline_at LIMIT ?3)
         WHERE purge_at < ?1)`,
    )
    // A run is kept for at least a day past its deadline, so later deadlines need no look. The limit bounds the walk and not
    // the deletion, because many rows may be overdue and still kept.
    .bind(now, now - DAY_MS, UNKEPT_MAX_LOOKED_AT)
    .run();
}

export interface SeenCoordinator {
  readonly scope: string;
  readonly n: number;
  readonly seen_at: number;
}

/**
 * Coordinators that neither registered nor were swept since `before`, the longest unseen first. An instant later than
 * `after` was noted before the clock stepped back, so it counts as unseen too.
 */
export async function longestUnseen(
  db: D1Database,
  before: number,
  after: number,
  limit: number,
): Promise<SeenCoordinator[]> {
  const { results } = await db
    .prepare(
      `SELECT scope, n, seen_at FROM coordinators WHERE seen_at < ?1
       UNION ALL SELECT scope, n, seen_at FROM coordinators WHERE seen_at > ?2
       ORDER BY seen_at LIMIT ?3`,
    )
    .bind(before, after, limit)
    .all<SeenCoordinator>();
  return results;
}

/** Notes a sweep. Drops an empty coordinator, unless it registered again meanwhile. */
export async function markSeen(
  db: D1Database,
  seen: readonly SeenCoordinator[],
  empty: readonly SeenCoordinator[],
  now: number,
): Promise<void> {
  const key = (c: SeenCoordinator) => [c.scope, c.n, c.seen_at];
  const same = `(scope, n, seen_at) IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1))`;
  await db.batch([
    db.prepare(`UPDATE coordinators SET seen_at = ?2 WHERE ${same}`).bind(JSON.stringify(seen.map(key)), now),
    db.prepare(`DELETE FROM coordinators WHERE ${same}`).bind(JSON.stringify(empty.map(key))),
  ]);
}
