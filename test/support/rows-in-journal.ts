/** Many runs at once, put into a coordinator's journal as if it had made them. */

import { runInDurableObject } from "cloudflare:test";
import { coordinator, DAY_MS, MINUTE_MS } from "./direct.ts";

export interface Fill {
  readonly rows: number;
  readonly landed: boolean;
  /** Ended at this instant; null: open. */
  readonly endedAt?: number | null;
  readonly deadlineAt?: number;
}

/** Writes the rows with one event each; their ids. */
export async function fillJournal(path: string, n: number, fill: Fill): Promise<string[]> {
  const { rows, landed, endedAt = null, deadlineAt = (endedAt ?? Date.now()) + 60 * MINUTE_MS } = fill;
  const purgeAt = (endedAt ?? deadlineAt) + 30 * DAY_MS;
  return runInDurableObject(coordinator(path, n), (_instance, { storage }) => {
    storage.transactionSync(() => {
      storage.sql.exec(
        `WITH RECURSIVE counted (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM counted WHERE k < ?1)
         INSERT INTO runs (id, version, landed_version, status, action_name, entity_id, triggered_by, created_at,
           started_at, completed_at, deadline_at, purge_at, due_at, changed_at, bytes, create_key,
           create_fingerprint, parameters, recommendations)
         SELECT format('%08x-0000-8%03x-8000-%012x', ?3 / 65536, ?2, k), 1, ?4,
           iif(?5 IS NULL, 'pending', 'cancelled'), 'filler', NULL, 'root', ?3, NULL, ?5, ?6, ?7,
           iif(?5 IS NULL, ?6, ?7), ?3, 1024, format('m:filler-%d-%d', ?3, k), '', '{}', '{}'
         FROM counted`,
        rows,
        n,
        deadlineAt - 60 * MINUTE_MS,
        landed ? 1 : 0,
        endedAt,
        deadlineAt,
        purgeAt,
      );
      storage.sql.exec(
        `INSERT INTO events (run_id, seq, type, at, data)
         SELECT id, 1, 'created', created_at, '{}' FROM runs WHERE action_name = 'filler'
         ON CONFLICT DO NOTHING`,
      );
    });
    return [...storage.sql.exec<{ id: string }>("SELECT id FROM runs WHERE action_name = 'filler'")].map(
      ({ id }) => id,
    );
  });
}
