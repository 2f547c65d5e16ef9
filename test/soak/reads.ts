/**
 * Lists and summaries of one caller of a soak. A list shows what was acknowledged to any caller before the list was sent,
 * or it is marked as stale. Nothing shows what nobody asked for.
 */

import type { Line } from "./line.ts";
import type { Random } from "./requests.ts";

import { type Step, stepOf, type Verdict } from "./run-model.ts";
import type { Detailed, OwnRun, Stage } from "./stage.ts";

const PAGE = 50;
const STATUSES = ["pending", "running", "succeeded", "failed", "cancelled"];

/** A list waits for the object as long. */
const REACHED_WITHIN_MS = 2400;

/** What was known of a run when a list was sent. */
interface Known {
  readonly run: OwnRun;
  readonly step: Step;
  readonly endStatus: string | null;
  readonly wasAsked: boolean;
}

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

  async list(of = this.#pick(this.#stage.environments) ?? ""): Promise<void> {
    const { record, runs, site, disturbances } = this.#stage;
    const reading = this.#reading(this.#random() < 0.4 ? this.#pick(STATUSES) : null, of);
    const { environment, query, ofOwn, status } = reading;
    query.set("limit", String(PAGE));
    const isOldest = this.#random() < 0.2;
    if (isOldest) query.set("order", "oldest");
    const isDetailed = this.#random() < 0.4;
    if (isDetailed) query.set("include", "details");
    const story: string[] = [];
    // What any answer has told by now. The list is not sent while the service is down, and callers know no more then.
    await site.up;
    const known = this.#known(environment, ofOwn);
    const read = await this.#line.read("list", story, `action-runs?${query}`, environment);
    if (read === null) return;
    const { answer, sentAt, tookMs } = read;
    const page = answer.body as Detailed[];
    for (const [i, { details, ...shown }] of page.entries()) {
      const before = page[i - 1];
      if (before !== undefined && before.id < shown.id !== isOldest)
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
    if (answer.isStale) {
      record.count("stale lists");
      if (tookMs < REACHED_WITHIN_MS && !disturbances.mayBeStale(sentAt, environment))
        record.violation("STALE: a list is stale, and nothing was wrong", story, sentAt);
      return;
    }
    const last = answer.next === null ? null : (page.at(-1)?.id ?? "");
    const rows = new Map(page.map((row) => [row.id, row]));
    if (rows.size < page.length) record.violation("a list shows a run twice", story, sentAt);
    let shown = 0;
    for (const one of known) {
      const { id } = one.run.model;
      if (last !== null && (last === "" || id < last !== isOldest) && id !== last) continue;
      shown++;
      const problem = listProblem(one, rows.get(id), status);
      if (problem !== null) record.violation(problem, [...one.run.story, ...story], sentAt);
    }
    record.count("changes that a list had to show", shown);
  }

  /** A summary can be behind. A caller has so few runs that each count of its own is exact. */
  async summarize(): Promise<void> {
    const { record } = this.#stage;
    const { environment, query, ofOwn } = this.#reading(null, this.#pick(this.#stage.environments) ?? "");
    const story: string[] = [];
    const read = await this.#line.read("summary", story, `action-runs/summary?${query}`, environment);
    if (read === null) return;
    const { answer, sentAt } = read;
    const counts = answer.body as Readonly<Record<string, number | { readonly atLeast: number }>>;
    const tell = (sentence: string) => record.violation(`${sentence}: ${JSON.stringify(counts)}`, story, sentAt);
    if (Object.keys(counts).join() !== STATUSES.join()) return tell("a summary lacks a status");
    const all = Object.values(counts).map((count) => (typeof count === "number" ? count : count.atLeast));
    const asked = this.asked.get(environment) ?? 0;
    if (ofOwn && all.reduce((sum, count) => sum + count, 0) > asked)
      tell(`TOO MANY: this caller asked for ${asked} runs`);
  }

  /** The runs that a list is about, as they are known now. */
  #known(environment: string, ofOwn: boolean): readonly Known[] {
    const those = [...this.#stage.runs.values()].filter(
      (run) => run.environment === environment && (!ofOwn || run.owner === this.#owner),
    );
    return those.map((run) => {
      const { step, endStatus, wasAsked } = run.model;
      return { run, step, endStatus, wasAsked };
    });
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

  #pick<T>(list: readonly T[]): T | null {
    return list[Math.floor(this.#random() * list.length)] ?? null;
  }
}

/** Why a list contradicts what was known of a run; null if it does not. A filter may leave out a run that went on. */
function listProblem(
  { run, step, endStatus, wasAsked }: Known,
  row: Detailed | undefined,
  status: string | null,
): string | null {
  if (row === undefined) {
    const mustBeThere = status === null || endStatus === status;
    return mustBeThere ? `LIST BEHIND: ${run.model.id} is missing after step ${step}` : null;
  }
  if (stepOf(row.status) < step) return `LIST BEHIND: ${row.status} was listed after step ${step}`;
  const isShown = !wasAsked || row.details === undefined || row.details.cancel !== null;
  return isShown ? null : "LIST BEHIND: an acknowledged request to stop was not listed";
}
