/** Many runs at once, put into a coordinator's journal as if it had made them. */

import { runInDurableObject } from "cloudflare:test";
import { coordinator, DAY_MS, MINUTE_MS, writeFirst } from "../direct.ts";

export interface Fill {
  readonly rows: number;
  readonly isReplicated: boolean;
  /** Ended at this instant; null: open. */
  readonly endedAt?: number | null;
  readonly deadlineAt?: number;
}

/** Writes the rows. Returns their ids in their order. An instance that is awake does not know of them. */
export async function fillJournal(path: string, fill: Fill): Promise<string[]> {
  const { rows, isReplicated, endedAt = null, deadlineAt = (endedAt ?? Date.now()) + 60 * MINUTE_MS } = fill;
  const purgeAt = (endedAt ?? deadlineAt) + 30 * DAY_MS;
  await writeFirst(path);
  return runInDurableObject(coordinator(path), (_instance, { storage }) => {
    // The first write of a run begins an epoch.
    storage.sql.exec("INSERT OR IGNORE INTO metadata (name, value) VALUES ('epoch', '1')");
    // Each row has its own key, because an odd factor makes each number below 2 ** 15 once before it repeats.
    storage.sql.exec(
      `WITH RECURSIVE counted (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM counted WHERE k < ?1),
         spread (k, ms, random, seq) AS (
           SELECT k, (CAST(?2 AS INTEGER) >> 16 << 16) + (k >> 15), k * 20077 & 0x7fff,
             iif(?3, 0, (SELECT ifnull(max(change_seq), 0) FROM runs) + k)
           FROM counted)
       INSERT INTO runs (run_key, id, version, change_seq, event_seq, ended_seq, status, action_name, entity_id, triggered_by,
         created_at, started_at, completed_at, deadline_at, purge_at, due_at, changed_at, bytes, end_cause, create_key,
         create_fingerprint, parameters, recommendations, source, labels,
         external_url_changes, timeout_ms)
       SELECT ms << 15 | random,
         format('%08x-%04x-8%03x-%x%03x-%012x',
           ms >> 16, ms & 0xffff, random >> 3, 8 | random >> 1 & 3, (random & 1) << 11, k),
         1, seq, iif(?4 IS NULL, NULL, seq), iif(?4 IS NULL, NULL, seq),
         iif(?4 IS NULL, 'pending', 'cancelled'), 'filler', NULL, 'root', ?2, NULL, ?4, ?5, ?6,
         iif(?4 IS NULL, ?5, ?6), ?2, 1024, iif(?4 IS NULL, NULL, 'cancel'), format('m:filler-%d-%d', ?2, k), '',
         '{}', '{}', 'none', '[]', 0, 3600000
       FROM spread`,
      rows,
      deadlineAt - 60 * MINUTE_MS,
      isReplicated ? 1 : 0,
      endedAt,
      deadlineAt,
      purgeAt,
    );
    return [
      ...storage.sql.exec<{ id: string }>("SELECT id FROM runs WHERE action_name = 'filler' ORDER BY run_key"),
    ].map(({ id }) => id);
  });
}
