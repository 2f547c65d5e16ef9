/**
 * Which runs a list, a summary or a bulk operation is about. All given filters must hold. Each filter has a predicate
 * and SQL that must agree, because a list merges rows of D1 with runs that D1 lacks. PURE.
 */

import { firstIdAt } from "../base/ids.ts";
import type { Instant } from "../base/time.ts";
import { type Run, type Status, WAITING_FOR, type WaitingFor } from "./run.ts";
import { AFTER_ALL_IDS, behind } from "./run-id.ts";

export const WAITING_FILTERS = ["any", ...WAITING_FOR] as const;

export interface RunFilters {
  /** Any of these. */
  readonly status?: readonly Status[] | undefined;
  /** The first gate that is still closed, or any. */
  readonly waiting?: WaitingFor | "any" | undefined;
  readonly group?: string | undefined;
  /** All of these, the rarest first. */
  readonly label?: readonly string[] | undefined;
  readonly actionName?: string | undefined;
  readonly entityId?: string | undefined;
  readonly subject?: string | undefined;
  readonly triggeredBy?: string | undefined;
  /** Exclusive. */
  readonly createdAfter?: Instant | undefined;
  /** Exclusive. */
  readonly createdBefore?: Instant | undefined;
}

/** By creation. A list begins with its newest run unless it says otherwise. */
export const ORDERS = ["newest", "oldest"] as const;
export type Order = (typeof ORDERS)[number];

export interface RunPageQuery extends RunFilters {
  readonly order?: Order | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly include?: "details" | undefined;
}

export interface TextQuery extends RunPageQuery {
  readonly text: string;
}

/** What filters look at. `group`: the concurrency group; null if the run has none. */
export interface RunFacts
  extends Pick<
    Run,
    "id" | "status" | "waitingFor" | "labels" | "actionName" | "entityId" | "subject" | "triggeredBy" | "erasedAt"
  > {
  readonly group: string | null;
}

export function factsOf(run: Run): RunFacts {
  const { id, status, waitingFor, gates, labels, actionName, entityId, subject, triggeredBy, erasedAt } = run;
  const group = gates?.concurrency?.group ?? null;
  return { id, status, waitingFor, group, labels, actionName, entityId, subject, triggeredBy, erasedAt };
}

export function matches(run: RunFacts, filters: RunFilters): boolean {
  return passesAll(run, filters, NAMES);
}

/** By what never changes for a run. An erased run may have passed any of these filters before. */
export function matchesFixed(run: RunFacts, filters: RunFilters): boolean {
  return run.erasedAt !== null || passesAll(run, filters, FIXED_NAMES);
}

/** On a row in D1. Each alternative is one range of the index, or a walk over the label finds the rows. */
export type Condition = { readonly alternatives: readonly string[] } & (
  | { readonly index: string }
  | { readonly label: string }
);

/** Besides `idRangeOf`. `bind` makes a placeholder of a value. */
export function conditionsOf(filters: RunFilters, bind: Bind): readonly Condition[] {
  return NAMES.flatMap((name) => sqlOf(filters, name, bind));
}

/** From `lower` on and below `upper`. `completeTo`: it ends with this id. */
export function idRangeOf(
  { cursor, order, createdAfter, createdBefore }: Omit<RunPageQuery, "limit">,
  completeTo?: string,
): { readonly lower: string; readonly upper: string } {
  const after = (id: string | undefined) => id && behind(id);
  const [low, high] = order === "oldest" ? [after(cursor), after(completeTo)] : [completeTo, cursor];
  const lowers = [low, createdAfter && firstAfter(createdAfter)];
  const uppers = [high, createdBefore && firstNotBefore(createdBefore)];
  const isGiven = (bound: string | undefined) => bound !== undefined;
  return {
    lower: lowers.filter(isGiven).sort().at(-1) ?? "",
    upper: uppers.filter(isGiven).sort()[0] ?? AFTER_ALL_IDS,
  };
}

type Bind = (value: string) => string;
type Name = keyof RunFilters;
type Values = { readonly [N in Name]-?: NonNullable<RunFilters[N]> };
type Given = { readonly [N in Name]?: Values[N] | undefined };

interface Filter<Value> {
  /** Whether the answer for a run never changes. */
  readonly isFixed: boolean;
  readonly passes: (run: RunFacts, value: Value) => boolean;
  readonly sql: (value: Value, bind: Bind) => readonly Condition[];
}

