/**
 * Which index a list or a summary walks, and what it tests on the way. One walk serves both, so that both see the same
 * runs. It follows the first condition of the filters, and tests the others.
 */

import { STATUSES, type Status } from "../run.ts";
import { type Condition, conditionsOf, idRangeOf } from "../run-filter-table.ts";
import type { Order, RunFilters } from "../run-filters.ts";

/**
 * What a walk selects of each run: in a walk over `runs`, and in a walk over the labels, where each column names its
 * table.
 */
export interface Columns {
  readonly ofRuns: string;
  readonly ofLabelled: string;
}

/** What a walk leaves out, because somebody else knows those runs better. */
export interface WalkBounds {
  /** The ids of runs that the walk leaves out. */
  readonly without?: readonly string[] | undefined;
  /** The walk ends with this id. */
  readonly completeTo?: string | undefined;
}

export interface Walk {
  /** Each walks one range of an index, and selects the columns and `ok`: whether the row passes the other filters. */
  readonly selects: readonly string[];
  readonly bindings: readonly (string | number)[];
  /** Whether each select walks the runs of one status. */
  readonly isByStatus: boolean;
  /** Whether `ok` can be false. */
  readonly isFiltered: boolean;
}

export interface Walked extends RunFilters {
  readonly cursor?: string | undefined;
  readonly order?: Order | undefined;
}

const ALL = { index: "sqlite_autoindex_runs_1", alternatives: [""] };

/** All statuses mean no filter. */
export function withoutAllStatuses(status: readonly Status[] | undefined): readonly Status[] | undefined {
  return new Set(status).size === STATUSES.length ? undefined : status;
}

export function walkOf(scope: string, query: Walked, columns: Columns, bounds: WalkBounds = {}): Walk {
  const bindings: (string | number)[] = [];
  const bind = (value: string | number) => `?${bindings.push(value)}`;
  const [walked, ...others] = conditionsOf(query, bind);

  const { without = [], completeTo } = bounds;
  const { lower, upper } = idRangeOf(query, completeTo);
  const [inScope, below, from] = [bind(scope), bind(upper), bind(lower)];
  const leftOut = without.length === 0 ? "" : bind(JSON.stringify(without));
  const rangeOf = (table: string) =>
    `${table}scope = ${inScope} AND ${table}id < ${below} AND ${table}id >= ${from}` +
    (leftOut && ` AND ${table}id NOT IN (SELECT value FROM json_each(${leftOut}))`);

  const passes = others.length === 0 ? "1" : others.map(testOf).join(" AND ");
  const isFiltered = others.length > 0;
  if (walked !== undefined && "label" in walked) {
    const select = `SELECT ${columns.ofLabelled}, ${passes} AS ok
      FROM run_labels AS labelled
      CROSS JOIN runs INDEXED BY sqlite_autoindex_runs_1 ON runs.scope = labelled.scope AND runs.id = labelled.id
      WHERE ${rangeOf("labelled.")} AND labelled.label = ${walked.label}`;
    return { selects: [select], bindings, isByStatus: false, isFiltered };
  }
  const { index, alternatives } = walked ?? ALL;
  const selects = alternatives.map(
    (test) => `SELECT ${columns.ofRuns}, ${passes} AS ok FROM runs INDEXED BY ${index}
      WHERE ${rangeOf("")}${test && ` AND ${test}`}`,
  );
  return { selects, bindings, isByStatus: index === "runs_by_status", isFiltered };
}

function testOf({ alternatives }: Condition): string {
  return `(${alternatives.join(" OR ")})`;
}
