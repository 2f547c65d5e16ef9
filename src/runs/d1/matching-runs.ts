/**
 * Finds the runs that match filters in D1, newest first, along the same index as a list of them, but without their
 * bodies. A page ends at its limit or after PAGE_MAX_LOOKED_AT rows.
 */

import { PAGE_MAX_LOOKED_AT } from "../../base/limits.ts";
import type { Status } from "../run.ts";
import type { RunFilters } from "../run-filters.ts";
import { type WalkBounds, walkOf, withoutAllStatuses } from "./walk.ts";

/** A run that matches. `isWaiting`: at a gate. */
export interface MatchingRun {
  readonly id: string;
  readonly status: Status;
  readonly isWaiting: boolean;
}

export interface MatchingPage {
  readonly runs: readonly MatchingRun[];
  /** The next page is below this id; null on the last page. */
  readonly behind: string | null;
}

const WAITS = "status = 'pending' AND waiting IS NOT NULL AS waits";
const COLUMNS = {
  ofRuns: `id, status, ${WAITS}`,
  ofLabelled: `labelled.id AS id, runs.status AS status, runs.${WAITS}`,
};

/** The runs below the id `cursor`, at most `limit`. */
export interface MatchingQuery extends RunFilters {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

function matchingStatement(scope: string, query: MatchingQuery, bounds: WalkBounds | undefined) {
  const walked = { ...query, status: withoutAllStatuses(query.status) };
  const { selects, bindings, isFiltered } = walkOf(scope, walked, COLUMNS, bounds);
  const lookedAt = isFiltered ? PAGE_MAX_LOOKED_AT : Math.min(query.limit, PAGE_MAX_LOOKED_AT);
  // The last row that is looked at is returned even if it does not pass, because the next page starts there.
  const sql = `
    SELECT looked.id, looked.status, looked.waits, looked.ok, looked.n = ${lookedAt} AS is_last
    FROM (
      SELECT id, status, waits, ok, row_number() OVER (ROWS UNBOUNDED PRECEDING) AS n
      FROM (${selects.join(" UNION ALL ")} ORDER BY id DESC LIMIT ${lookedAt})
    ) AS looked
    WHERE looked.ok OR looked.n = ${lookedAt}
    LIMIT ${query.limit}`;
  return { sql, bindings };
}

type Row = [id: string, status: Status, waits: number, ok: number, isLast: number];

export async function findMatching(
  session: D1DatabaseSession,
  scope: string,
  query: MatchingQuery,
  bounds?: WalkBounds,
): Promise<MatchingPage> {
  const { sql, bindings } = matchingStatement(scope, query, bounds);
  const rows = await session
    .prepare(sql)
    .bind(...bindings)
    .raw<Row>();
  const [lastId, , , , isLast] = rows.at(-1) ?? [];
  const isFull = isLast === 1 || rows.length === query.limit;
  return { runs: rows.flatMap(toRun), behind: isFull ? (lastId ?? null) : null };
}

function toRun([id, status, waits, ok]: Row): MatchingRun[] {
  return ok === 1 ? [{ id, status, isWaiting: waits === 1 }] : [];
}
