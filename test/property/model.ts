/**
 * What a caller may expect of an environment's runs, in the plainest terms: one map, no versions in flight, no
 * database. Written from the rules for callers and not from the code, so that it can disagree with it.
 */

import type { ActionRun, CreatedRun } from "../support/requests.ts";

const GRACE_MS = 24 * 3_600_000;

export interface NewRunBody {
  readonly actionName: string;
  readonly timeout: number;
}

export type ReportBody =
  | { readonly status: "succeeded"; readonly output?: Record<string, unknown> }
  | { readonly status: "failed"; readonly error: string; readonly output?: Record<string, unknown> };

export interface Expected {
  readonly status: number;
  readonly code?: string;
  readonly run?: ActionRun;
  readonly replayed: boolean;
}

export class ModelRun {
  /** How often the run has changed, its creation included. */
  version = 1;
  /** What brought about the last change: asked again, it is told again. */
  #doneBy: string | null = null;
  /** Every state the run has been in: what a read without a bookmark may still see. */
  readonly #states: string[] = [];
  /** Of the last answer about this run: with it a caller reads its own writes. */
  bookmark: string | null = null;
  lastReport: { readonly body: ReportBody; readonly key: string | null } | null = null;
  #run: ActionRun;

  constructor(
    readonly created: CreatedRun,
    readonly body: NewRunBody,
  ) {
    const { callback: _, ...run } = created;
    this.#run = run;
    this.#states.push(JSON.stringify(run));
  }

  get id(): string {
    return this.created.id;
  }

  get deadlineAt(): number {
    return Date.parse(this.created.createdAt) + this.body.timeout * 60_000;
  }

  /** The run as anyone must be told of it at `now`. */
  at(now: number): ActionRun {
    if (this.#isOpen() && now >= this.deadlineAt) {
      const completedAt = new Date(this.deadlineAt).toISOString();
      const error = `[timeout] No result was reported by ${completedAt}.`;
      this.#become({ status: "failed", completedAt, error }, null);
    }
    return this.#run;
  }

  hasBeen(run: ActionRun): boolean {
    return this.#states.includes(JSON.stringify(run));
  }

  start(key: string | null, now: number): Expected {
    const did = `start ${key}`;
    const run = this.at(now);
    if (this.#isRepeated(key, did)) return { status: 200, run, replayed: true };
    if (run.status !== "pending") return this.#conflict();
    return this.#become({ status: "running", startedAt: new Date(now).toISOString() }, did);
  }

  cancel(key: string | null, now: number): Expected {
    const did = `cancel ${key}`;
    const run = this.at(now);
    if (this.#isRepeated(key, did)) return { status: 200, run, replayed: true };
    if (run.status !== "pending") return this.#conflict();
    return this.#become({ status: "cancelled", completedAt: new Date(now).toISOString() }, did);
  }

  report(body: ReportBody, key: string | null, now: number): Expected {
    const did = `report ${key} ${JSON.stringify(body)}`;
    const isLate = now >= this.deadlineAt;
    if (now < this.deadlineAt + GRACE_MS && this.#isRepeated(key, did)) {
      return { status: 200, run: this.at(now), replayed: true };
    }
    if (isLate) return { status: 401, code: "token_expired", replayed: false };
    if (!this.#isOpen()) return this.#conflict();
    const completedAt = new Date(now).toISOString();
    const startedAt = this.#run.startedAt ?? completedAt;
    return this.#become({ error: null, output: null, ...body, startedAt, completedAt }, did);
  }

  #isOpen(): boolean {
    return this.#run.status === "pending" || this.#run.status === "running";
  }

  #isRepeated(key: string | null, did: string): boolean {
    return key !== null && this.#doneBy === did;
  }

  #become(change: Partial<ActionRun>, did: string | null): Expected {
    // Spread first: the order of the twelve fields is the reference's, whatever changed.
    this.#run = { ...this.#run, ...change };
    this.#states.push(JSON.stringify(this.#run));
    this.version++;
    this.#doneBy = did;
    return { status: 200, run: this.#run, replayed: false };
  }

  #conflict(): Expected {
    const timedOut = this.#run.error?.startsWith("[timeout] ") ?? false;
    return { status: 409, code: timedOut ? "run_timed_out" : `run_${this.#run.status}`, replayed: false };
  }
}

export class Model {
  readonly runs: ModelRun[] = [];
  readonly #byKey = new Map<string, ModelRun>();

  constructor(readonly path: string) {}

  /** What creating must answer, or null where it must make a new run. */
  create(key: string | null, body: NewRunBody, now: number): (Expected & { readonly of: ModelRun }) | null {
    const of = key === null ? undefined : this.#byKey.get(key);
    if (of === undefined) return null;
    if (JSON.stringify(of.body) !== JSON.stringify(body)) {
      return { status: 422, code: "idempotency_key_reused", replayed: false, of };
    }
    return { status: 201, run: of.at(now), replayed: true, of };
  }

  add(run: ModelRun, key: string | null): void {
    this.runs.push(run);
    if (key !== null) this.#byKey.set(key, run);
  }

  newestFirst(now: number): ActionRun[] {
    return this.runs.map((run) => run.at(now)).sort((a, b) => (a.id < b.id ? 1 : -1));
  }
}
