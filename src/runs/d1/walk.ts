/**
 * Which index a list or a summary walks, and what it tests on the way. One walk serves both, so that both see the same
 * runs.
 *
 * A run's entity is the best index, because few runs are about one entity. Then comes what runs wait for, because a run
 * waits only for a while. Then comes the first label of the query, because few runs have labels, while every run has an
 * action and a trigger. Callers put their rarest label first, because only they know it. The runs of a concurrency group
 * are mostly of one action. A status comes last, because most runs end in the same one.
 */

import { firstIdAt } from "../../base/uuid.ts";
import { WAITING_FOR, type WaitingFor } from "../gates.ts";
import type { Status } from "../run.ts";
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

export interface Walk {
  /** Each walks one range of an index, and selects the columns and `ok`: whether the row passes the other filters. */
  readonly selects: readonly string[];
  readonly bindings: readonly (string | number)[];
  /** What the walk follows: one label, a gate or a status for each select, one value of another filter, or all runs. */
  readonly along: "label" | "waiting" | "value" | "status" | "all";
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
    ["runs_by_group", "concurrency_group", query.group],
    ["runs_by_trigger", "triggered_by", query.triggeredBy],
  ] as const;
  const given = filters.flatMap(([index, column, value]) =>
    value === undefined ? [] : [{ index, test: `${column} = ${bind(value)}` }],
  );
  const labels = [...new Set(query.label)].map(bind);
  const gates = gatesOf(query).map((gate) => `status = 'pending' AND waiting = ${bind(gate)}`);
  const isByWaiting = gates.length > 0 && query.entityId === undefined;
  const label = query.entityId === undefined && !isByWaiting ? labels.shift() : undefined;
  const walked = label === undefined && !isByWaiting ? given.shift() : undefined;
  const isByName = label !== undefined || walked !== undefined || isByWaiting;
  const tests = [...given.map(({ test }) => test), ...labels.map(hasLabel)];
  if (gates.length > 0 && !isByWaiting) tests.push(`(${gates.join(" OR ")})`);
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
  if (isByWaiting) {
    const selects = gates.map((gate) => walk("runs_by_waiting", ` AND ${gate}`));
    return { selects, bindings, along: "waiting", isFiltered: tests.length > 0 };
  }
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

/** The gates that are asked for; empty if no filter asks. */
function gatesOf({ waiting }: RunFilters): readonly WaitingFor[] {
  if (waiting === undefined) return [];
  return waiting === "any" ? WAITING_FOR : [waiting];
}

function hasLabel(label: string): string {
  return `EXISTS (SELECT 1 FROM run_labels AS other
        WHERE other.scope = runs.scope AND other.label = ${label} AND other.id = runs.id)`;
}
