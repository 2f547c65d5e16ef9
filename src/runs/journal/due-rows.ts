import { DAY_MS } from "../../base/time.ts";
import { type Dispatch, dispatchDueAt } from "../../webhooks/dispatch.ts";
import { dueAt } from "../run.ts";
import type { Metadata } from "./metadata.ts";
import { Rows } from "./rows.ts";
import { BOUND_KEY, type JournaledRun, KEYS_AND_IDS, keyHalves, keysJson } from "./run-rows.ts";
import { EVENTS_MAX } from "./timeline-rows.ts";

/** Rows that are due at the same instant are in the order of their ids. */
export interface Due {
  readonly dueAt: number;
  readonly id: string;
}

export const BEGINNING: Due = { dueAt: 0, id: "" };

export interface DueRows {
  /** At most `limit`, in order, and only what fits into one batch. */
  due(now: number, limit: number, after?: Due): Due[];
  /** The due rows whose time is up. Scans every row that is due. */
  overdue(now: number, limit: number): Due[];
  /** When the time of the first due row is up; Infinity if nothing is due. Scans every row that is due. */
  firstEndAt(now: number): number;
  nextDueAt(after?: Due): number;
  /** The receiver's first row behind `after` whose next attempt is due. `isRetry`: an attempt has begun before. */
  nextWaiting(receiver: string, isRetry: boolean, now: number, after: Due): Due | null;
  /** Left out if rows keep their instants while the circuit is half-open. Behind the last row comes the first. */
  nextInTurn?(receiver: string, last: string | undefined): Due | null;
  defer(id: string, now: number): void;
}

/** The object serves nobody else during a batch. Bytes of runs and of their sealed requests. */
export const BATCH_MAX_BYTES = 4_000_000;
/** Timeline events, and accepted changes. */
export const BATCH_MAX_EVENTS = 2000;

export interface Weight {
  readonly bytes: number;
  readonly events: number;
}

/** The first rows that fit into one batch together. At least one, or a large run would never be processed. */
export function fittingIntoBatch<T extends Weight>(rows: readonly T[]): T[] {
  let bytes = 0;
  let events = 0;
  return rows.filter((row, i) => {
    bytes += row.bytes;
    events += row.events;
    return i === 0 || (bytes <= BATCH_MAX_BYTES && events <= BATCH_MAX_EVENTS);
  });
}

/** Every column that a query names is in the index. */
const WAITING = "dispatches INDEXED BY dispatches_waiting WHERE lease_until IS NULL";

/** The first row of a host behind another one. `waiting`: the rows without a lease. */
export const nextOfHost = (waiting: string) => `
  SELECT run_id AS id, next_at AS dueAt FROM ${waiting} AND host = ? AND (attempt > 0) = ? AND next_at <= ?
    AND (next_at, run_id) > (?, ?)
  ORDER BY next_at, run_id LIMIT 1`;

const AFTER = `(due_at, run_key) > (?, ${BOUND_KEY})`;

// The batch reads the sealed request as well, so its bytes count.
const DUE = `
  SELECT id, due_at AS dueAt, 0 AS events,
    bytes + ifnull((SELECT length(sealed) FROM dispatches WHERE run_id = runs.id), 0) AS bytes
  FROM runs INDEXED BY runs_open_due`;

export const ENDED_DUE = "runs INDEXED BY runs_ended_due WHERE completed_at IS NOT NULL";

/** The newest event's number is an upper bound of their count, because counting is slow. Nearly no run has cancels. */
export const WEIGHT = `
  bytes,
  min(${EVENTS_MAX}, ifnull((SELECT seq FROM events WHERE run_id = runs.id ORDER BY seq DESC LIMIT 1), 0))
    + (SELECT count(*) FROM accepted_changes WHERE run_id = runs.id) AS events`;

export interface EndedRun extends Due {
  readonly eventSeq: number;
}

export interface KeptRun extends Weight {
  readonly id: string;
  readonly completedAt: number | null;
  /** Later than the end if the object was down then. */
  readonly changedAt: number;
  readonly purgeAt: number;
  readonly eventSeq: number | null;
}

const COUNTED_AT_ONCE = 50_000;

export class DueRuns extends Rows implements DueRows {
  due(now: number, limit: number, after = BEGINNING): Due[] {
    const next = `due_at <= ? AND ${AFTER} ORDER BY due_at, run_key LIMIT ?`;
    return this.#due(next, now, after.dueAt, ...keyHalves(after.id), limit);
  }

