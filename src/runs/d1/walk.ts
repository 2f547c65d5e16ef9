/**
 * Which index a list or a summary walks, and what it tests on the way. One walk serves both, so that both see the same
 * runs. It follows the first condition of the filters, and tests the others.
 */

import { STATUSES, type Status } from "../run.ts";
import { type Condition, conditionsOf } from "../run-filter-table.ts";
import type { Order, RunFilters } from "../run-filters.ts";
import { AFTER_ALL_IDS } from "../run-id.ts";

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
  const { conditions, lowers, uppers } = conditionsOf(query, bind);
  const [walked, ...others] = conditions;

  const { without = [], completeTo } = bounds;
  const isForward = query.order === "oldest";
  const [low, high] = isForward ? [behind(query.cursor), behind(completeTo)] : [completeTo, query.cursor];
  const inScope = bind(scope);
  const below = bind([...uppers, high].reduce<string>(lesser, AFTER_ALL_IDS));
  const from = bind([...lowers, low].reduce<string>(greater, ""));
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

/** All ids are equally long, so a longer text comes after its id and before the next one. */
function behind(id: string | undefined): string | undefined {
  return id && `${id}~`;
}

function lesser(a: string, b = a): string {
  return b < a ? b : a;
}

function greater(a: string, b = a): string {
  return b > a ? b : a;
}

function testOf({ alternatives }: Condition): string {
  return `(${alternatives.join(" OR ")})`;
}
