/**
 * What DESIGN says becomes of one run with a webhook, in the plainest terms: no journal, no alarms, no leases kept
 * by anyone. Written from the rules and not from the code. Where chance decides (when the next attempt leaves) it
 * takes what the timeline says, and says whether that may be.
 */

import { expect } from "vitest";

const MINUTE_MS = 60_000;
const LEASE_MS = 30_000;

export interface Settings {
  readonly timeout: number;
  readonly heartbeatTimeout: number | null;
  readonly startOn: "accepted" | "heartbeat";
  /** Null: only time bounds the attempts. */
  readonly maxAttempts: number | null;
  readonly initialDelayMs: number;
}

export type Cause = "callback" | "cancel" | "delivery" | "deadline" | "silence";
/** What an attempt comes to: a status, nothing at all, or that it was never sent and never will be. */
export type Came = number | "no response" | "unsendable";

export class ModelRun {
  status: "pending" | "running" | "succeeded" | "failed" | "cancelled" = "pending";
  startedAt: number | null = null;
  completedAt: number | null = null;
  cause: Cause | null = null;
  /** Attempts made so far. */
  attempts = 1;
  isDispatching = true;
  /** When the attempt under way is given up for lost; null while none is. */
  lostAt: number | null;
  nextAt: number | null = null;
  readonly #deadlineAt: number;
  /** From then on no attempt begins. */
  readonly #dispatchesUntil: number;
  /** Steps that were taken since it ended. */
  afterEnd = 0;
  #isUnsure = false;
  /** Attempts that have failed and may have begun the job. */
  #maybeBegun = 0;
  /** When the grace of a cancel ends. */
  #stopsAt = Number.POSITIVE_INFINITY;
  #heardAt: number | null = null;

  constructor(
    readonly settings: Settings,
    createdAt: number,
  ) {
    this.#deadlineAt = createdAt + settings.timeout * MINUTE_MS;
    const { timeout, maxAttempts } = settings;
    this.#dispatchesUntil = maxAttempts === null ? createdAt + Math.min(timeout / 2, 60) * MINUTE_MS : this.#deadlineAt;
    this.lostAt = createdAt + LEASE_MS;
  }

  get isOpen(): boolean {
    return this.status === "pending" || this.status === "running";
  }

  isLate(now: number): boolean {
    return now >= this.#deadlineAt;
  }

  /** When it ends by itself, and when something is due for it: that, or something of its dispatch. */
  get endsAt(): number {
    return Math.min(this.#silentAt, this.#deadlineAt, this.#stopsAt);
  }

  get dueAt(): number {
    return Math.min(this.endsAt, this.isDispatching ? (this.lostAt ?? this.nextAt ?? 0) : this.endsAt);
  }

  get #isStopping(): boolean {
    return this.#stopsAt < Number.POSITIVE_INFINITY;
  }

  get #silentAt(): number {
    const { heartbeatTimeout } = this.settings;
    if (heartbeatTimeout === null || this.#heardAt === null) return Number.POSITIVE_INFINITY;
    return this.#heardAt + heartbeatTimeout * MINUTE_MS;
  }

  /** Applies the time that has passed. */
  at(now: number): this {
    const { endsAt } = this;
    if (!this.isOpen || now < endsAt) return this;
    const late = endsAt < this.#deadlineAt ? "silence" : "deadline";
    this.#end(this.#isStopping ? "cancelled" : "failed", endsAt, endsAt === this.#stopsAt ? "cancel" : late);
    return this;
  }

  report(status: "succeeded" | "failed", now: number): void {
    if (!this.at(now).isOpen) return;
    this.startedAt ??= now;
    this.#end(status === "failed" && this.#isStopping ? "cancelled" : status, now, "callback");
  }

  /** A cancel with a grace. */
  stop(graceMs: number, now: number): void {
    if (!this.at(now).isOpen) return;
    if (this.status === "pending" || graceMs === 0) this.#end("cancelled", now, "cancel");
    else this.#stopsAt = Math.min(this.#stopsAt, now + graceMs, this.#deadlineAt);
  }

  cancel(now: number): void {
    if (this.at(now).status === "pending") this.#end("cancelled", now, "cancel");
  }

