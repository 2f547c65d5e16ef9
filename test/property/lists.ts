/** Lists, summaries and counts of a story's runs, as any caller gets them: each is held against the model. */

import { expect } from "vitest";
import { ENDS } from "../../src/runs/run-counts.ts";
import { direct } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { type ActionRun, type Answer, ask } from "../support/requests.ts";
import { type Command, expectGets } from "./command.ts";
import type { DetailedRun, Model, ModelRun } from "./model.ts";

export interface Filters {
  readonly status?: readonly string[];
  readonly actionName?: string;
  readonly entityId?: string;
  readonly triggeredBy?: string;
  readonly label?: readonly string[];
  readonly waiting?: "any";
  readonly group?: string;
  /** After or before the instant of this run of the story. */
  readonly createdAfter?: number;
  readonly createdBefore?: number;
}

export interface Page extends Filters {
  readonly limit: number;
  readonly order?: "oldest";
  readonly include?: "details";
}

/** What is sent. */
interface Asked extends Omit<Page, "limit" | "createdAfter" | "createdBefore"> {
  readonly limit?: number;
  readonly createdAfter?: string;
  readonly createdBefore?: string;
}

function askedBy(model: Model, { createdAfter, createdBefore, ...others }: Filters & Partial<Page>): Asked {
  return {
    ...others,
    ...(createdAfter !== undefined && { createdAfter: instantOf(model, createdAfter) }),
    ...(createdBefore !== undefined && { createdBefore: instantOf(model, createdBefore) }),
  };
}

function searchOf({ status = [], label = [], ...single }: Asked): URLSearchParams {
  const several = [...status.map((one) => ["status", one]), ...label.map((one) => ["label", one])];
  return new URLSearchParams([...several, ...Object.entries(single).map(([name, one]) => [name, `${one}`])]);
}

function instantOf({ runs }: Model, nth: number): string {
  return runs[nth % runs.length]?.created.createdAt ?? new Date().toISOString();
}

/** The least version of each run that an answer may show. */
type Least = ReadonlyMap<ModelRun, number>;

interface Read<T> {
  readonly answer: Answer<T>;
  readonly told: Least;
  readonly replicated: Least;
}

/** Null if D1 can't be read. Then the caller is told so. */
async function read<T>(model: Model, url: string): Promise<Read<T> | null> {
  // Answers that come while this one is on its way need not be in it.
  const told = new Map(model.runs.map((run) => [run, run.told]));
  const replicated = new Map(model.runs.map((run) => [run, run.replicated]));
  const answer: Answer<T> = await ask("GET", url);
  if (faults.reads !== null && answer.status !== 200) {
    expect(answer).toMatchObject({ status: 503, body: { code: "database_unavailable" } });
    return null;
  }
  expect(answer.status).toBe(200);
  return { answer, told, replicated };
}

/**
 * Lists, and follows `Link` to the end. Each page shows each run as it was told last, or is marked as stale. `isAlone`:
 * the object can't be reached.
 */
export async function expectList(model: Model, page: Page, isAlone = false): Promise<void> {
  const asked = askedBy(model, page);
  let next: string | null = `${model.path}?${searchOf(asked)}`;
  let last: string | null = null;
  while (next !== null) {
    const found: Read<ActionRun[]> | null = await read(model, next);
    if (found === null) return;
    const { answer, told, replicated }: Read<ActionRun[]> = found;
    const isStale = answer.headers.get("Action-Runs-Stale") === "true";
    if (isAlone) expect(isStale).toBe(true);
    else if (!model.isRebuilt) expect(isStale).toBe(false);
    next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get("Link") ?? "")?.[1] ?? null;
    const runs = answer.body;
    if (next !== null) expect(runs).toHaveLength(page.limit);
    const listed = { runs, after: last, hasNext: next !== null };
    expectPage(model, asked, listed, isStale ? replicated : told);
    last = runs.at(-1)?.id ?? null;
  }
}

