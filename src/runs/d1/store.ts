/**
 * Runs in D1: the guarded bulk upsert that coordinators land with, and the sweep's questions. Every statement
 * names its columns, for old and new code run side by side, and the scope, so that no tenant can meet another.
 */

import { isDatabaseFull } from "../../http/d1-errors.ts";
import { utf8Bytes } from "../../http/limits.ts";
import { toActionRun } from "../action-run.ts";
import type { JournaledRun } from "../journal/run-rows.ts";

/** The string bound by one flight, in UTF-8. D1 takes 2 MB, and one run alone always fits. */
export const GROUP_MAX_BYTES = 1_000_000;

const DAY_MS = 86_400_000;
/** How many rows one sweep looks at to find those that may be kept no longer. */
export const UNKEPT_MAX_LOOKED_AT = 1000;

const UPSERT = `
  INSERT INTO runs (scope, id, version, status, action_name, entity_id, triggered_by, deadline_at, purge_at, bytes, body)
  SELECT ?2, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
         value ->> 8, value ->> 9
  FROM json_each(?1)
  WHERE value ->> 7 > unixepoch('subsec') * 1000
  ON CONFLICT (scope, id) DO UPDATE SET
    version = excluded.version, status = excluded.status, purge_at = excluded.purge_at, bytes = excluded.bytes,
    body = excluded.body
  WHERE excluded.version > runs.version`;

/** One run as a flight carries it: JSON of the values that UPSERT unpacks, in its order. */
export function toGroupRow(run: JournaledRun): string {
  const body = toActionRun(run);
  return JSON.stringify([
    run.id,
    run.version,
    run.status,
    run.actionName,
    run.entityId,
    run.triggeredBy,
    run.deadlineAt,
    run.purgeAt,
    utf8Bytes(body),
    body,
  ]);
}

/** Lands a group; answers D1's bookmark. `registerAs`: this coordinator's number, told to the sweep on the way. */
export async function landGroup(
  db: D1Database,
  scope: string,
  rows: readonly string[],
  registerAs: number | null,
  now: number,
): Promise<string | null> {
  const session = db.withSession("first-primary");
  const upsert = session.prepare(UPSERT).bind(`[${rows.join(",")}]`, scope);
  if (registerAs === null) {
    await upsert.run();
  } else {
    const register = session
      .prepare("INSERT OR REPLACE INTO coordinators (scope, n, seen_at) VALUES (?, ?, ?)")
      .bind(scope, registerAs, now);
    await session.batch([register, upsert]);
  }
  return session.getBookmark();
}

/** Whether D1 refused a statement for what was in it, so that a smaller one may pass. Anything else is an outage. */
export function isRefusedForContent(error: unknown): boolean {
  if (isDatabaseFull(error)) return false;
  return /SQLITE_(CONSTRAINT|TOOBIG|MISMATCH|RANGE)|malformed JSON|too big|cannot store/i.test(String(error));
}

/** How many rows one look at D1 walks, whosever they are. */
const MAX_LOOKED_AT = 5000;

const LOOKED_AT = `
  SELECT id FROM runs INDEXED BY sqlite_autoindex_runs_1 WHERE scope = ?1 AND id > ?2 AND id < ?3 ORDER BY id`;

// Rows of an environment's coordinators lie among each other. Three hex digits of an id are the coordinator's number.
const FIND_ROWS = `
  SELECT id, 0 AS is_stop FROM (${LOOKED_AT} LIMIT ${MAX_LOOKED_AT}) WHERE substr(id, 16, 3) = ?4
  UNION ALL SELECT id, 1 FROM (${LOOKED_AT} LIMIT 1 OFFSET ${MAX_LOOKED_AT - 1})`;

export interface FoundRows {
  /** Of this coordinator, in order. */
  readonly ids: readonly string[];
  /** The last id that was looked at, whosever it is; null where there are no more. */
  readonly stop: string | null;
}

/** Ids of a coordinator's rows after `after` and before `before`: among the first 5000 that the environment has there. */
export async function findRows(
  db: D1Database,
  { scope, n }: { readonly scope: string; readonly n: number },
  after: string,
  before: string,
): Promise<FoundRows> {
  const rows = await db
    .prepare(FIND_ROWS)
    .bind(scope, after, before, n.toString(16).padStart(3, "0"))
    .raw<[id: string, isStop: number]>();
  return {
    ids: rows.flatMap(([id, isStop]) => (isStop === 0 ? [id] : [])).sort(),
    stop: rows.find(([, isStop]) => isStop === 1)?.[0] ?? null,
  };
}

export async function deleteRuns(db: D1Database, scope: string, ids: readonly string[]): Promise<void> {
  await db
    .prepare("DELETE FROM runs WHERE scope = ? AND id IN (SELECT value FROM json_each(?))")
    .bind(scope, JSON.stringify(ids))
    .run();
}

/** Scopes and coordinators of open runs past their deadline: their alarms must have been dropped. */
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
 * Removes open rows, long past their deadline, that may be kept no longer although no coordinator knows them: a restore
 * of D1 brings back what was purged since.
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
    // A run is kept for a day past its deadline at least: others need not be walked. The limit is on the walk, because
    // many rows may be overdue and still kept; those with the oldest deadlines go first.
    .bind(now, now - DAY_MS, UNKEPT_MAX_LOOKED_AT)
    .run();
}

export interface SeenCoordinator {
  readonly scope: string;
  readonly n: number;
  readonly seen_at: number;
}

/**
 * Coordinators that neither registered nor were swept since `before`, the longest unseen first. Those seen after `after`
 * count as well: a clock has stepped back since, and would leave them asleep until it has caught up.
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

/** Notes a sweep; an empty coordinator is dropped, unless it registered again meanwhile. */
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