  /** The time of a run is up at its deadline, and that of its dispatch can be up before. */
  overdue(now: number, limit: number): Due[] {
    const runs = this.#due("due_at <= ?1 AND deadline_at <= ?1 LIMIT ?2", now, limit);
    // A dispatch that waits at a gate has no next attempt. Its run's time decides.
    const ends = `
      SELECT run_id AS id, ends_at AS dueAt FROM ${WAITING} AND next_at IS NOT NULL AND ends_at <= ? LIMIT ?`;
    return [...runs, ...this.query<Due>(ends, now, limit - runs.length)];
  }

  /** The index is by `due_at`, but `purge_at` decides, because a run that is purged too early is lost. */
  purgeable(now: number, limit: number, after = BEGINNING): EndedRun[] {
    const rows = this.query<EndedRun & Weight>(
      `SELECT id, due_at AS dueAt, event_seq AS eventSeq, ${WEIGHT}
       FROM ${ENDED_DUE} AND due_at <= ? AND purge_at <= ? AND ${AFTER} ORDER BY due_at, run_key LIMIT ?`,
      now,
      now,
      after.dueAt,
      ...keyHalves(after.id),
      limit,
    );
    return fittingIntoBatch(rows);
  }

  keptAfter(after: string, limit: number): KeptRun[] {
    return this.query(
      `SELECT id, bytes, 0 AS events, completed_at AS completedAt, changed_at AS changedAt, purge_at AS purgeAt,
         event_seq AS eventSeq
       FROM runs WHERE run_key >= ${BOUND_KEY} AND id > ? ORDER BY run_key LIMIT ?`,
      ...keyHalves(after),
      after,
      limit,
    );
  }

  /** Those whose purge would end more: a stop request, a delivery, or the time of their job to stop. */
  working(ids: readonly string[]): ReadonlySet<string> {
    if (ids.length === 0) return new Set();
    return new Set(
      this.textsOf(
        `SELECT id FROM ${KEYS_AND_IDS} AS asked CROSS JOIN runs USING (run_key, id)
         WHERE occupied_until IS NOT NULL OR EXISTS (SELECT 1 FROM stop_requests WHERE run_id = asked.id)
           OR EXISTS (
             SELECT 1 FROM deliveries
             WHERE endpoint IN (SELECT endpoint FROM endpoints) AND run_id = asked.id AND state = 'waiting')`,
        keysJson(ids),
      ),
    );
  }

  keepFor(keptMs: number, ids: readonly string[]): void {
    if (ids.length === 0) return;
    const at = "max(1, completed_at + ?1)";
    const these = KEYS_AND_IDS.replace("?", "?2");
    this.sql.exec(
      `UPDATE runs SET purge_at = ${at}, due_at = ${at} WHERE (run_key, id) IN ${these} AND completed_at IS NOT NULL`,
      keptMs,
      keysJson(ids),
    );
  }

  countEnded(at: number, after: Due): { readonly count: number; readonly next: Due | null } {
    const those = `${ENDED_DUE} AND due_at <= ? AND ${AFTER} ORDER BY due_at, run_key`;
    const bindings = [at, after.dueAt, ...keyHalves(after.id)];
    const last = `SELECT id, due_at AS dueAt FROM ${those} LIMIT 1 OFFSET ${COUNTED_AT_ONCE - 1}`;
    const next = this.firstOf<Due>(last, ...bindings);
    if (next !== null) return { count: COUNTED_AT_ONCE, next };
    return { count: this.numberOf(`SELECT count(*) FROM (SELECT 1 FROM ${those})`, ...bindings) ?? 0, next };
  }

  firstEndAt(now: number): number {
    return Math.min(
      this.#min("deadline_at", "runs INDEXED BY runs_open_due WHERE completed_at IS NULL AND due_at <= ?", now),
      this.#min("ends_at", `${WAITING} AND next_at <= ?`, now),
    );
  }

  nextWaiting(host: string, isRetry: boolean, now: number, after: Due): Due | null {
    return this.firstOf(nextOfHost(WAITING), host, isRetry ? 1 : 0, now, after.dueAt, after.id);
  }

  nextDueAt(after = BEGINNING): number {
    const open = `
      runs INDEXED BY runs_open_due WHERE completed_at IS NULL AND ${AFTER} ORDER BY due_at, run_key LIMIT 1`;
    return this.#min("due_at", open, after.dueAt, ...keyHalves(after.id));
  }

  nextPurgeAt(after = BEGINNING): number {
    const first = `${ENDED_DUE} AND ${AFTER} ORDER BY due_at, run_key LIMIT 1`;
    return this.#min("max(due_at, purge_at)", first, after.dueAt, ...keyHalves(after.id));
  }

