/**
 * Counts runs in D1 by status: one statement, always along an index, and bounded. A count is exact up to
 * SUMMARY_MAX_COUNT.
 *
 * Without a filter on a name or a label, each status has its own range of an index, and each count looks at most at
 * SUMMARY_MAX_COUNT entries and one more. Otherwise one walk looks at the newest PAGE_MAX_LOOKED_AT runs, as a list
 * does. If there are more, no count can be exact, and each says "at least".
 */

import { PAGE_MAX_LOOKED_AT, SUMMARY_MAX_COUNT } from "../../base/limits.ts";
import { STATUSES, type Status } from "../run.ts";
import type { RunFilters } from "../run-filters.ts";
import { walkOf } from "./walk.ts";

export type RunCount = number | { readonly atLeast: number };

export type RunSummary = Readonly<Record<Status, RunCount>>;

const COLUMNS = { ofRuns: "id, status", ofLabelled: "labelled.id AS id, runs.status AS status" };

/** A row has a count for each of `statuses`, and then how many rows were looked at if one walk counted them all. */
export function summaryStatement(scope: string, filters: RunFilters) {
  const asked = [...new Set(filters.status)];
  const statuses: readonly Status[] = asked.length === 0 ? STATUSES : asked;
  const { selects, bindings, isByStatus } = walkOf(scope, { ...filters, status: statuses }, COLUMNS);
  if (isByStatus) {
    const counts = selects.map((select) => `(SELECT count(*) FROM (${select} LIMIT ${SUMMARY_MAX_COUNT + 1}))`);
    return { sql: `SELECT ${counts.join(",\n      ")}, 0`, bindings, statuses };
  }
  const counts = statuses.map((status) => `count(*) FILTER (WHERE ok AND status = '${status}')`);
  const sql = `
    SELECT ${counts.join(", ")}, count(*)
    FROM (${selects.join(" UNION ALL ")} ORDER BY id DESC LIMIT ${PAGE_MAX_LOOKED_AT + 1})`;
  return { sql, bindings, statuses };
}

/** A status that the filters leave out has the count 0. */
export async function summarizeRuns(
  session: D1DatabaseSession,
  scope: string,
  filters: RunFilters,
): Promise<RunSummary> {
  const { sql, bindings, statuses } = summaryStatement(scope, filters);
  const [row = []] = await session
    .prepare(sql)
    .bind(...bindings)
    .raw<number[]>();
  const isWhole = (row[statuses.length] ?? 0) <= PAGE_MAX_LOOKED_AT;
  const countOf = (status: Status): RunCount => {
    const column = statuses.indexOf(status);
    const counted = column === -1 ? 0 : (row[column] ?? 0);
    if (counted > SUMMARY_MAX_COUNT) return { atLeast: SUMMARY_MAX_COUNT };
    return isWhole || column === -1 ? counted : { atLeast: counted };
  };
  return Object.fromEntries(STATUSES.map((status) => [status, countOf(status)])) as RunSummary;
}
