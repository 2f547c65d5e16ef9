/**
 * Which index a list or a summary walks, and what it tests on the way. One walk serves both, so that both see the same
 * runs.
 *
 * A run's entity is the best index, because few runs are about one entity. Then comes the first label of the query,
 * because few runs have labels, while every run has an action and a trigger. Callers put their rarest label first,
 * because only they know it. A status comes last, because most runs end in the same one.
 */

import type { Status } from "../run.ts";
import { AFTER_ALL_IDS, firstIdAt } from "../run-id.ts";
import type { Order, RunFilters } from "./filters.ts";

/**
 * What a walk selects of each run: in a walk over `runs`, and in a walk over the labels, where each column names its
 * table.
 */
export interface Columns {
  readonly ofRuns: string;
  readonly ofLabelled: string;
}

export interface Walk {
  /** Each walks one range of an index, and selects the columns and `ok`: whether the row passes the other filters. */
  readonly selects: readonly string[];
  readonly bindings: readonly (string | number)[];
  /** What the walk follows: one label, one value of another filter, a status for each select, or all runs. */
  readonly along: "label" | "value" | "status" | "all";
  /** Whether `ok` can be false. */
  readonly isFiltered: boolean;
}

export interface Walked extends RunFilters {
  readonly cursor?: string | undefined;
  readonly order?: Order | undefined;
}

/** `statuses`: those that are asked for; empty if every status passes. */
export function walkOf(
  scope: string,
  query: Walked,
  statuses: readonly Status[],
  { ofRuns, ofLabelled }: Columns,
): Walk {
  const bindings: (string | number)[] = [];
  const bind = (value: string | number) => `?${bindings.push(value)}`;

  const { cursor, createdAfter, createdBefore } = query;
  const isForward = query.order === "oldest";
  const uppers = [isForward ? undefined : cursor, createdBefore && firstIdAt(createdBefore.ceilMs)];
  const [upper = AFTER_ALL_IDS] = uppers.filter((bound) => bound !== undefined).sort();
  // All ids are equally long, so a longer text comes after its id and before the next one.
  const lowers = [
    isForward && cursor ? `${cursor}~` : "",
    createdAfter && firstIdAt(createdAfter.floorMs + 1),
  ];
  const lower =
    lowers
      .filter((bound) => bound !== undefined)
      .sort()
      .at(-1) ?? "";
  const [inScope, below, from] = [bind(scope), bind(upper), bind(lower)];
  const range = `scope = ${inScope} AND id < ${below} AND id >= ${from}`;

  const filters = [
    ["runs_by_entity", "entity_id", query.entityId],
    ["runs_by_action", "action_name", query.actionName],
    ["runs_by_trigger", "triggered_by", query.triggeredBy],
  ] as const;
  const given = filters.flatMap(([index, column, value]) =>
    value === undefined ? [] : [{ index, test: `${column} = ${bind(value)}` }],
  );
  const labels = [...new Set(query.label)].map(bind);
  const label = query.entityId === undefined ? labels.shift() : undefined;
  const walked = label === undefined ? given.shift() : undefined;
  const isByName = label !== undefined || walked !== undefined;
  const tests = [...given.map(({ test }) => test), ...labels.map(hasLabel)];
  if (isByName && statuses.length > 0) tests.push(`status IN (${statuses.map(bind).join(", ")})`);
  const passes = tests.length > 0 ? tests.join(" AND ") : "1";

  if (label !== undefined) {
    const select = `SELECT ${ofLabelled}, ${passes} AS ok
      FROM run_labels AS labelled
      CROSS JOIN runs INDEXED BY sqlite_autoindex_runs_1 ON runs.scope = labelled.scope AND runs.id = labelled.id
      WHERE labelled.scope = ${inScope} AND labelled.label = ${label}
        AND labelled.id < ${below} AND labelled.id >= ${from}`;
    return { selects: [select], bindings, along: "label", isFiltered: tests.length > 0 };
  }
  const walk = (index: string, test: string) =>
    `SELECT ${ofRuns}, ${passes} AS ok FROM runs INDEXED BY ${index} WHERE ${range}${test}`;
  if (walked !== undefined) {
    const selects = [walk(walked.index, ` AND ${walked.test}`)];
    return { selects, bindings, along: "value", isFiltered: tests.length > 0 };
  }
  if (statuses.length > 0) {
    const selects = statuses.map((status) => walk("runs_by_status", ` AND status = ${bind(status)}`));
    return { selects, bindings, along: "status", isFiltered: false };
  }
  return { selects: [walk("sqlite_autoindex_runs_1", "")], bindings, along: "all", isFiltered: false };
}

function hasLabel(label: string): string {
  return `EXISTS (SELECT 1 FROM run_labels AS other
        WHERE other.scope = runs.scope AND other.label = ${label} AND other.id = runs.id)`;
}
