/** What a story knows of its coordinator: what the journal has, and what the story itself did. It checks nothing. */

import { isOpen, isQueued, queueNameOf, type Row, readRows } from "../rows.ts";
import type { Stage } from "../stage.ts";

/** A queued run whose release failed is deferred so long. */
const DEFERRED_MS = 10_000;
/**
 * A run that could not be processed a few times is tried again after so long at most. With many failures, the wait
 * grows.
 */
const BACKOFF_MS = 12 * DEFERRED_MS;
const BACKOFF_DOUBLED_MAX = 9;

/** `from`: null if it holds since it was put. `id`: the same if another PUT with its reason replaces it while it lives. */
interface KnownPause {
  readonly id: number;
  readonly group: string;
  readonly from: number | null;
  readonly reason: string;
  readonly until: number | null;
}

/** What an invariant throws that does not hold. */
export class Violation extends Error {}

export function fail(message: string): never {
  throw new Violation(message);
}

export function keyOf({ group, from }: Pick<KnownPause, "group" | "from">): string {
  return `${group} ${from ?? ""}`;
}

export class Known {
  readonly stage: Stage;
  readonly rows = new Map<string, Row>();
  /** By group and `from`. */
  readonly pauses = new Map<string, KnownPause>();
  /** The ids of the pauses through which a run was released. */
  readonly passed = new Map<string, ReadonlySet<number>>();
  #pauses = 0;
  /** Runs whose time gate somebody opened. */
  readonly opened = new Set<string>();
  /** Whether nothing has happened since the alarm that only the next alarm notices. */
  isCalm = false;
  /** Whether the alarm must be set for what comes next. */
  isArmed = true;
  /** Whether it must ring at once. */
  mustRing = false;
  /** The run about which the step's call has failed. Null: no call has. */
  refused: string | null = null;
  /** The run that the step cancels, and how long its job has to stop. Null: the step cancels none. */
  cancelling: { readonly id: string; readonly graceMs: number } | null = null;
  /** The runs that were cancelled before their job has started, and until when that job has time to stop. */
  readonly graces = new Map<string, number>();
  /** The highest instant that the clock has shown. */
  latest = 0;
  /** By group and action: the limit of the newest version that the coordinator was told. */
  readonly #limits = new Map<string, { readonly version: number; readonly limit: number }>();
  #since = 0;

  constructor(stage: Stage) {
    this.stage = stage;
  }

  get now(): number {
    return this.stage.now;
  }

  get open(): Row[] {
    return [...this.rows.values()].filter(isOpen);
  }

