/**
 * The different values of one filter in an environment: its actions, its labels, or who triggered its runs. One
 * statement skip-scans the filter's index: each step seeks the next greater value, so a value costs one seek, however
 * many runs have it. After FACET_MAX_SEEKS seeks the statement stops.
 */

import { FACET_MAX_SEEKS, FACET_MAX_VALUES } from "../../base/limits.ts";

/** Each field with the index that has its values in order. */
const INDEXES = {
  actionName: { column: "action_name", from: "runs INDEXED BY runs_by_action" },
  label: { column: "label", from: "run_labels" },
  triggeredBy: { column: "triggered_by", from: "runs INDEXED BY runs_by_trigger" },
} as const;

export type FacetField = keyof typeof INDEXES;

export const FACET_FIELDS = Object.keys(INDEXES) as readonly FacetField[];

export interface FacetQuery {
  readonly field: FacetField;
  /** A part of the value. ASCII letters match in both cases. */
  readonly contains: string;
}

export interface Facets {
  /** FACET_MAX_VALUES at most. A value that equals `contains` is first, and then those that begin with it. */
  readonly values: readonly string[];
  /** Whether the environment has, or can have, further values that match. */
  readonly more: boolean;
}

/**
 * The last seek finds nothing, and its null is the first row. If the null is missing, all seeks were used up before the
 * index ended. SQLite's `lower` changes only ASCII letters.
 */
export function facetsStatement(scope: string, { field, contains }: FacetQuery) {
  const { column, from } = INDEXES[field];
  const next = (after: string) => `(SELECT ${column} FROM ${from} WHERE scope = ?1${after} ORDER BY ${column} LIMIT 1)`;
  const sql = `
    WITH RECURSIVE seen (seeks, value) AS (
      SELECT 1, ${next("")}
      UNION ALL
      SELECT seeks + 1, ${next(` AND ${column} > seen.value`)} FROM seen
      WHERE value IS NOT NULL AND seeks < ${FACET_MAX_SEEKS}
    )
    SELECT value FROM (SELECT value, instr(lower(value), lower(?2)) AS at FROM seen)
    WHERE value IS NULL OR at > 0
    ORDER BY value IS NOT NULL, lower(value) <> lower(?2), at > 1, value
    LIMIT ${FACET_MAX_VALUES + 2}`;
  return { sql, bindings: [scope, contains] };
}

export async function findFacets(session: D1DatabaseSession, scope: string, query: FacetQuery): Promise<Facets> {
  const { sql, bindings } = facetsStatement(scope, query);
  const rows = await session
    .prepare(sql)
    .bind(...bindings)
    .raw<[value: string | null]>();
  const found = rows.flatMap(([value]) => (value === null ? [] : [value]));
  const isWhole = found.length < rows.length;
  return { values: found.slice(0, FACET_MAX_VALUES), more: !isWhole || found.length > FACET_MAX_VALUES };
}
