/**
 * What a caller may expect of an environment's runs, in the plainest terms: each run with all its states, and which of
 * them lists must show. Written from the rules for callers and not from the code, so that it can disagree with it.
 */

import type { ActionRun, Beaten, CreatedRun, Schemas } from "../support/requests.ts";

const GRACE_MS = 24 * 3_600_000;

export interface NewRunBody {
  readonly actionName: string;
  readonly timeout: number;
  readonly labels?: readonly string[];
  readonly entityId?: string;
}

export type ReportBody =
  | { readonly status: "succeeded"; readonly output?: Record<string, unknown> }
  | { readonly status: "failed"; readonly error: string; readonly output?: Record<string, unknown> };

export interface StopBody {
  readonly reason?: string;
  readonly graceSeconds?: number;
}

export interface RetryBody {
  readonly parameters?: Record<string, unknown>;
}

/** What the details of a run without gates say of them. */
const NO_GATES = { via: null, agent: null, waiting: null, approval: null, delivery: null };

export type Details = Schemas["ActionRunDetails"];
export type DetailedRun = ActionRun & { readonly details: Details };

/** What a new run is made of. */
export interface Inputs {
  readonly actionName: string;
  readonly parameters: Record<string, unknown>;
  /** In minutes. */
  readonly timeout: number;
  readonly labels: readonly string[];
  readonly entityId: string | null;
  readonly retryOf: string | null;
}

export interface Expected {
  readonly status: number;
  readonly code?: string;
  readonly run?: DetailedRun;
  readonly replayed: boolean;
}

/** The run that a key made before, and what repeating its request must answer. */
export type Recalled = Expected & { readonly of: ModelRun };

export interface ExpectedBeat {
  readonly status: number;
  readonly code?: string;
  /** Who reads the run is not modelled. */
  readonly body?: Omit<Beaten, "watched">;
}

/** The run as it is shown to those who don't ask for details. */
export function plain({ details: _, ...run }: DetailedRun): ActionRun {
  return run;
}

const instant = (ms: number) => new Date(ms).toISOString();

export class ModelRun {
  /** What brought about the last change: asked again, it is told again. */
  #doneBy: string | null = null;
  /** Each accepted request to stop by its key. It is told again whatever has happened since. */
  readonly #stoppedBy = new Map<string, { readonly did: string; readonly status: number }>();
  /** Every state the run has been in, as a list shows it. The first is version 1. */
  readonly #states: DetailedRun[] = [];
  #heartbeat: Details["heartbeat"] = null;
  /** The latest instant at which anything of the run happened. Clocks step back, and the run's instants do not. */
  #latest: number;
  /** An answer has told of this version. Every list that is sent from then on shows it or a newer one. */
  told = 0;
  /** D1 has at least this version. */
  replicated = 0;
  readonly stops: { readonly body: StopBody; readonly key: string | null }[] = [];
  lastReport: { readonly body: ReportBody; readonly key: string | null } | null = null;
  #run: DetailedRun;

