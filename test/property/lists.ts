/** Lists and summaries of a story's runs: each answer is held against what the caller's bookmarks say it must show. */

import { expect } from "vitest";
import { faults } from "../support/faults.ts";
import { type ActionRun, type Answer, ask } from "../support/requests.ts";
import { type Caller, type Sent, saysBehind } from "./caller.ts";
import { type DetailedRun, type Model, type ModelRun, type Seen, union } from "./model.ts";

export interface Filters {
  readonly status?: readonly string[];
  readonly actionName?: string;
  readonly label?: readonly string[];
}

export interface Page extends Filters {
  readonly limit: number;
  readonly include?: "details";
}

const AFTER_ALL_IDS = "g";

function searchOf({ status = [], label = [], ...single }: Filters): URLSearchParams {
  const several = [...status.map((one) => ["status", one]), ...label.map((one) => ["label", one])];
  return new URLSearchParams([...several, ...Object.entries(single).map(([name, one]) => [name, `${one}`])]);
}

interface Read<T> {
  readonly sent: Sent;
  readonly answer: Answer<T>;
  readonly bookmark: string | null;
  /** At least this version of each run is in the answer, unless D1 is behind. */
  readonly mustShow: Seen;
  readonly isBehind: boolean;
}

/** Null if D1 can't be read. Then the caller is told so. */
async function readAs<T>(caller: Caller, model: Model, url: string): Promise<Read<T> | null> {
  const sent = caller.toRead();
  const isSent = sent.headers["x-d1-bookmark"] !== undefined;
  const mustShow = isSent ? sent.seen : model.remembered(Date.now());
  const answer: Answer<T> = await ask("GET", url, { headers: sent.headers });
  if (faults.reads !== null) {
    expect(answer).toMatchObject({ status: 503, body: { code: "database_unavailable" } });
    return null;
  }
  expect(answer.status).toBe(200);
  const bookmark = answer.headers.get("x-d1-bookmark");
  const isBehind = saysBehind(bookmark);
  if (model.isCalm) expect(isBehind).toBe(false);
  if (isSent && isBehind) expect(saysBehind(sent.headers["x-d1-bookmark"] ?? "")).toBe(true);
  return { sent, answer, bookmark, mustShow, isBehind };
}

/** The caller keeps the bookmark of what it read. */
function noteRead(caller: Caller, model: Model, { sent, bookmark, mustShow }: Read<unknown>): void {
  const shown = model.runs.map((run) => [run, run.landed] as const);
  caller.answered(sent, bookmark, union(mustShow, new Map(shown)));
}

/** Lists as this caller, and follows `Link` to the end. */
export async function listAs(caller: Caller, model: Model, filters: Page): Promise<void> {
  let next: string | null = `${model.path}?${searchOf(filters)}`;
  let before = AFTER_ALL_IDS;
  while (next !== null) {
    const read: Read<ActionRun[]> | null = await readAs(caller, model, next);
    if (read === null) return;
    const runs = read.answer.body;
    next = nextOf(read.answer);
    expectPage(model, filters, { runs, before, hasNext: next !== null }, read);
    before = runs.at(-1)?.id ?? "";
    noteRead(caller, model, read);
  }
}

/** Counts as this caller. */
export async function summarizeAs(caller: Caller, model: Model, filters: Filters): Promise<void> {
  const url = `${model.path}/summary?${searchOf(filters)}`;
  const read = await readAs<Record<string, number>>(caller, model, url);
  if (read === null) return;
  const statuses = Object.keys(read.answer.body);
  expect(statuses).toEqual(["pending", "running", "succeeded", "failed", "cancelled"]);
  // D1 has one of several versions of each run, so it may count in one of several ways.
  let ways = new Set([JSON.stringify(statuses.map(() => 0))]);
  for (const run of model.runs) {
    run.at(Date.now());
    const counted = new Set(
      run.statesFrom(leastOf(run, read)).map((state) => (passes(state, filters) ? state.status : null)),
    );
    ways = new Set([...ways].flatMap((way) => [...counted].map((status) => withOneMore(way, status))));
  }
  function withOneMore(way: string, status: string | null): string {
    const counts: number[] = JSON.parse(way);
    return JSON.stringify(counts.map((count, i) => (statuses[i] === status ? count + 1 : count)));
  }
  expect({ filters, ways: [...ways] }).toEqual({
    filters,
    ways: expect.arrayContaining([JSON.stringify(Object.values(read.answer.body))]),
  });
  noteRead(caller, model, read);
}

function nextOf({ headers }: Answer<unknown>): string | null {
  return /^<([^>]+)>; rel="next"$/.exec(headers.get("Link") ?? "")?.[1] ?? null;
}

interface Listed {
  readonly runs: readonly (ActionRun | DetailedRun)[];
  /** The page starts with the next lower id. */
  readonly before: string;
  readonly hasNext: boolean;
}

/**
 * Each run is shown, or left out, as one of its states that D1 may have: none that is older than what the page must
 * show.
 */
function expectPage(model: Model, filters: Page, page: Listed, read: Read<unknown>) {
  const ids = page.runs.map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)].sort().reverse());
  for (const run of page.runs) expect("details" in run).toBe(filters.include === "details");
  if (page.hasNext) expect(ids).toHaveLength(filters.limit);
  const last = page.hasNext ? (ids.at(-1) ?? "") : "";
  const covered = model.runs.filter(({ id }) => id < page.before && id >= last);
  expect(covered.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
  for (const run of covered) {
    run.at(Date.now());
    const least = leastOf(run, read);
    const shown = page.runs.find(({ id }) => id === run.id);
    const version =
      shown === undefined ? leftOutAs(run, least, filters) : shownAs(run, least, filters, shown);
    if (version === null) {
      const { version: newest, landed } = run;
      expect({ run: run.id, shown: shown ?? "left out" }).toEqual({ least, newest, landed, filters });
    }
    run.landed = Math.max(run.landed, version ?? 0);
  }
}

/** The least version of a run that an answer may show. */
function leastOf(run: ModelRun, { mustShow, isBehind }: Read<unknown>): number {
  return Math.max(run.landed, isBehind ? 0 : (mustShow.get(run) ?? 0));
}

/** The lowest version, from `least` on, that looks like what is shown and passes the filters; null if there is none. */
function shownAs(run: ModelRun, least: number, filters: Filters, shown: ActionRun): number | null {
  const version = run.versionFrom(least, shown);
  const [state] = version === null ? [] : run.statesFrom(version);
  return passes(state, filters) ? version : null;
}

/** The lowest version, from `least` on, that the filters leave out; null if there is none. */
function leftOutAs(run: ModelRun, least: number, filters: Filters): number | null {
  const at = run.statesFrom(least).findIndex((state) => !passes(state, filters));
  return at === -1 ? null : least + at;
}

function passes(
  state: DetailedRun | undefined,
  { status, actionName, label }: Filters,
): state is DetailedRun {
  if (state === undefined) return false;
  const isAsked = status === undefined || status.includes(state.status);
  const hasLabels = label === undefined || label.every((one) => state.details.labels.includes(one));
  return isAsked && hasLabels && (actionName ?? state.actionName) === state.actionName;
}
