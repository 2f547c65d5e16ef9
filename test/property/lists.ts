/** Lists of a story's runs, page by page: each page is held against what the caller's bookmarks say it must show. */

import { expect } from "vitest";
import { faults } from "../support/faults.ts";
import { type ActionRun, type Answer, ask } from "../support/requests.ts";
import { behindIn, type Caller } from "./caller.ts";
import { type Model, type ModelRun, type Seen, union } from "./model.ts";

export interface Filters {
  readonly status?: readonly string[];
  readonly actionName?: string;
  readonly limit: number;
}

const AFTER_ALL_IDS = "g";

/** Lists as this caller, and follows `Link` to the end. */
export async function listAs(caller: Caller, model: Model, filters: Filters): Promise<void> {
  const { status = [], actionName, limit } = filters;
  const query = new URLSearchParams(status.map((one) => ["status", one]));
  if (actionName !== undefined) query.set("actionName", actionName);
  query.set("limit", String(limit));
  let next: string | null = `${model.path}?${query}`;
  let before = AFTER_ALL_IDS;
  while (next !== null) {
    const sent = caller.toRead();
    const isSent = sent.headers["x-d1-bookmark"] !== undefined;
    const mustShow = isSent ? sent.seen : model.remembered(Date.now());
    const answer: Answer<ActionRun[]> = await ask("GET", next, { headers: sent.headers });
    if (faults.reads !== null) {
      expect(answer).toMatchObject({ status: 503, body: { code: "database_unavailable" } });
      return;
    }
    expect(answer.status).toBe(200);
    const bookmark = answer.headers.get("x-d1-bookmark");
    const behind = behindIn(bookmark);
    if (model.isCalm) expect(behind).toEqual(new Set());
    if (isSent)
      expect([...behindIn(sent.headers["x-d1-bookmark"] ?? "")]).toEqual(expect.arrayContaining([...behind]));
    next = nextOf(answer);
    expectPage(model, filters, { runs: answer.body, before, hasNext: next !== null }, mustShow, behind);
    before = answer.body.at(-1)?.id ?? "";
    const shown = model.runs.map((run) => [run, run.landed] as const);
    caller.answered(sent, bookmark, union(mustShow, new Map(shown)));
  }
}

function nextOf({ headers }: Answer<unknown>): string | null {
  return /^<([^>]+)>; rel="next"$/.exec(headers.get("Link") ?? "")?.[1] ?? null;
}

interface Page {
  readonly runs: readonly ActionRun[];
  /** The page starts with the next lower id. */
  readonly before: string;
  readonly hasNext: boolean;
}

/** Each run is shown, or left out, as one of its states that D1 may have: none that is older than what the page must show. */
function expectPage(model: Model, filters: Filters, page: Page, mustShow: Seen, behind: ReadonlySet<string>) {
  const ids = page.runs.map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)].sort().reverse());
  if (page.hasNext) expect(ids).toHaveLength(filters.limit);
  const last = page.hasNext ? (ids.at(-1) ?? "") : "";
  const covered = model.runs.filter(({ id }) => id < page.before && id >= last);
  expect(covered.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
  for (const run of covered) {
    run.at(Date.now());
    const named = behind.has(run.coordinator) ? 0 : (mustShow.get(run) ?? 0);
    const least = Math.max(run.landed, named);
    const shown = page.runs.find(({ id }) => id === run.id);
    const version = shown === undefined ? leftOutAs(run, least, filters) : run.versionOf(shown);
    const isShowable = shown === undefined || passes(shown, filters);
    if (version === null || version < least || !isShowable) {
      const { version: newest, landed } = run;
      expect({ run: run.id, shown: shown ?? "left out" }).toEqual({ least, newest, landed, named, filters });
    }
    run.landed = Math.max(run.landed, version ?? 0);
  }
}

/** The lowest version, from `least` on, that the filters leave out; null if there is none. */
function leftOutAs(run: ModelRun, least: number, filters: Filters): number | null {
  const at = run.statesFrom(least).findIndex((state) => state === undefined || !passes(state, filters));
  return at === -1 ? null : least + at;
}

function passes({ status, actionName }: ActionRun, filters: Filters): boolean {
  const isAsked = filters.status === undefined || filters.status.includes(status);
  return isAsked && (filters.actionName ?? actionName) === actionName;
}