  constructor(
    readonly created: CreatedRun,
    readonly inputs: Inputs,
  ) {
    const { callback: _, ...run } = created;
    const { labels, retryOf } = inputs;
    const none = { traceparent: null, externalUrl: null, heartbeat: null, cancel: null, ...NO_GATES };
    this.#run = {
      ...run,
      details: {
        source: "none",
        action: null,
        title: null,
        subject: null,
        retryOf,
        bulkOperationId: null,
        schedule: null,
        labels: [...labels],
        ...none,
        retry: null,
      },
    };
    this.#states.push(this.#run);
    this.#latest = Date.parse(run.createdAt);
  }

  get id(): string {
    return this.created.id;
  }

  /** How often the run has changed, its creation included. */
  get version(): number {
    return this.#states.length;
  }

  get deadlineAt(): number {
    return Date.parse(this.created.createdAt) + this.inputs.timeout * 60_000;
  }

  /** The run as anyone must be told of it at `now`. */
  at(now: number): DetailedRun {
    const endsAt = Math.min(this.deadlineAt, this.#until ?? this.deadlineAt);
    if (this.#isOpen && now >= endsAt) {
      const completedAt = instant(endsAt);
      const error = `[timeout] No result was reported by ${completedAt}.`;
      if (this.#until === null) this.#become({ status: "failed", completedAt, error }, null);
      else this.#become({ status: "cancelled", completedAt }, null);
    }
    return { ...this.#run, details: { ...this.#run.details, heartbeat: this.#heartbeat } };
  }

  isOpenAt(now: number): boolean {
    this.at(now);
    return this.#isOpen;
  }

  /**
   * The first version, from `least` on, that looks like this; null if there is none. Only some requests show details.
   */
  versionFrom(least: number, shown: ActionRun | DetailedRun): number | null {
    const text = JSON.stringify(shown);
    const at = this.statesFrom(least).findIndex(
      (state) => state !== undefined && JSON.stringify("details" in shown ? state : plain(state)) === text,
    );
    return at === -1 ? null : least + at;
  }

  /** What D1 may show, from version `least` on; `undefined` stands for a run that D1 does not have yet. */
  statesFrom(least: number): (DetailedRun | undefined)[] {
    return [undefined, ...this.#states].slice(least);
  }

  start(key: string | null, now: number): Expected {
    const did = `start ${key}`;
    const run = this.at(now);
    if (this.#isRepeated(key, did)) return { status: 200, run, replayed: true };
    if (run.status !== "pending") return this.#conflict();
    return this.#become({ status: "running", startedAt: this.#instant(now) }, did);
  }

  /** DELETE, which takes only a pending run. */
  cancel(key: string | null, now: number): Expected {
    const did = `cancel ${key}`;
    const run = this.at(now);
    if (this.#isRepeated(key, did)) return { status: 200, run, replayed: true };
    if (key !== null && this.#stoppedBy.has(key)) {
      return { status: 422, code: "idempotency_key_reused", replayed: false };
    }
    if (run.status !== "pending") return this.#conflict();
    return this.#become({ status: "cancelled", completedAt: this.#instant(now) }, did);
  }

  /** A cancel that gives a running job some time. */
  stop({ reason, graceSeconds = 60 }: StopBody, key: string | null, now: number): Expected {
    const did = `stop ${key} ${graceSeconds} ${reason}`;
    const run = this.at(now);
    const known = key === null ? undefined : this.#stoppedBy.get(key);
    if (known?.did === did) return { status: known.status, run, replayed: true };
    if (known !== undefined || this.#isRepeated(key, `cancel ${key}`)) {
      return { status: 422, code: "idempotency_key_reused", replayed: false };
    }
    if (!this.#isOpen) return this.#conflict();
    const grace = run.status === "pending" ? 0 : graceSeconds * 1000;
    const requestedAt = Math.max(now, this.#latest);
    const until = Math.min(requestedAt + grace, this.deadlineAt);
    if (key !== null) this.#stoppedBy.set(key, { did, status: grace === 0 ? 200 : 202 });
    // The request that ends the run sooner counts.
    if (this.#until !== null && this.#until <= until) return { status: 202, run, replayed: false };
    const cancel = { by: "root", reason: reason ?? null, requestedAt: this.#instant(now), until: instant(until) };
    const end = grace === 0 ? { status: "cancelled" as const, completedAt: this.#instant(now) } : {};
    const details = { ...this.#run.details, cancel };
    return { ...this.#become({ ...end, details }, did), status: grace === 0 ? 200 : 202 };
  }

  report(body: ReportBody, key: string | null, now: number): Expected {
    const did = `report ${key} ${JSON.stringify(body)}`;
    const isLate = now >= this.deadlineAt;
    if (now < this.deadlineAt + GRACE_MS && this.#isRepeated(key, did)) {
      return { status: 200, run: this.at(now), replayed: true };
    }
    if (isLate) return { status: 401, code: "token_expired", replayed: false };
    if (!this.isOpenAt(now)) return this.#conflict();
    const completedAt = this.#instant(now);
    const startedAt = this.#run.startedAt ?? completedAt;
    // A job that was asked to stop, and failed, did as it was asked.
    const status = body.status === "failed" && this.#until !== null ? "cancelled" : body.status;
    return this.#become({ error: null, output: null, ...body, status, startedAt, completedAt }, did);
  }

  /** A heartbeat without news. The first starts the run. */
  beat(now: number): ExpectedBeat {
    if (now >= this.deadlineAt) return { status: 401, code: "token_expired" };
    const { status } = this.at(now);
    const { code } = this.#conflict();
    if (!this.#isOpen && code !== undefined) return { status: 409, code };
    const at = this.#instant(now);
    this.#heartbeat ??= { at, message: null, progress: null, tail: null };
    if (status === "pending") this.#become({ status: "running", startedAt: at }, null);
    const { cancel } = this.#run.details;
    const told = cancel && {
      reason: cancel.reason,
      requestedAt: cancel.requestedAt,
      until: cancel.until,
      remainingMs: Date.parse(cancel.until) - now,
    };
    return { status: 200, body: { status: "running", deadlineAt: instant(this.deadlineAt), cancel: told } };
  }

  #instant(now: number): string {
    this.#latest = Math.max(this.#latest, now);
    return instant(this.#latest);
  }

  get #isOpen(): boolean {
    return this.#run.status === "pending" || this.#run.status === "running";
  }

  /** When a run that was asked to stop ends at the latest; null if nobody asked. */
  get #until(): number | null {
    const { cancel } = this.#run.details;
    return cancel === null ? null : Date.parse(cancel.until);
  }

  #isRepeated(key: string | null, did: string): boolean {
    return key !== null && this.#doneBy === did;
  }

  #become(change: Partial<DetailedRun>, did: string | null): Expected {
    // Spread first: the order of the twelve fields is the reference's, whatever changed.
    this.#run = { ...this.#run, ...change };
    this.#states.push(this.#run);
    this.#doneBy = did;
    const details = { ...this.#run.details, heartbeat: this.#heartbeat };
    return { status: 200, run: { ...this.#run, details }, replayed: false };
  }

  #conflict(): Expected {
    const timedOut = this.#run.error?.startsWith("[timeout] ") ?? false;
    return { status: 409, code: timedOut ? "run_timed_out" : `run_${this.#run.status}`, replayed: false };
  }
}

export class Model {
  runs: ModelRun[] = [];
  /** The run that a key made, and the request that the key came with. */
  readonly #byKey = new Map<string, { readonly of: ModelRun; readonly asked: string }>();
  /** Whether D1 may not be rebuilt yet. Lists can then be stale. */
  isRebuilt = false;
  /** Whether the environment was ever resynced, or lost runs. Cursors of the feed can then be gone. */
  canLackCursors = false;
  /** The ends of runs that are purged, if they were counted. */
  readonly purged: Record<string, number> = {};
  /** Whether somebody has asked for counts. Only what ends later, or is kept then, is counted. */
  isCounted = false;
  /** Whether a move has begun. */
  moves = false;
  /** How often all runs were read. */
  reads = 0;

  constructor(readonly path: string) {}

  /**
   * What a create or a retry must answer because its key made a run before; null if the key is new. `asked`: all of the
   * request.
   */
  recall(key: string | null, asked: string, now: number): Recalled | null {
    const made = key === null ? undefined : this.#byKey.get(key);
    if (made === undefined) return null;
    const { of } = made;
    if (made.asked !== asked) return { status: 422, code: "idempotency_key_reused", replayed: false, of };
    return { status: 201, run: of.at(now), replayed: true, of };
  }

  add(run: ModelRun, key: string | null, asked: string): void {
    this.runs.push(run);
    if (key !== null) this.#byKey.set(key, { of: run, asked });
  }

  /** All runs are purged, and their keys are free. */
  forget(now: number): void {
    for (const run of this.isCounted ? this.runs : []) {
      const { status } = run.at(now);
      this.purged[status] = (this.purged[status] ?? 0) + 1;
    }
    this.runs = [];
    this.#byKey.clear();
    this.canLackCursors = true;
  }

  newestFirst(now: number): DetailedRun[] {
    return this.runs.map((run) => run.at(now)).sort((a, b) => (a.id < b.id ? 1 : -1));
  }
}