  /** Corrects `due_at` of an open run. False, and nothing is written, if the run is due already. */
  set(run: JournaledRun, dispatch: Dispatch | null, now: number): boolean {
    const due = dueOf(run, dispatch);
    if (due <= now) return false;
    const update = `UPDATE runs SET due_at = ?, due_failures = 0 WHERE run_key = ${BOUND_KEY} AND id = ?`;
    this.sql.exec(update, due, ...keyHalves(run.id), run.id);
    return true;
  }

  /** 10 s, 20 s, up to an hour. Nothing is written if the run ended in the pass that failed: it is due to be purged. */
  defer(id: string, now: number): void {
    const dueAt = this.numberOf(
      `UPDATE runs SET due_at = ? + min(3600000, 10000 << min(due_failures, 9)), due_failures = due_failures + 1
       WHERE run_key = ${BOUND_KEY} AND id = ? AND completed_at IS NULL
       RETURNING due_at`,
      now,
      ...keyHalves(id),
      id,
    );
    if (dueAt === null) return;
    this.sql.exec("UPDATE dispatches SET next_at = ? WHERE run_id = ? AND next_at IS NOT NULL", dueAt, id);
  }

  #due(clauses: string, ...bindings: number[]): Due[] {
    return fittingIntoBatch(this.query<Due & Weight>(`${DUE} WHERE completed_at IS NULL AND ${clauses}`, ...bindings));
  }

  #min(column: string, indexed: string, ...bindings: number[]): number {
    return this.instantOf(`SELECT min(at) FROM (SELECT ${column} AS at FROM ${indexed})`, ...bindings);
  }
}

export function dueOf(run: JournaledRun, dispatch: Dispatch | null): number {
  return dueAt(run, dispatch && dispatchDueAt(dispatch));
}

export interface Batch {
  readonly key: string;
  readonly ids: readonly string[];
  /** Whether it is known that the object is there. If this is false, nobody knows. */
  readonly isWritten: boolean;
}

/** What is known of the archive. All of it is metadata and the index of ended runs, so a run costs no row. */
export class ArchiveRows extends Rows {
  readonly #metadata: Metadata;

  constructor(sql: SqlStorage, metadata: Metadata) {
    super(sql);
    this.#metadata = metadata;
  }

  get hasBatch(): boolean {
    return this.#metadata.get("archiving") !== null;
  }

  get batch(): Batch | null {
    return this.#metadata.json("archiving");
  }

  setBatch(batch: Batch | null): void {
    this.#metadata.set("archiving", batch);
  }

  /** D1's rows of runs that were due up to this one are deleted. */
  get deletedTo(): Due {
    return this.#metadata.json<Due>("deleted_to") ?? BEGINNING;
  }

  setDeletedTo({ dueAt, id }: Due): void {
    this.#metadata.set("deleted_to", { dueAt, id });
  }

  clear(): void {
    this.#metadata.set("archiving", null);
    this.#metadata.set("deleted_to", null);
  }

  countDeleted(limit: number): number {
    const { dueAt, id } = this.deletedTo;
    const count = `
      SELECT count(*) FROM (SELECT 1 FROM ${ENDED_DUE} AND (due_at, run_key) <= (?, ${BOUND_KEY}) LIMIT ?)`;
    return this.numberOf(count, dueAt, ...keyHalves(id), limit) ?? 0;
  }

  /** Of the first `limit` runs that are due, those that ended on the same day (UTC) as the first. */
  next(now: number, limit: number): { readonly day: number; readonly runs: readonly EndedRun[] } {
    const due = this.query<EndedRun & { readonly completedAt: number }>(
      `SELECT id, due_at AS dueAt, event_seq AS eventSeq, completed_at AS completedAt
       FROM ${ENDED_DUE} AND due_at <= ?1 AND purge_at <= ?1 ORDER BY due_at, run_key LIMIT ?2`,
      now,
      limit,
    );
    const dayOf = (at: number) => at - (at % DAY_MS);
    const day = dayOf(due[0]?.completedAt ?? 0);
    return { day, runs: due.filter(({ completedAt }) => dayOf(completedAt) === day) };
  }

  /** The first of these runs: at most `limit`, and only what fits into one batch. Runs that are gone weigh nothing. */
  fitting(ids: readonly string[], limit: number): string[] {
    const asked = ids.slice(0, limit);
    const rows = this.query<Weight & { id: string }>(
      `SELECT runs.id, ${WEIGHT} FROM runs JOIN ${KEYS_AND_IDS} AS asked USING (run_key, id)`,
      keysJson(asked),
    );
    const weights = new Map(rows.map((row) => [row.id, row]));
    return fittingIntoBatch(asked.map((id) => weights.get(id) ?? { id, bytes: 0, events: 0 })).map(({ id }) => id);
  }
}
