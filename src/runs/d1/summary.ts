/** One bounded statement, always along an index. Without a name or a label, each status has a range of an index. */
import { FACET_MAX_SEEKS, FACET_MAX_VALUES, PAGE_MAX_LOOKED_AT, SUMMARY_MAX_COUNT } from "../../base/limits.ts";
import { type RunSource, STATUSES, type Status } from "../run.ts";
import type { RunFilters } from "../run-filters.ts";
import { rowsOf, walkOf } from "./list.ts";

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

export async function summarizeRuns(
  session: D1DatabaseSession,
  scope: string,
  filters: RunFilters,
): Promise<RunSummary> {
  const statement = summaryStatement(scope, filters);
  const { statuses } = statement;
  const [row = []] = await rowsOf<number[]>(session, statement);
  const isWhole = (row[statuses.length] ?? 0) <= PAGE_MAX_LOOKED_AT;
  const countOf = (status: Status): RunCount => {
    const column = statuses.indexOf(status);
    const counted = column === -1 ? 0 : (row[column] ?? 0);
    if (counted > SUMMARY_MAX_COUNT) return { atLeast: SUMMARY_MAX_COUNT };
    return isWhole || column === -1 ? counted : { atLeast: counted };
  };
  return Object.fromEntries(STATUSES.map((status) => [status, countOf(status)])) as RunSummary;
}

const INDEXES = {
  actionName: { column: "action_name", from: "runs INDEXED BY runs_by_action" },
  subject: { column: "subject", from: "runs INDEXED BY runs_by_subject" },
  label: { column: "label", from: "run_labels" },
  triggeredBy: { column: "triggered_by", from: "runs INDEXED BY runs_by_trigger" },
} as const;

export type FacetField = keyof typeof INDEXES;

export const FACET_FIELDS = Object.keys(INDEXES) as readonly FacetField[];

export interface FacetQuery {
  readonly field: FacetField;
  readonly contains: string;
}

export interface Facets {
  /** FACET_MAX_VALUES at most. A value that equals `contains` is first, and then those that begin with it. */
  readonly values: readonly string[];
  readonly more: boolean;
}

/**
 * A skip-scan: each step seeks the next greater value. The last seek finds nothing, and its null is the first row. If
 * the null is missing, all seeks were used up before. SQLite's `lower` changes only ASCII letters.
 */
export function facetsStatement(scope: string, { field, contains }: FacetQuery) {
  const { column, from } = INDEXES[field];
  const next = (after: string) =>
    `(SELECT ${column} FROM ${from} WHERE scope = ?1 AND ${column} > ${after} ORDER BY ${column} LIMIT 1)`;
  const sql = `
    WITH RECURSIVE seen (seeks, value) AS (
      SELECT 1, ${next("''")}
      UNION ALL
      SELECT seeks + 1, ${next("seen.value")} FROM seen
      WHERE value IS NOT NULL AND seeks < ${FACET_MAX_SEEKS}
    )
    SELECT value FROM (SELECT value, instr(lower(value), lower(?2)) AS at FROM seen)
    WHERE value IS NULL OR at > 0
    ORDER BY value IS NOT NULL, lower(value) <> lower(?2), at > 1, value
    LIMIT ${FACET_MAX_VALUES + 2}`;
  return { sql, bindings: [scope, contains] };
}

export interface NewestRun {
  readonly actionName: string;
  readonly id: string;
  readonly source: RunSource;
  readonly status: Status;
  readonly waiting: string | null;
  readonly subject: string | null;
  readonly triggeredBy: string;
}

/** One seek for each name, however many runs it has. */
export function newestRunsStatement(scope: string, actionNames: readonly string[]) {
  const sql = `
    SELECT runs.action_name AS actionName, runs.id, ifnull(runs.details ->> 'source', 'none') AS source,
           runs.status, runs.subject, runs.triggered_by AS triggeredBy,
           iif(runs.status = 'pending', runs.waiting, NULL) AS waiting
    FROM json_each(?2) AS asked CROSS JOIN runs ON runs.rowid = (
      SELECT rowid FROM runs INDEXED BY runs_by_action
      WHERE scope = ?1 AND action_name = asked.value ORDER BY id DESC LIMIT 1)`;
  return { sql, bindings: [scope, JSON.stringify([...new Set(actionNames)])] };
}

export async function findNewestRuns(
  session: D1DatabaseSession,
  scope: string,
  actionNames: readonly string[],
): Promise<readonly NewestRun[]> {
  const { sql, bindings } = newestRunsStatement(scope, actionNames);
  const { results } = await session
    .prepare(sql)
    .bind(...bindings)
    .all<NewestRun>();
  return results;
}

export async function findFacets(session: D1DatabaseSession, scope: string, query: FacetQuery): Promise<Facets> {
  const rows = await rowsOf<[value: string | null]>(session, facetsStatement(scope, query));
  const found = rows.flatMap(([value]) => (value === null ? [] : [value]));
  const isWhole = found.length < rows.length;
  return { values: found.slice(0, FACET_MAX_VALUES), more: !isWhole || found.length > FACET_MAX_VALUES };
}
