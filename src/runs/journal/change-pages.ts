/**
 * Walks the runs in the order of their last changes. Each write of a run gives it a higher number, so a walk behind a
 * number meets each run that has changed since, in its newest version. It writes nothing, and it needs no D1.
 */

import { CHANGES_MAX_BYTES, PAGE_MAX_LOOKED_AT, PAGE_MAX_ROWS } from "../../base/limits.ts";
import type { ChangeFilter } from "../watch-calls.ts";

/** A run that a walk met. */
export interface ChangedRow {
  readonly id: string;
  /** The number of its last write. */
  readonly seq: number;
}

export interface ChangePage {
  readonly rows: readonly ChangedRow[];
  /** Everything up to this number was read, also what the filter left out. */
  readonly readSeq: number;
}

const WALK = `
  SELECT max(seq) AS seq, count(*) AS walked FROM (
    SELECT change_seq AS seq FROM runs INDEXED BY runs_by_change WHERE change_seq > ? ORDER BY change_seq
    LIMIT ${PAGE_MAX_LOOKED_AT})`;
// A run's gates never change. If a filter asked what the run waits for now, its last page would have it, and none would
// say that it waits no longer.
// One more than a page has, to know whether more match. The columns stand before those that can be large.
const MATCH = `
  SELECT change_seq AS seq, id, bytes FROM runs INDEXED BY runs_by_change
  WHERE change_seq > ?1 AND change_seq <= ?2 AND (?3 IS NULL OR action_name = ?3)
    AND (?5 IS NULL OR concurrency_group = ?5) AND (?6 IS NULL OR (gates IS NOT NULL AND (?6 IN ('any', 'pause')
      OR gates ->> CASE ?6 WHEN 'time' THEN '$.notBefore' WHEN 'approval' THEN '$.approval' ELSE '$.concurrency' END
        IS NOT NULL)))
    AND (?4 = '[]' OR NOT EXISTS (
      SELECT 1 FROM json_each(?4) AS wanted WHERE wanted.value NOT IN (SELECT value FROM json_each(runs.labels))))
  ORDER BY change_seq LIMIT ${PAGE_MAX_ROWS + 1}`;

type Match = ChangedRow & { readonly bytes: number };

/** The runs after the number `after`, up to `lastSeq`: at most 200 of 1 MiB together, and of 5000 rows. At least one. */
export function changedAfter(
  sql: SqlStorage,
  after: number,
  lastSeq: number,
  { actionName, waiting, group, labels = [] }: ChangeFilter,
): ChangePage {
  const upTo = lastSeq - after <= PAGE_MAX_LOOKED_AT ? lastSeq : walkedTo(sql, after, lastSeq);
  const wanted = JSON.stringify(labels);
  const asked = [actionName ?? null, wanted, group ?? null, waiting ?? null];
  const matches = [...sql.exec<Pick<Match, keyof Match>>(MATCH, after, upTo, ...asked)];
  let bytes = 0;
  const rows = matches.slice(0, PAGE_MAX_ROWS).filter((row, i) => {
    bytes += row.bytes;
    return i === 0 || bytes <= CHANGES_MAX_BYTES;
  });
  const isAll = rows.length === matches.length;
  return { rows, readSeq: isAll ? upTo : (rows.at(-1)?.seq ?? upTo) };
}

/** Numbers have gaps, because a later write of a run takes its number with it. */
function walkedTo(sql: SqlStorage, after: number, lastSeq: number): number {
  const { seq, walked } = sql.exec<{ seq: number | null; walked: number }>(WALK, after).one();
  return walked < PAGE_MAX_LOOKED_AT ? lastSeq : (seq ?? lastSeq);
}
