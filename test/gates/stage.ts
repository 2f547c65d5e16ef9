/**
 * One real coordinator, and all that is around it in the hands of a test: the clock, the alarm, the receiver's answers,
 * evictions, and writes that fail. The clock is years ahead, so that the platform itself rings no alarm.
 */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { vi } from "vitest";
import type { RunCoordinator } from "../../src/runs/coordinator/coordinator.ts";
import type { AttemptResult } from "../../src/webhooks/delivery.ts";
import type { Attempt } from "../../src/webhooks/request/sealed-request.ts";
import { coordinator, mint, writeFirst } from "../support/direct.ts";
import { newRunsPath } from "../support/requests.ts";
import { sqlStorage } from "../support/sql-storage.ts";
import { sendWith } from "../webhooks/sender.ts";

/** An attempt that has left and has no answer yet. */
export interface UnderWay {
  readonly runId: string;
  readonly attempt: number;
  readonly leftAt: number;
  answer(status: number | null): void;
}

/** How the receiver answers each stop request. */
const STOPPED = { status: 200, durationMs: 1, isFinal: false, excerpt: null, retryAfter: null, reason: "" };

/** How many microtasks pass between an answer and what the coordinator makes of it. */
const ANSWER_TAKES = 20;
const RINGS_MAX = 60;
/** After a failure, the alarm waits so long. */
export const AFTER_FAILURE_MS = 5000;
const START = Date.UTC(2040, 0, 1);
const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-/;
const NEW_VERSION = /^\s*UPDATE runs SET version = \?/;
/** Writes that a full object, or an exception in the middle, can fail. */
const FAILING_WRITE = /^\s*(UPDATE runs SET|INSERT INTO (runs|events|deliveries)\b)/;

/** The object as it is awake now. Only for one stretch of steps. */
export interface Awake {
  readonly object: RunCoordinator;
  readonly sql: SqlStorage;
  readonly storage: DurableObjectStorage;
}

export class Stage {
  readonly path = newRunsPath();
  underWay: UnderWay[] = [];
  /** The newest attempt of each run, and those that were answered: `{run}#{attempt}`. */
  readonly newest = new Map<string, number>();
  readonly answered = new Set<string>();
  /** When writes failed that were about this run. */
  readonly failedAt = new Map<string, number[]>();
  /** How often the alarm has rung. */
  rings = 0;
  /** When a write failed while the alarm rang. */
  alarmFailedAt = Number.NEGATIVE_INFINITY;
  /** How many writes have failed. */
  lastFailure = 0;
  /** The runs that failed writes were about, since the step began. */
  lastFailed = new Set<string>();
  /** One in so many writes fails; Infinity: none does. */
  failsOneIn = Number.POSITIVE_INFINITY;
  /** Called when an attempt leaves. What it throws is kept as the violation. */
  onSent: (runId: string, attempt: number) => void = () => {};
  violation: unknown = null;
  isOpen: (runId: string) => boolean = () => true;
  random: () => number = Math.random;
  #restore: (() => void)[] = [];

  get now(): number {
    return Date.now();
  }

