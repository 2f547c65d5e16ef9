/**
 * One real coordinator, and all that is around it in the hands of a test: the clock, the alarm, the receiver's answers,
 * restarts, and writes that fail. The clock is years ahead, so that the platform itself rings no alarm.
 */

import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, it, vi } from "vitest";
import { type Coordinator, coordinatorOf } from "../../src/runs/protocol.ts";
import { type AttemptResult, LEASE_MS } from "../../src/webhooks/dispatch.ts";
import type { Attempt } from "../../src/webhooks/webhook-request.ts";

import { coordinator, hurryTimers, newIdIn, restart, sqlStorage, writeFirst } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { replicatedIn } from "../support/replicated.ts";
import { newRunsPath } from "../support/requests.ts";
import { sendWith } from "../webhooks/stand-in-sender.ts";

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
const ANSWER_TAKES = 40;
const RINGS_MAX = 60;
/** Of the answers that a story has, those after which a job may be at work. */
const MAYBE_BEGUN = new Set([200, 202, 500]);
/** After a failure, the alarm waits so long. */
export const AFTER_FAILURE_MS = 5000;
const START = Date.UTC(2040, 0, 1);
const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-/;
const NEW_VERSION = /^\s*UPDATE runs SET version = \?/;

/** The object as it is awake now. Only for the steps up to the next restart. `object`: its calls. */
export interface Awake {
  readonly object: Coordinator;
  readonly alarm: () => Promise<void>;
  readonly sql: SqlStorage;
  readonly storage: DurableObjectStorage;
  /** Ends the object at once. */
  kill(): void;
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
  /** Whether a write has failed since then that names no run, and that follows no write which does. */
  hasFailedForAll = false;
  /** The runs whose job may be at work, because nobody knows that each of their attempts was refused. */
  readonly mayHaveJob = new Set<string>();
  /** The runs whose attempts were refused, but the coordinator heard of it too late. */
  readonly unheard = new Set<string>();
  /** The runs whose stop request was sent. */
  readonly stopped = new Set<string>();
  /** The runs that the last write named. Metadata that is written next is about them. */
  #lastNamed: readonly string[] = [];
  /** Which writes fail, as those of a full object can. */
  failing = /^/;
  /** One in so many of them fails; Infinity: none does. */
  failsOneIn = Number.POSITIVE_INFINITY;
  /** Called before each statement that the journal executes. What it throws is what the statement throws. */
  onSql: (query: string) => void = () => {};
  /** Called when an attempt leaves. What it throws is kept as the violation. */
  onSent: (runId: string, attempt: number) => void = () => {};
  violation: unknown = null;
  isOpen: (runId: string) => boolean = () => true;
  random: () => number = Math.random;
  /** Tokens that were revoked. */
  readonly revoked = new Set<string>();
  /** How D1 answers what the coordinator asks about tokens. `held`: not before it has another way. */
  d1: "up" | "down" | "held" = "up";
  /** How often it did not answer, or not at once. */
  d1Failures = 0;
  #questions: (() => void)[] = [];
  #restore: (() => void)[] = [];

  get now(): number {
    return Date.now();
  }