/** A walk follows the first one that is asked for, so the filters that few runs pass come first. */
const FILTERS: { readonly [N in Name]: Filter<Values[N]> } = {
  entityId: inColumn("entity_id", "runs_by_entity", ({ entityId }) => entityId),
  waiting: {
    isFixed: false,
    passes: ({ status, waitingFor }, asked) =>
      status === "pending" && waitingFor !== null && (asked === "any" || asked === waitingFor),
    sql: (asked, bind) => {
      const gates = asked === "any" ? WAITING_FOR : [asked];
      const alternatives = gates.map((gate) => `status = 'pending' AND waiting = ${bind(gate)}`);
      return [{ index: "runs_by_waiting", alternatives }];
    },
  },
  subject: inColumn("subject", "runs_by_subject", ({ subject }) => subject),
  label: {
    isFixed: true,
    passes: ({ labels }, asked) => {
      const own = JSON.parse(labels) as string[];
      return asked.every((label) => own.includes(label));
    },
    sql: (asked, bind) => [...new Set(asked)].map((label) => withLabel(bind(label))),
  },
  actionName: inColumn("action_name", "runs_by_action", ({ actionName }) => actionName),
  group: inColumn("concurrency_group", "runs_by_group", ({ group }) => group),
  triggeredBy: {
    ...inColumn("triggered_by", "runs_by_trigger", ({ triggeredBy }) => triggeredBy),
    passes: ({ triggeredBy }, asked) => inLowerCase(triggeredBy) === inLowerCase(asked),
  },
  status: {
    isFixed: false,
    passes: ({ status }, asked) => asked.length === 0 || asked.includes(status),
    sql: (asked, bind) => {
      const alternatives = [...new Set(asked)].map((status) => `status = ${bind(status)}`);
      return alternatives.length === 0 ? [] : [{ index: "runs_by_status", alternatives }];
    },
  },
  createdAfter: { isFixed: true, passes: ({ id }, asked) => id >= firstAfter(asked), sql: () => [] },
  createdBefore: { isFixed: true, passes: ({ id }, asked) => id < firstNotBefore(asked), sql: () => [] },
};

const NAMES = Object.keys(FILTERS) as Name[];
const FIXED_NAMES = NAMES.filter((name) => FILTERS[name].isFixed);

function passesAll(run: RunFacts, filters: RunFilters, names: readonly Name[]): boolean {
  return names.every((name) => passes(run, filters, name));
}

function passes<N extends Name>(run: RunFacts, filters: Given, name: N): boolean {
  const value: Values[N] | undefined = filters[name];
  return value === undefined || FILTERS[name].passes(run, value);
}

function sqlOf<N extends Name>(filters: Given, name: N, bind: Bind): readonly Condition[] {
  const value: Values[N] | undefined = filters[name];
  return value === undefined ? [] : FILTERS[name].sql(value, bind);
}

function inColumn(column: string, index: string, of: (run: RunFacts) => string | null): Filter<string> {
  return {
    isFixed: true,
    passes: (run, asked) => of(run) === asked,
    sql: (asked, bind) => [{ index, alternatives: [`${column} = ${bind(asked)}`] }],
  };
}

function withLabel(label: string): Condition {
  const test = `EXISTS (SELECT 1 FROM run_labels AS other
        WHERE other.scope = runs.scope AND other.label = ${label} AND other.id = runs.id)`;
  return { alternatives: [test], label };
}

/** As SQLite's `lower` and its NOCASE. */
export function inLowerCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function firstAfter({ floorMs }: Instant): string {
  return firstIdAt(floorMs + 1);
}

function firstNotBefore({ ceilMs }: Instant): string {
  return firstIdAt(ceilMs);
}

/** `endsAt`: the id up to which the page has every run of its source; null if it has all. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly endsAt: string | null;
}

/** Merges two pages of one query that have no run in common. Both are in the order of the query. */
export function mergedPage<T extends { readonly id: string }>(
  a: Page<T>,
  b: Page<T>,
  { order, limit }: { readonly order?: Order | undefined; readonly limit: number },
): Page<T> {
  const isBefore = (one: string, other: string) => (order === "oldest" ? one < other : one > other);
  // Behind the end of one page, that page can lack runs that come before those of the other one.
  const end = a.endsAt === null || (b.endsAt !== null && isBefore(b.endsAt, a.endsAt)) ? b.endsAt : a.endsAt;
  const items: T[] = [];
  let [i, j] = [0, 0];
  for (;;) {
    const [one, other] = [a.items[i], b.items[j]];
    const isOne = other === undefined || (one !== undefined && isBefore(one.id, other.id));
    const next = isOne ? one : other;
    if (next === undefined || (end !== null && isBefore(end, next.id))) return { items, endsAt: end };
    if (items.length === limit) return { items, endsAt: items.at(-1)?.id ?? null };
    items.push(next);
    if (isOne) i++;
    else j++;
  }
}

/**
 * SQL: whether the run's JSON as D1 keeps it, its title or its subject contains the text. The object evaluates the same
 * expression on runs that D1 lacks. There is no LIKE, because its patterns end at 50 bytes in D1. Reads the details
 * only if the body lacks the text.
 */
export function containsText(
  text: string,
  { body, details }: { readonly body: string; readonly details: string },
  bind: (value: string) => string,
): string {
  // As JSON.stringify has escaped it in the body.
  const escaped = bind(inLowerCase(JSON.stringify(text).slice(1, -1)));
  const plain = bind(inLowerCase(text));
  const isIn = (name: string) => `instr(lower(ifnull(${details} ->> '${name}', '')), ${plain})`;
  return `CASE WHEN instr(lower(${body}), ${escaped}) THEN 1 ELSE ${isIn("title")} OR ${isIn("subject")} END`;
}