  heartbeat(now: number): void {
    if (!this.at(now).isOpen) return;
    this.#start(now);
    this.#heardAt = now;
  }

  /**
   * The alarm rings and processes this run. `nextAttemptAt`: when the timeline says that the next attempt leaves, if it does.
   * `isHostOpen`: whether the receiver's host may be tried.
   */
  alarm(now: number, nextAttemptAt: number | null, isHostOpen = true): void {
    if (!this.at(now).isOpen || !this.isDispatching) return;
    if (this.lostAt !== null && now >= this.lostAt)
      this.attempted(this.attempts, "no response", null, now, nextAttemptAt);
    else if (this.nextAt !== null && now >= this.#dispatchesUntil) this.#end("failed", now, "delivery");
    else if (this.nextAt !== null && now >= this.nextAt && isHostOpen) {
      this.attempts++;
      this.nextAt = null;
      this.lostAt = now + LEASE_MS;
    }
  }

  /** An attempt came to something, with a Retry-After of so many ms. `nextAttemptAt` as above. */
  attempted(attempt: number, came: Came, asked: number | null, now: number, nextAttemptAt: number | null): void {
    if (!this.at(now).isOpen || !this.isDispatching) return;
    const status = typeof came === "number" ? came : null;
    const isSuccess = status !== null && status >= 200 && status <= 299;
    const isCurrent = attempt === this.attempts && this.lostAt !== null;
    if (isSuccess || (isCurrent && status === 409 && this.#isUnsure)) this.#accept(now);
    else if (isCurrent && attempt !== this.settings.maxAttempts && isPassing(came)) {
      if (mayHaveBegun(came)) this.#maybeBegun++;
      if (this.#maybeBegun === 3) this.#end("failed", now, "delivery");
      else this.#retry(status, asked, now, nextAttemptAt);
    } else if (isCurrent) this.#end("failed", now, "delivery");
  }

  #retry(status: number | null, asked: number | null, now: number, nextAttemptAt: number | null): void {
    const soonest = now + Math.min(asked ?? 0, 3_600_000);
    const { initialDelayMs, maxAttempts } = this.settings;
    const longest = maxAttempts === null ? Math.max(60_000, initialDelayMs) : 3_600_000;
    const pauseMs = Math.min(initialDelayMs * 2 ** (this.attempts - 1), longest);
    const latest = Math.max(soonest, now + pauseMs);
    const lastAt = this.#dispatchesUntil - 1000;
    if (nextAttemptAt === null) {
      // Given up, which it may be only where the wait could have led past the time for attempts.
      expect(latest).toBeGreaterThanOrEqual(this.#dispatchesUntil);
      if (maxAttempts === null) expect(Math.max(soonest, now + 1000)).toBeGreaterThan(lastAt);
      this.#end("failed", now, "delivery");
      return;
    }
    // The last attempt may come sooner.
    const isLast = maxAttempts === null && nextAttemptAt === lastAt;
    expect(nextAttemptAt).toBeGreaterThanOrEqual(isLast ? soonest : Math.max(soonest, now + Math.floor(pauseMs / 2)));
    expect(nextAttemptAt).toBeLessThanOrEqual(latest);
    expect(nextAttemptAt).toBeLessThan(this.#dispatchesUntil);
    this.#isUnsure ||= status === null || status === 500 || status === 502 || status === 504;
    this.nextAt = nextAttemptAt;
    this.lostAt = null;
  }

  #accept(now: number): void {
    this.isDispatching = false;
    this.#heardAt = now;
    if (this.settings.startOn === "accepted") this.#start(now);
  }

  #start(now: number): void {
    if (this.status !== "pending") return;
    this.status = "running";
    this.startedAt = now;
    this.isDispatching = false;
  }

  #end(status: "succeeded" | "failed" | "cancelled", at: number, cause: Cause): void {
    this.status = status;
    this.completedAt = at;
    this.cause = cause;
    this.isDispatching = false;
  }
}

function mayHaveBegun(came: Came): boolean {
  return came === "no response" || came === 500 || came === 504;
}

function isPassing(came: Came): boolean {
  return came === "no response" || (typeof came === "number" && (came >= 500 || [408, 425, 429].includes(came)));
}