  async begin(): Promise<void> {
    vi.useFakeTimers({ toFake: ["Date"], now: START });
    // A seed tells the same story again.
    const random = vi.spyOn(Math, "random").mockReturnValue(0.5);
    this.#restore.push(() => random.mockRestore());
    // Only the interval between two batches is as long.
    hurryTimers(500, 2000);
    const hurried = vi.mocked(globalThis.setTimeout);
    this.#restore.push(() => hurried.mockRestore());
    this.#restore.push(await sendWith((attempt) => this.#send(attempt)));
    const prototype = await sqlStorage(this.path);
    const { exec } = prototype;
    const stage = this;
    prototype.exec = function direct(this: SqlStorage, query: string, ...bindings: unknown[]) {
      stage.#checkVersion(this, query, bindings, exec);
      stage.#maybeFail(query, bindings);
      stage.onSql(query);
      return exec.call(this, query, ...bindings);
    } as SqlStorage["exec"];
    this.#restore.push(() => {
      prototype.exec = exec;
    });
    await writeFirst(this.path);
    faults.revoked = (ids) => this.#ask(ids);
    this.#restore.push(() => {
      faults.revoked = null;
    });
    // The object that is awake has the real sender.
    await restart(this.path);
  }

  async end(): Promise<void> {
    for (const restore of this.#restore.splice(0)) restore();
    vi.useRealTimers();
  }

  /** Forgets which writes have failed, because another step begins. */
  beginStep(): void {
    this.lastFailed.clear();
    this.hasFailedForAll = false;
    this.#lastNamed = [];
  }

  /** Gives steps the object that is awake. */
  async awake<T>(steps: (awake: Awake) => Promise<T>): Promise<T> {
    return runInDurableObject(this.#stub, async (object, state) => {
      const { storage } = state;
      const kill = () => {
        this.underWay = [];
        this.#questions = [];
        state.abort("killed");
      };
      const alarm = () => object.alarm();
      return steps({ object: coordinatorOf(object), alarm, storage, sql: storage.sql, kill });
    });
  }

  /** What it had under way is never heard of again. */
  async restart(): Promise<void> {
    for (const { runId } of this.underWay) this.mayHaveJob.add(runId);
    this.underWay = [];
    this.#questions = [];
    await restart(this.path);
  }

  pass(ms: number): void {
    vi.setSystemTime(Date.now() + ms);
  }

  /**
   * Rings the alarm as often as it is due, and with `isEarly` once before it is. Throws if that has no end. False if a
   * write failed, because then not all is done.
   */
  async ring({ alarm, storage }: Awake, isEarly = false): Promise<boolean> {
    const failures = this.lastFailure;
    for (let n = 0; n < RINGS_MAX; n++) {
      const at = await storage.getAlarm();
      if (at === null || (at > Date.now() && !(isEarly && n === 0))) {
        const isWhole = this.lastFailure === failures;
        if (!isWhole) this.alarmFailedAt = Date.now();
        return Date.now() >= this.alarmFailedAt + AFTER_FAILURE_MS;
      }
      await storage.deleteAlarm();
      this.rings++;
      await alarm();
      await this.settle();
    }
    throw new Error(`the alarm rang ${RINGS_MAX} times without an end`);
  }

  /** Lets so much time pass, and then rings the alarm as often as it is due. */
  async ringAfter(ms: number, awake: Awake): Promise<void> {
    this.pass(ms);
    await this.ring(awake);
  }

  /** All is replicated, and the alarm has noted it. So the next version must set the retry. */
  async replicate(awake: Awake): Promise<void> {
    for (let n = 0; n < 2; n++) {
      await replicatedIn(awake.object);
      this.pass(AFTER_FAILURE_MS + 1000);
      await this.ring(awake, true);
    }
    const [retry] = awake.sql.exec("SELECT 1 FROM metadata WHERE name = 'replication_retry_at'");
    if (retry !== undefined) throw new Error("the retry of replication is still set");
  }

  /** An id whose random part the story chooses. */
  async newId(): Promise<string> {
    const { random } = this;
    const spy = vi.spyOn(crypto, "getRandomValues").mockImplementation(((array: Uint8Array) => {
      return array.map(() => random() * 256);
    }) as typeof crypto.getRandomValues);
    try {
      return await newIdIn(this.path, Date.now());
    } finally {
      spy.mockRestore();
    }
  }

  async settle(): Promise<void> {
    for (let n = 0; n < ANSWER_TAKES; n++) await Promise.resolve();
  }

  /** Whether D1 has been asked about tokens and has not answered yet. */
  get isAsking(): boolean {
    return this.#questions.length > 0;
  }

  /** D1 answers what it was asked. */
  answerQuestions(): void {
    for (const answer of this.#questions.splice(0)) answer();
  }

  /** The result of a call that may ask D1 first. */
  async whenAnswered<T>(call: Promise<T>): Promise<T> {
    await this.settle();
    this.answerQuestions();
    return call;
  }

  /** It knows what was revoked when it answers. */
  async #ask(ids: readonly string[]): Promise<readonly string[]> {
    if (this.d1 === "held") {
      // On a slow machine, the coordinator may not wait for the answer.
      this.d1Failures++;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#questions.push(resolve);
      await promise;
    }
    if (this.d1 === "down") {
      this.d1Failures++;
      throw new Error("D1_ERROR: Network connection lost.");
    }
    return ids.filter((id) => this.revoked.has(id));
  }

  get #stub() {
    return coordinator(this.path);
  }

  #send({ runId, attempt, stopRequest }: Attempt): Promise<AttemptResult> {
    if (stopRequest !== undefined) {
      this.stopped.add(runId);
      return Promise.resolve(STOPPED);
    }
    const { promise, resolve, reject } = Promise.withResolvers<AttemptResult>();
    const rest = { durationMs: 1, isFinal: false, excerpt: null, retryAfter: null };
    const self: UnderWay = {
      runId,
      attempt,
      leftAt: Date.now(),
      answer: (status) => {
        this.underWay = this.underWay.filter((other) => other !== self);
        // Nobody knows whether a request arrived whose invocation died. While its run is open, its lease decides.
        if (status !== null || !this.isOpen(runId)) this.answered.add(`${runId}#${attempt}`);
        const isLate = Date.now() >= self.leftAt + LEASE_MS;
        if (status === null || MAYBE_BEGUN.has(status)) this.mayHaveJob.add(runId);
        else if (isLate) this.unheard.add(runId);
        if (status === null) reject(new Error("the invocation died"));
        else resolve({ ...rest, status, reason: `answered ${status}` });
      },
    };
    try {
      this.onSent(runId, attempt);
    } catch (error) {
      this.violation ??= error;
    }
    const before = this.newest.get(runId);
    if (before !== undefined && !this.answered.has(`${runId}#${before}`)) this.mayHaveJob.add(runId);
    this.newest.set(runId, attempt);
    this.answered.delete(`${runId}#${attempt}`);
    this.underWay.push(self);
    return promise;
  }

  /** Each version is one more than the one that the journal has. */
  #checkVersion(sql: SqlStorage, query: string, bindings: readonly unknown[], exec: SqlStorage["exec"]): void {
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
    if (!/^\s*(INSERT|UPDATE|DELETE)\b/.test(query)) return;
    const ids = bindings.filter((binding) => typeof binding === "string" && RUN_ID.test(binding)) as string[];
    if (ids.length > 0) this.#lastNamed = ids;
    if (!this.failing.test(query) || this.random() * this.failsOneIn >= 1) return;
    this.lastFailure++;
    this.hasFailedForAll ||= this.#lastNamed.length === 0;
    for (const id of this.#lastNamed) {
      this.failedAt.set(id, [...(this.failedAt.get(id) ?? []), Date.now()]);
      this.lastFailed.add(id);
    }
    throw new Error("database or disk is full");
  }
}

/** The stage of the test that runs. */
export let stage: Stage;

/** Begins a stage before each test. Call it once in a file. */
export function useStage(): void {
  beforeEach(async () => {
    stage = new Stage();
    await stage.begin();
  });
  afterEach(() => stage.end());
}

/** A test that takes all its steps in one object. */
export function itAwake(name: string, steps: (awake: Awake) => Promise<void>): void {
  it(name, () => stage.awake(steps));
}
