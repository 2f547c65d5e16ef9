/**
 * What the callers know about one run, and which answers contradict it. PURE: no I/O and no clock. A run can be changed
 * by two callers at once, so each answer is judged by what was known when its request was sent.
 *
 * A run moves only forward: pending, running, ended. It has one text in each of these states, whoever shows it.
 */

export interface ActionRun {
  readonly id: string;
  readonly status: string;
  readonly startedAt: string | null;
  readonly error: string | null;
  readonly output: { readonly mark?: string } | null;
}

/** What `include=details` shows of the soak's runs. */
export interface Details {
  readonly action: { readonly name: string; readonly version: number } | null;
  readonly retryOf: string | null;
  /** Of a run that a bulk retry made. */
  readonly bulkOperationId: string | null;
  readonly labels: readonly string[];
  readonly heartbeat: object | null;
  readonly cancel: { readonly until: string } | null;
}

/** What a run keeps of its creation. */
export interface Origin {
  /** The stored action that it runs; null without one. */
  readonly action: string | null;
  readonly retryOf: string | null;
  readonly labels: readonly string[];
}

/** 0 pending, 1 running, 2 ended. */
export type Step = 0 | 1 | 2;

/**
 * A change that a caller asked for, perhaps several times with the same key. `stop`: a cancel that gives the job time.
 */
export interface Attempt {
  readonly kind: "succeed" | "fail" | "cancel" | "stop" | "heartbeat";
  /** In the output or the error of a report, so that the run's end says which report made it. */
  readonly mark: string;
  wasRefused: boolean;
}

/** What a 409 says about the run. A timeout and a failed report are both `failed`. */
const REFUSALS: Readonly<Record<string, readonly [step: Step, status: string]>> = {
  run_running: [1, "running"],
  run_succeeded: [2, "succeeded"],
  run_failed: [2, "failed"],
  run_timed_out: [2, "failed"],
  run_cancelled: [2, "cancelled"],
};

export function stepOf(status: string): Step {
  return status === "pending" ? 0 : status === "running" ? 1 : 2;
}

/** A sentence that says what an answer contradicts; null if it contradicts nothing. */
export type Verdict = string | null;

export class RunModel {
  readonly id: string;
  readonly origin: Origin;
  readonly deadlineAt: number;
  readonly #texts: [string | null, string | null, string | null] = [null, null, null];
  readonly #attempts = new Map<string, Attempt>();
  #step: Step = 0;
  #endStatus: string | null = null;
  #stopsBy = Number.POSITIVE_INFINITY;

  constructor(id: string, deadlineAt: number, origin: Origin) {
    this.id = id;
    this.deadlineAt = deadlineAt;
    this.origin = origin;
  }

  /** How far the run is known to be. Nothing may show less afterwards. */
  get step(): Step {
    return this.#step;
  }

  /** How the run ended; null if that is not known. */
  get endStatus(): string | null {
    return this.#endStatus;
  }

