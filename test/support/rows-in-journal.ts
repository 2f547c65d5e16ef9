/** Many runs at once, put into a coordinator's journal as if it had made them. */

import { runInDurableObject } from "cloudflare:test";
import { coordinator, DAY_MS, MINUTE_MS, writeFirst } from "./direct.ts";

export interface Fill {
  readonly rows: number;
  readonly landed: boolean;
  /** Ended at this instant; null: open. */
  readonly endedAt?: number | null;
  readonly deadlineAt?: number;
}

/** Writes the rows, in the order of their ids; their ids. An instance that is awake does not know of them. */
export async function fillJournal(path: string, fill: Fill): Promise<string[]> {
  const { rows, landed, endedAt = null, deadlineAt = (endedAt ?? Date.now()) + 60 * MINUTE_MS } = fill;
  const purgeAt = (endedAt ?? deadlineAt) + 30 * DAY_MS;
  await writeFirst(path);
  return runInDurableObject(coordinator(path), (_instance, { storage }) => {
    // The number k is the id's low 16 bits of time and 15 random bits, so each row has its own key.
    storage.sql.exec(
      `WITH RECURSIVE counted (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM counted WHERE k < ?1)
       INSERT INTO runs (run_key, id, version, change_seq, status, action_name, entity_id, triggered_by, created_at,
         started_at, completed_at, deadline_at, purge_at, due_at, changed_at, bytes, end_cause, create_key,
         create_fingerprint, parameters, recommendations, source, labels,
         external_url_changes, timeout_ms)
       SELECT CAST(?3 / 65536 AS INTEGER) << 31 | k,
         format('%08x-%04x-8%03x-%04x-%x%011x', ?3 / 65536, k >> 15, ?2, 0x8000 | (k & 0x7fff) >> 1, (k & 1) * 8, k),
         1, iif(?4, 0, (SELECT ifnull(max(change_seq), 0) FROM runs) + k),
         iif(?5 IS NULL, 'pending', 'cancelled'), 'filler', NULL, 'root', ?3, NULL, ?5, ?6, ?7,
         iif(?5 IS NULL, ?6, ?7), ?3, 1024, iif(?5 IS NULL, NULL, 'cancel'), format('m:filler-%d-%d', ?3, k), '', '{}', '{}', 'none', '[]', 0, 3600000
       FROM counted`,
      rows,
      n,
      deadlineAt - 60 * MINUTE_MS,
      landed ? 1 : 0,
      endedAt,
      deadlineAt,
      purgeAt,
    );
    return [
      ...storage.sql.exec<{ id: string }>(
        "SELECT id FROM runs WHERE action_name = 'filler' ORDER BY run_key",
      ),
    ].map(({ id }) => id);
  });
}