  async begin(): Promise<void> {
    vi.useFakeTimers({ toFake: ["Date"], now: START });
    // A seed tells the same story again.
    const random = vi.spyOn(Math, "random").mockReturnValue(0.5);
    this.#restore.push(() => random.mockRestore());
    this.#restore.push(await sendWith((attempt) => this.#send(attempt)));
    const prototype = await sqlStorage(this.path);
    const { exec } = prototype;
    const stage = this;
    prototype.exec = function watched(this: SqlStorage, query: string, ...bindings: unknown[]) {
      stage.#checkVersion(this, query, bindings, exec);
      stage.#maybeFail(query, bindings);
      return exec.call(this, query, ...bindings);
    } as SqlStorage["exec"];
    this.#restore.push(() => {
      prototype.exec = exec;
    });
    await writeFirst(this.path, 0);
    // The object that is awake has the real sender.
    await evictDurableObject(this.#stub);
  }

  async end(): Promise<void> {
    for (const restore of this.#restore.splice(0)) restore();
    vi.useRealTimers();
  }

  /** Gives steps the object that is awake. */
  async awake<T>(steps: (awake: Awake) => Promise<T>): Promise<T> {
    return runInDurableObject(this.#stub, async (object, { storage }) =>
      steps({ object, storage, sql: storage.sql }),
    );
  }

  /** What it had under way is never heard of again. */
  async evict(): Promise<void> {
    this.underWay = [];
    // Nothing evicts an object that waits for D1.
    await this.#stub.settle();
    await evictDurableObject(this.#stub);
  }

  pass(ms: number): void {
    vi.setSystemTime(Date.now() + ms);
  }

  /**
   * Rings the alarm as often as it is due. Throws if that has no end. False if a write failed, because then not all is
   * done.
   */
  async ring({ object, storage }: Awake): Promise<boolean> {
    const failures = this.lastFailure;
    for (let n = 0; n < RINGS_MAX; n++) {
      const at = await storage.getAlarm();
      if (at === null || at > Date.now()) {
        const isWhole = this.lastFailure === failures;
        if (!isWhole) this.alarmFailedAt = Date.now();
        return Date.now() >= this.alarmFailedAt + AFTER_FAILURE_MS;
      }
      await storage.deleteAlarm();
      this.rings++;
      await object.alarm();
      await this.settle();
    }
    throw new Error(`the alarm rang ${RINGS_MAX} times without an end`);
  }

  /** An id whose random part the story chooses. */
  async mint(): Promise<string> {
    const { random } = this;
    const spy = vi.spyOn(crypto, "getRandomValues").mockImplementation(((array: Uint8Array) => {
      return array.map(() => random() * 256);
    }) as typeof crypto.getRandomValues);
    try {
      return await mint(this.path, Date.now());
    } finally {
      spy.mockRestore();
    }
  }

  async settle(): Promise<void> {
    for (let n = 0; n < ANSWER_TAKES; n++) await Promise.resolve();
  }

  get #stub() {
    return coordinator(this.path, 0);
  }

  #send({ runId, attempt, stopRequest }: Attempt): Promise<AttemptResult> {
    if (stopRequest !== undefined) return Promise.resolve(STOPPED);
    const { promise, resolve, reject } = Promise.withResolvers<AttemptResult>();
    const rest = { durationMs: 1, isFinal: false, excerpt: null, retryAfter: null };
    const self: UnderWay = {
      ...{ runId, attempt, leftAt: Date.now() },
      answer: (status) => {
        this.underWay = this.underWay.filter((other) => other !== self);
        // Nobody knows whether a request arrived whose invocation died. While its run is open, its lease decides.
        if (status !== null || !this.isOpen(runId)) this.answered.add(`${runId}#${attempt}`);
        if (status === null) reject(new Error("the invocation died"));
        else resolve({ ...rest, status, reason: `answered ${status}` });
      },
    };
    try {
      this.onSent(runId, attempt);
    } catch (error) {
      this.violation ??= error;
    }
    this.newest.set(runId, attempt);
    this.answered.delete(`${runId}#${attempt}`);
    this.underWay.push(self);
    return promise;
  }

  /** Each version is one more than the one that the journal has. */
  #checkVersion(
    sql: SqlStorage,
    query: string,
    bindings: readonly unknown[],
    exec: SqlStorage["exec"],
  ): void {
    if (!NEW_VERSION.test(query)) return;
    const [version] = bindings;
    const id = bindings.at(-1);
    const [row] = exec.call(sql, "SELECT version FROM runs WHERE id = ?", id);
    if (Number(row?.version) + 1 !== version) {
      this.violation ??= new Error(`${id} goes from version ${row?.version} to ${version}`);
    }
  }

  #maybeFail(query: string, bindings: readonly unknown[]): void {
    if (this.failsOneIn === Number.POSITIVE_INFINITY) return;
    if (!FAILING_WRITE.test(query) || this.random() * this.failsOneIn >= 1) return;
    this.lastFailure++;
    for (const binding of bindings) {
      if (typeof binding === "string" && RUN_ID.test(binding)) {
        this.failedAt.set(binding, [...(this.failedAt.get(binding) ?? []), Date.now()]);
        this.lastFailed.add(binding);
      }
    }
    throw new Error("database or disk is full");
  }
}