  /** When an open run ends by itself, as far as is known. */
  get endsBy(): number {
    return Math.min(this.deadlineAt, this.#stopsBy);
  }

  /** Whether a request to stop was acknowledged. */
  get wasAsked(): boolean {
    return this.#stopsBy < Number.POSITIVE_INFINITY;
  }

  /** Note an attempt before its first request is sent. */
  attempt(kind: Attempt["kind"], mark: string): Attempt {
    const attempt = this.#attempts.get(mark) ?? { kind, mark, wasRefused: false };
    this.#attempts.set(mark, attempt);
    return attempt;
  }

  /** Judges a run that an answer shows. `least`: the least step that it must show. */
  shown(run: ActionRun, least: Step, now: number): Verdict {
    const step = stepOf(run.status);
    const text = JSON.stringify(run);
    if (run.id !== this.id) return `another run was shown: ${run.id}`;
    if (step < least) return `BEHIND: ${run.status} was shown after it was known to be further (step ${least})`;
    const known = this.#texts[step];
    if (known !== null && known !== text) return `TWO STORIES:\n    ${known}\n    ${text}`;
    if (known === null) {
      const verdict = this.#judgeNew(run, step, now);
      if (verdict !== null) return verdict;
    }
    this.#texts[step] = text;
    return this.#reached(step, run.status);
  }

  /** Judges the details of an answer. `wasAsked`: whether a request to stop was acknowledged before. */
  detailed({ action, retryOf, labels, cancel }: Details, wasAsked: boolean): Verdict {
    const shown = JSON.stringify({ action: action?.name ?? null, retryOf, labels });
    if (shown !== JSON.stringify(this.origin))
      return `ANOTHER ORIGIN: ${shown} instead of ${JSON.stringify(this.origin)}`;
    if (wasAsked && cancel === null) return "BEHIND: an acknowledged request to stop is not shown";
    if (cancel !== null) this.#stopsBy = Math.min(this.#stopsBy, Date.parse(cancel.until));
    return null;
  }

  /** Judges the success of a change: it must show what this change made. */
  accepted(attempt: Attempt, run: ActionRun, least: Step, now: number): Verdict {
    const made = this.#madeBy(run);
    const isCancel = attempt.kind === "cancel" || attempt.kind === "stop";
    if (isCancel ? run.status !== "cancelled" : made !== attempt)
      return `ANOTHER END: the change ${attempt.mark} was accepted, but its answer shows ${JSON.stringify(run)}`;
    return this.shown(run, least, now);
  }

  /**
   * Judges the 202 of a request to stop. Before a repetition is answered, the run may have ended in any way but one.
   */
  asked({ mark }: Attempt, run: ActionRun, least: Step, now: number): Verdict {
    if (run.status === "pending" || run.status === "failed")
      return `NOT STOPPED: the request ${mark} was accepted, but its answer shows ${JSON.stringify(run)}`;
    return this.shown(run, least, now);
  }

  /** Judges the 200 of a heartbeat, which shows only the status and the request to stop. */
  heard(status: string, isToStop: boolean, least: Step, wasAsked: boolean): Verdict {
    const step = stepOf(status);
    if (step !== 1) return `a heartbeat was accepted, but the run is ${status}`;
    if (step < least) return `BEHIND: a heartbeat was accepted after the run had ended`;
    if (wasAsked && !isToStop) return "BEHIND: a heartbeat does not tell of an acknowledged request to stop";
    return this.#reached(step, status);
  }

  /** Judges a 409. */
  refused(attempt: Attempt, code: string, least: Step): Verdict {
    const [step, status] = REFUSALS[code] ?? [0, code];
    if (step === 0) return `refused with ${code}`;
    if (step < least) return `BEHIND: refused with ${code} after the run had ended`;
    attempt.wasRefused = true;
    const end = this.#texts[2];
    if (end !== null && this.#madeBy(JSON.parse(end) as ActionRun)?.wasRefused)
      return `REFUSED ITS OWN END: ${attempt.mark} was refused with ${code}, but it made the end`;
    return this.#reached(step, status);
  }

  #judgeNew(run: ActionRun, step: Step, now: number): Verdict {
    const attempts = [...this.#attempts.values()];
    if (step === 1 && !attempts.some(({ kind }) => kind === "heartbeat"))
      return "NOBODY'S CHANGE: it runs, but nobody sent a heartbeat";
    if (step !== 2) return null;
    const [, running] = this.#texts;
    if (running !== null && (JSON.parse(running) as ActionRun).startedAt !== run.startedAt)
      return `TWO STORIES: its start changed from ${running} to ${JSON.stringify(run)}`;
    if (run.status === "failed" && this.wasAsked)
      return "NOT STOPPED: it failed, although a request to stop was acknowledged";
    const isTimeout = run.status === "failed" && run.error?.startsWith("[timeout] ") === true;
    if (isTimeout) return now >= this.deadlineAt ? null : "TOO EARLY: it timed out before its deadline";
    const made = this.#madeBy(run);
    if (made === null) return `NOBODY'S CHANGE: it ended as ${JSON.stringify(run)}`;
    return made.wasRefused ? `REFUSED ITS OWN END: ${made.mark} was refused, but it made the end` : null;
  }

  /** The attempt that made this end; null if there is none, or if it can't be told which of several cancels it was. */
  #madeBy(run: ActionRun): Attempt | null {
    if (run.status === "succeeded") return this.#attempts.get(run.output?.mark ?? "") ?? null;
    // A failed report ends a run as cancelled if somebody asked it to stop.
    if (run.error !== null) return this.#attempts.get(run.error) ?? null;
    // Only a request to stop ends a run that has started.
    const kinds = run.startedAt === null ? ["cancel", "stop"] : ["stop"];
    const cancels = [...this.#attempts.values()].filter(({ kind }) => kinds.includes(kind));
    // One that was not refused could have made it.
    return cancels.find(({ wasRefused }) => !wasRefused) ?? cancels[0] ?? null;
  }

  #reached(step: Step, status: string): Verdict {
    if (step === 2) {
      if (this.#endStatus !== null && this.#endStatus !== status) return `TWO ENDS: ${this.#endStatus}, then ${status}`;
      this.#endStatus = status;
    }
    if (step > this.#step) this.#step = step;
    return null;
  }
}
