/** What the soak remembers: the story of each run, what was counted, and which answers contradict what was known. It says so at the end. */
import type { RunModel } from "./run-model.ts";

/** Of a long story, the beginning and the end are kept. */
const STORY_BEGINNING = 6;
const STORY_MAX = 40;
const VIOLATIONS_SHOWN = 20;
const DISTURBANCES_SHOWN = 30;

/** A run with all requests and answers about it, one a line. */
export interface Told {
  readonly model: RunModel;
  readonly story: string[];
}

export class SoakRecord {
  readonly #startedAt = Date.now();
  readonly counts = new Map<string, number>();
  violations = 0;
  requests = 0;
  acknowledged = 0;
  slowestGet = { ms: 0, what: "" };
  /** Every fault, eviction and kill, as a line with its time. */
  readonly #disturbances: { readonly at: number; readonly line: string }[] = [];

  /** One line that says how far the soak is. */
  progress(): string {
    return `${this.clock()} ${this.requests} requests, ${this.acknowledged} acknowledged changes, ${this.violations} violations`;
  }

  count(what: string, more = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + more);
  }

  /** The time since the soak began, for a line. */
  clock(at = Date.now()): string {
    return `+${((at - this.#startedAt) / 1000).toFixed(3)} s`;
  }

  disturbance(text: string): void {
    this.#disturbances.push({ at: Date.now(), line: `${this.clock()} ** ${text}` });
  }

  tell(story: string[], line: string): void {
    story.push(line);
    if (story.length > STORY_MAX) story.splice(STORY_BEGINNING, 1);
  }

  /** `sentAt`: when the request that shows it was sent. */
  violation(sentence: string, story: readonly string[], sentAt: number): void {
    this.violations++;
    const kind = `violation: ${/^[A-Z' ]+(?=:)/.exec(sentence)?.[0] ?? "others"}`;
    this.count(kind);
    if ((this.counts.get(kind) ?? 0) > VIOLATIONS_SHOWN) return;
    const near = this.#disturbances.filter(({ at }) => at >= sentAt - 25_000).slice(-DISTURBANCES_SHOWN);
    console.log(
      [
        `\nVIOLATION ${this.clock()} ${sentence}`,
        ...story.map((line) => `    ${line}`),
        "  what was disturbed before:",
        ...near.map(({ line }) => `    ${line}`),
      ].join("\n"),
    );
  }
}

export interface Outcome {
  readonly seed: number;
  readonly tookMs: number;
  /** How long the checks took after the last request. */
  readonly checksMs: number;
  /** How long the last row took to be replicated; null if some never did. */
  readonly replicatedMs: number | null;
  /** Runs in D1. */
  readonly rows: number;
  /** How many of them were compared with a get. */
  readonly compared: number;
  /** Runs whose create was acknowledged. */
  readonly runs: number;
  /** How many ms after its end a webhook endpoint with a receiver that is well heard of each run. */
  readonly delays: readonly number[];
}

export function summary(record: SoakRecord, outcome: Outcome): string {
  const { seed, tookMs, checksMs, replicatedMs, rows, compared, runs, delays } = outcome;
  const { counts, acknowledged, slowestGet, violations } = record;
  const line = (name: string, value: string) => `  ${name.padEnd(48)}${value}`;
  const replicated = replicatedMs === null ? "some never were" : `after ${(replicatedMs / 1000).toFixed(1)} s`;
  return [
    `\nSoak of ${Math.round(tookMs / 1000)} s, seed ${seed}`,
    ...[...counts].sort(([a], [b]) => a.localeCompare(b)).map(([what, count]) => line(what, String(count))),
    line("acknowledged changes", String(acknowledged)),
    line("acknowledged runs; runs in D1", `${runs}; ${rows}`),
    line("runs in D1 compared with a get", String(compared)),
    line("an end was told after, median and 95 %", quantiles(delays)),
    line("slowest get", `${slowestGet.ms} ms (${slowestGet.what})`),
    line("everything was replicated by itself", replicated),
    line("the last checks took", `${(checksMs / 1000).toFixed(1)} s`),
    line("VIOLATIONS", String(violations)),
  ].join("\n");
}

function quantiles(delays: readonly number[]): string {
  const sorted = delays.toSorted((a, b) => a - b);
  const at = (part: number) => Math.max(sorted[Math.floor(sorted.length * part)] ?? 0, 0);
  return `${at(0.5)} ms; ${at(0.95)} ms`;
}
