/**
 * Lists and summaries of one caller of a soak: each must show what was acknowledged to that caller, and nothing that
 * nobody asked for.
 */

import type { Changed, Line } from "./line.ts";
import type { Random } from "./random.ts";
import { stepOf, type Verdict } from "./run-model.ts";
import type { Detailed, Stage } from "./stage.ts";

const PAGE = 50;
const STATUSES = ["pending", "running", "succeeded", "failed", "cancelled"];

/** A list or a summary of a caller's own runs, or of all. */
interface Reading {
  readonly environment: string;
  readonly query: URLSearchParams;
  readonly ofOwn: boolean;
  readonly status: string | null;
}

export class Reads {
  readonly #stage: Stage;
  readonly #line: Line;
  readonly #owner: string;
  readonly #random: Random;
  /** How many new runs the owner asked for, by environment. */
  readonly asked = new Map<string, number>();

  constructor(stage: Stage, line: Line, owner: string, random: Random) {
    this.#stage = stage;
    this.#line = line;
    this.#owner = owner;
    this.#random = random;
  }

  async list(withBookmark: boolean, of = this.#pick(this.#stage.environments) ?? ""): Promise<void> {
    const { record, runs } = this.#stage;
    const reading = this.#reading(this.#random() < 0.4 ? this.#pick(STATUSES) : null, of);
    const { environment, query, ofOwn, status } = reading;
    query.set("limit", String(PAGE));
    const isDetailed = this.#random() < 0.4;
    if (isDetailed) query.set("include", "details");
    const story: string[] = [];
    const what = withBookmark ? "list with a bookmark" : "list without a bookmark";
    const read = await this.#line.read(what, story, `action-runs?${query}`, environment, withBookmark);
    if (read === null) return;
    const { answer, sentAt } = read;
    const expected = this.#own(read.expected, ofOwn);
    const page = answer.body as Detailed[];
    for (const [i, { details, ...shown }] of page.entries()) {
      const before = page[i - 1];
      if (before !== undefined && before.id <= shown.id)
        record.violation("a list is out of order", story, sentAt);
      const run = runs.get(shown.id);
      if (run === undefined) continue;
      const tell = (verdict: Verdict) => {
        if (verdict !== null) record.violation(verdict, [...run.story, ...story], sentAt);
      };
      tell(run.model.shown(shown, 0, Date.now()));
      if ((details !== undefined) !== isDetailed) tell(`details were ${isDetailed ? "" : "not "}asked for`);
      else if (details !== undefined) tell(run.model.detailed(details, false));
      if (ofOwn && run.owner !== this.#owner) tell("a list shows another caller's run");
      if (status !== null && shown.status !== status) tell("a list shows another status");
    }
    const oldest = page.length < PAGE ? "" : (page.at(-1)?.id ?? "");
    for (const changed of expected) {
      const { run } = changed;
      if (run.model.id < oldest) continue;
      const row = page.find(({ id }) => id === run.model.id);
      const problem = listProblem(changed, row, status);
      if (problem !== null) record.violation(problem, [...run.story, ...story], sentAt);
    }
    record.count("changes that a list had to show", expected.length);
  }

  /** A caller has so few runs that each count of its own is exact. */
  async summarize(withBookmark: boolean): Promise<void> {
    const { record } = this.#stage;
    const reading = this.#reading(null, this.#pick(this.#stage.environments) ?? "");
    const { environment, query, ofOwn } = reading;
    const story: string[] = [];
    const path = `action-runs/summary?${query}`;
    const read = await this.#line.read("summary", story, path, environment, withBookmark);
    if (read === null) return;
    const { answer, sentAt } = read;
    const expected = this.#own(read.expected, ofOwn);
    const counts = answer.body as Readonly<Record<string, number | { readonly atLeast: number }>>;
    // Several changes may have been acknowledged of one run.
    const known = new Set(expected.map(({ run }) => run));
    const tell = (sentence: string) =>
      record.violation(
        `${sentence}: ${JSON.stringify(counts)}`,
        [...story, ...[...known].flatMap((run) => run.story)],
        sentAt,
      );
    if (Object.keys(counts).join() !== STATUSES.join()) return tell("a summary lacks a status");
    const countOf = (status: string) => {
      const count = counts[status] ?? 0;
      return typeof count === "number" ? count : count.atLeast;
    };
    const endedRuns = new Set(expected.filter(({ step }) => step === 2).map(({ run }) => run));
    for (const status of STATUSES.slice(2)) {
      const ended = [...endedRuns].filter(({ model }) => model.endStatus === status).length;
      if (countOf(status) < ended) tell(`SUMMARY BEHIND: ${ended} runs were known to be ${status}`);
    }
    const sum = STATUSES.reduce((all, status) => all + countOf(status), 0);
    const isExact = Object.values(counts).every((count) => typeof count === "number");
    if (isExact && sum < known.size) tell(`SUMMARY BEHIND: ${known.size} runs were known`);
    const asked = this.asked.get(environment) ?? 0;
    if (ofOwn && sum > asked) tell(`TOO MANY: this caller asked for ${asked} runs`);
    record.count("changes that a summary had to count", expected.length);
  }

  #reading(status: string | null, environment: string): Reading {
    const ofOwn = this.#random() < 0.8;
    const byLabel = this.#random() < 0.5;
    const query = new URLSearchParams({
      ...(ofOwn && { [byLabel ? "label" : "actionName"]: this.#owner }),
      ...(status !== null && { status }),
    });
    return { environment, query, ofOwn, status };
  }

  #own(changes: readonly Changed[], ofOwn: boolean): readonly Changed[] {
    return ofOwn ? changes.filter(({ run }) => run.owner === this.#owner) : changes;
  }

  #pick<T>(list: readonly T[]): T | null {
    return list[Math.floor(this.#random() * list.length)] ?? null;
  }
}

/**
 * Why a page contradicts a change that it must show; null if it does not. A filter may leave out a run that went on.
 */
function listProblem(
  { run, step, wasAsked }: Changed,
  row: Detailed | undefined,
  status: string | null,
): string | null {
  if (row === undefined) {
    const mustBeThere = status === null || (run.model.endStatus === status && step === 2);
    return mustBeThere ? `LIST BEHIND: the run is missing after step ${step}` : null;
  }
  if (stepOf(row.status) < step) return `LIST BEHIND: ${row.status} was listed after step ${step}`;
  const isShown = !wasAsked || row.details === undefined || row.details.cancel !== null;
  return isShown ? null : "LIST BEHIND: an acknowledged request to stop was not listed";
}
