/**
 * What a caller may expect of an environment's runs, in the plainest terms: each run with all its states, and how much of it
 * lists must show. Written from the rules for callers and not from the code, so that it can disagree with it.
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
  /** What brought about the last change: asked again, it is told again. */
  #doneBy: string | null = null;
  /** Every state the run has been in. The first is version 1. */
  readonly #states: ActionRun[] = [];
  /** A list has shown that D1 has at least this version; 0 if no list has shown the run. */
  landed = 0;
  lastReport: { readonly body: ReportBody; readonly key: string | null } | null = null;
  #run: ActionRun;

  constructor(
    readonly created: CreatedRun,
    readonly body: NewRunBody,
  ) {
    const { callback: _, ...run } = created;
    this.#run = run;
    this.#states.push(run);
  }

  get id(): string {
    return this.created.id;
  }

  /** The three hex digits of the id that name the coordinator. */
  get coordinator(): string {
    return this.id.slice(15, 18);
  }

  /** How often the run has changed, its creation included. */
  get version(): number {
    return this.#states.length;
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

  /** The version that looks like this; 0 if none ever did. */
  versionOf(run: ActionRun): number {
    const text = JSON.stringify(run);
    return this.#states.findIndex((state) => JSON.stringify(state) === text) + 1;
  }

  /** What D1 may show, from version `least` on; `undefined` stands for a run that D1 does not have yet. */
  statesFrom(least: number): (ActionRun | undefined)[] {
    return [undefined, ...this.#states].slice(least);
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
    this.#states.push(this.#run);
    this.#doneBy = did;
    return { status: 200, run: this.#run, replayed: false };
  }

  #conflict(): Expected {
    const timedOut = this.#run.error?.startsWith("[timeout] ") ?? false;
    return { status: 409, code: timedOut ? "run_timed_out" : `run_${this.#run.status}`, replayed: false };
  }
}

/** What a bookmark stands for: at least this version of each run. */
export type Seen = ReadonlyMap<ModelRun, number>;

export function union(...all: readonly Seen[]): Seen {
  const merged = new Map<ModelRun, number>();
  for (const seen of all) {
    for (const [run, version] of seen) merged.set(run, Math.max(version, merged.get(run) ?? 0));
  }
  return merged;
}

/** How long an isolate remembers the changes that went through it. */
const REMEMBERED_MS = 5000;

export class Model {
  readonly runs: ModelRun[] = [];
  readonly #byKey = new Map<string, ModelRun>();
  #changes: { readonly at: number; readonly seen: Seen }[] = [];
  /** Whether D1 has worked since the model began, or since everything was seen to have landed. */
  isCalm = true;

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

  /** A change of this run has gone through the isolate. */
  changed(run: ModelRun, now: number): void {
    this.#changes.push({ at: now, seen: new Map([[run, run.version]]) });
  }

  /** What a list without a bookmark must show. */
  remembered(now: number): Seen {
    this.#changes = this.#changes.filter(({ at }) => now - at < REMEMBERED_MS);
    return union(...this.#changes.map(({ seen }) => seen));
  }

  newestFirst(now: number): ActionRun[] {
    return this.runs.map((run) => run.at(now)).sort((a, b) => (a.id < b.id ? 1 : -1));
  }
}