  /** Reads what has changed. Returns it, and the rows as they were before. */
  read(sql: SqlStorage): { readonly before: ReadonlyMap<string, Row>; readonly changed: readonly Row[] } {
    this.latest = Math.max(this.latest, this.now);
    const before = new Map(this.rows);
    const changed = readRows(sql, this.#since);
    const ids = new Set(changed.map(({ id }) => id));
    // An ended run leaves its queue without a version.
    for (const row of before.values()) {
      if (row.occupiedUntil !== null && !ids.has(row.id)) this.rows.set(row.id, { ...row, occupiedUntil: null });
    }
    for (const row of changed) {
      this.rows.set(row.id, row);
      this.#since = Math.max(this.#since, row.changeSeq);
    }
    return { before, changed };
  }

  /** What is over needs no look any more. */
  forgetEnded(rows: readonly Row[]): void {
    for (const row of rows) if (!isOpen(row) && row.occupiedUntil === null) this.rows.delete(row.id);
  }

  /**
   * Those that are over, when the coordinator has removed them too. One that it could not remove counts again if the
   * clock steps back.
   */
  forgetPauses(sql: SqlStorage): void {
    const query = 'SELECT concurrency_group AS "group", iif(is_planned, from_at, NULL) AS "from" FROM pauses';
    const kept = new Set([...sql.exec<{ group: string; from: number | null }>(query)].map(keyOf));
    for (const [key, { until }] of this.pauses) {
      if (until !== null && until <= this.now && !kept.has(key)) this.pauses.delete(key);
    }
  }

  /** Call this when a pause was put. */
  notePause(pause: Omit<KnownPause, "id">): void {
    const key = keyOf(pause);
    const old = this.pauses.get(key);
    const isSame = old !== undefined && old.reason === pause.reason && (old.until === null || old.until > this.now);
    this.pauses.set(key, { ...pause, id: isSame ? old.id : ++this.#pauses });
  }

  /** Call this when the pauses of a group were ended that have begun. */
  endPauses(group: string): void {
    for (const [key, pause] of this.pauses) {
      if (pause.group === group && (pause.from === null || pause.from <= this.now)) this.pauses.delete(key);
    }
  }

  /** The pauses that hold back a queue, apart from runs that were released through them. */
  inForce(name: string): KnownPause[] {
    const group = name.slice(0, name.indexOf("/"));
    return [...this.pauses.values()].filter(
      (pause) =>
        (pause.group === group || pause.group === "") &&
        (pause.from === null || pause.from <= this.now) &&
        (pause.until === null || pause.until > this.now),
    );
  }

  isInGroup(group: string, actionName: string): boolean {
    return [...this.rows.values()].some(
      (row) =>
        row.gates?.concurrency?.group === group &&
        row.actionName === actionName &&
        (isOpen(row) || row.occupiedUntil !== null),
    );
  }

  /** Whether this is news. */
  noteLimit(group: string, actionName: string, version: number, limit: number): boolean {
    const known = this.#limits.get(`${group} ${actionName}`);
    if (known !== undefined && known.version >= version) return false;
    this.#limits.set(`${group} ${actionName}`, { version, limit });
    return true;
  }

  limitOf({ gates, actionName, actionVersion }: Row): number {
    const concurrency = gates?.concurrency ?? null;
    if (concurrency === null) return Number.POSITIVE_INFINITY;
    const known = this.#limits.get(`${concurrency.group} ${actionName}`);
    return known === undefined || known.version < (actionVersion ?? 0) ? concurrency.limit : known.limit;
  }

  runningIn(name: string): Row[] {
    return [...this.rows.values()].filter(
      (row) =>
        queueNameOf(row) === name &&
        row.gates?.concurrency &&
        row.releasedAt !== null &&
        (isOpen(row) || (row.occupiedUntil !== null && row.occupiedUntil > this.now)),
    );
  }

  queuedIn(name: string): Row[] {
    return [...this.rows.values()]
      .filter((row) => isQueued(row) && queueNameOf(row) === name)
      .sort((a, b) => (a.readySeq ?? 0) - (b.readySeq ?? 0));
  }

  /** The pauses in force through which a run was not released. */
  holding({ id, gates }: Row): readonly KnownPause[] {
    const { group = "" } = gates?.concurrency ?? {};
    return this.inForce(`${group}/`).filter((pause) => !this.passed.get(id)?.has(pause.id));
  }

  /** The pauses that hold back a run: those of its group, or else those of the environment. One of them is shown. */
  pausesOf(row: Row): readonly KnownPause[] {
    const held = this.holding(row);
    const own = held.filter((pause) => pause.group !== "");
    return own.length > 0 ? own : held;
  }

  /** Whether a write of it has failed. Then the run is deferred with a backoff, also if the clock steps back. */
  hasFailed(row: Row): boolean {
    const failures = this.#failuresOf(row);
    const doubledMs = DEFERRED_MS * 2 ** Math.min(failures.length, BACKOFF_DOUBLED_MAX);
    return failures.some((at) => this.now < at + Math.max(BACKOFF_MS, doubledMs));
  }

  /** Until then by the clock: if it steps back, so does its alarm. Not every failure defers it. */
  isDeferred(row: Row): boolean {
    return this.#failuresOf(row).some((at) => this.now < at + DEFERRED_MS);
  }

  #failuresOf({ id }: Row): readonly number[] {
    return this.stage.failedAt.get(id) ?? [];
  }
}