/** Counts what D1 has, which can be behind. */
export async function expectSummary(model: Model, filters: Filters): Promise<void> {
  const asked = askedBy(model, filters);
  const found = await read<Record<string, number>>(model, `${model.path}/summary?${searchOf(asked)}`);
  if (found === null) return;
  const { body } = found.answer;
  const statuses = Object.keys(body);
  expect(statuses).toEqual(["pending", "running", "succeeded", "failed", "cancelled"]);
  // D1 has one of several versions of each run, so it may count in one of several ways.
  let ways = new Set([JSON.stringify(statuses.map(() => 0))]);
  for (const run of model.runs) {
    run.at(Date.now());
    const counted = new Set(
      run.statesFrom(run.replicated).map((state) => (passes(state, asked) ? state.status : null)),
    );
    ways = new Set([...ways].flatMap((way) => [...counted].map((status) => withOneMore(way, status))));
  }
  function withOneMore(way: string, status: string | null): string {
    const counts: number[] = JSON.parse(way);
    return JSON.stringify(counts.map((count, i) => (statuses[i] === status ? count + 1 : count)));
  }
  expect({ filters, ways: [...ways] }).toEqual({
    filters,
    ways: expect.arrayContaining([JSON.stringify(Object.values(body))]),
  });
}

interface Listed {
  readonly runs: readonly (ActionRun | DetailedRun)[];
  /** The last run of the page before; null on the first page. */
  readonly after: string | null;
  readonly hasNext: boolean;
}

/** Each run is shown, or left out, as one of its states that is not older than `least`. */
function expectPage(model: Model, filters: Asked, { runs, after, hasNext }: Listed, least: Least) {
  const ids = runs.map(({ id }) => id);
  const inOrder = [...new Set(ids)].sort();
  expect(ids).toEqual(filters.order === "oldest" ? inOrder : inOrder.reverse());
  for (const run of runs) expect("details" in run).toBe(filters.include === "details");
  const comesAfter = (id: string, other: string) => (filters.order === "oldest" ? id > other : id < other);
  const end = hasNext ? (ids.at(-1) ?? "") : null;
  const covered = model.runs.filter(
    ({ id }) => (after === null || comesAfter(id, after)) && (end === null || !comesAfter(id, end)),
  );
  expect(covered.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
  for (const run of covered) {
    run.at(Date.now());
    const from = least.get(run) ?? 0;
    const shown = runs.find(({ id }) => id === run.id);
    const isRight = shown === undefined ? mayLackFrom(run, from, filters) : mayShowFrom(run, from, filters, shown);
    if (isRight) continue;
    const { id, version: newest, replicated } = run;
    expect({ run: id, shown: shown ?? "left out" }).toEqual({ from, newest, replicated, filters });
  }
}

/** Whether the run looks like this in a version from `from` on, and passes the filters. */
function mayShowFrom(run: ModelRun, from: number, filters: Asked, shown: ActionRun): boolean {
  const version = run.versionFrom(from, shown);
  const [state] = version === null ? [] : run.statesFrom(version);
  return passes(state, filters);
}

/** Whether the filters leave out a version of the run from `from` on. */
function mayLackFrom(run: ModelRun, from: number, filters: Asked): boolean {
  return run.statesFrom(from).some((state) => !passes(state, filters));
}

/** No run of these stories has a gate. */
export function passes(state: DetailedRun | undefined, filters: Asked): state is DetailedRun {
  if (state === undefined) return false;
  const { status, actionName, entityId, triggeredBy, label = [], createdAfter, createdBefore } = filters;
  return (
    (status === undefined || status.includes(state.status)) &&
    label.every((one) => state.details.labels.includes(one)) &&
    (actionName ?? state.actionName) === state.actionName &&
    (entityId ?? state.entityId) === state.entityId &&
    (triggeredBy ?? state.triggeredBy).toLowerCase() === state.triggeredBy &&
    (createdAfter === undefined || state.createdAt > createdAfter) &&
    (createdBefore === undefined || state.createdAt < createdBefore) &&
    filters.waiting === undefined &&
    filters.group === undefined
  );
}

/** Metrics count each run of the model once, by its status. */
export async function expectCounts(model: Model): Promise<void> {
  // Whoever reads a run is the first to notice that its time is up.
  await expectGets(model);
  const told: Record<string, number> = { ...model.purged };
  for (const run of model.runs) {
    const { status } = run.at(Date.now());
    told[status] = (told[status] ?? 0) + 1;
  }
  model.isCounted = true;
  const { open, ended } = await direct(model.path).upkeep.counts();
  const counted: Record<string, number> = {};
  for (const [status, { runs }] of Object.entries(open)) if (runs > 0) counted[status] = runs;
  for (const [end, runs] of Object.entries(ended.ended)) {
    const [status = "", cause] = end.split("/");
    // Metrics show only these.
    expect(ENDS).toContainEqual([status, cause]);
    counted[status] = (counted[status] ?? 0) + runs;
  }
  expect(counted).toEqual(told);
}

export const count: Command = { check: (model) => model.runs.length > 0, run: expectCounts, toString: () => "count" };
