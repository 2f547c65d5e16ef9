/** What the soak remembers: the story of each run, what was counted, and which answers contradict what was known. */

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
    this.count(`violation: ${/^[A-Z' ]+(?=:)/.exec(sentence)?.[0] ?? "others"}`);
    if (this.violations > VIOLATIONS_SHOWN) return;
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
