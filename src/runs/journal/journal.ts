/**
 * The coordinator's own SQLite: the runs as decided, their timeline, their deliveries, and a few marks. Every method
 * is synchronous, so that a decision and its record can't be interleaved with anything.
 */

import { type Delivery, deliveryDueAt } from "../../dispatch/delivery.ts";
import { dueAt } from "../run.ts";
import type { TimelineEvent } from "../timeline.ts";
import { Deliveries } from "./delivery-rows.ts";
import { type JournaledRun, RUN_COLUMNS, type RunRow, toRun } from "./run-rows.ts";
import { migrate } from "./steps.ts";
import { EVENTS_MAX, TimelineJournal } from "./timeline-rows.ts";
import { fittingIntoTurn } from "./turn.ts";

export interface Unlanded {
  readonly id: string;
  readonly version: number;
  readonly bytes: number;
  readonly changedAt: number;
  /** The version itself, while it is at hand; null where the journal must be asked. */
  readonly run: JournaledRun | null;
}

/** What a write has made: a version that D1 lacks, and when its run needs something next. */
export interface Written {
  readonly unlanded: Unlanded;
  readonly dueAt: number;
}

/** What the coordinator must remember over an eviction: its name, an instant, and the place a resync has reached. */
export type Mark = "name" | "repair_at" | "resync_after";

interface WeighedId extends Record<string, SqlStorageValue> {
  id: string;
  bytes: number;
  events: number;
}

/** A place in the order in which open runs are due. */
export interface DuePlace {
  readonly dueAt: number;
  readonly row: number;
}

export interface DueRun extends DuePlace {
  readonly id: string;
}

interface DueRow extends WeighedId {
  due_at: number;
  row: number;
}

/** A sealed request counts as well. */
const DUE_COLUMNS = `id, due_at, rowid AS row, 0 AS events,
  bytes + ifnull((SELECT length(sealed) FROM deliveries WHERE run_id = runs.id), 0) AS bytes`;

/** Before all that can be due. */
export const BEGINNING: DuePlace = { dueAt: 0, row: 0 };

interface UnlandedRow extends Record<string, SqlStorageValue> {
  id: string;
  version: number;
  bytes: number;
  changed_at: number;
}

export class Journal {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly timeline: TimelineJournal;
  readonly deliveries: Deliveries;
  /** As in the table: they are asked for with every change, and nobody else writes there. */
  readonly #marks = new Map<string, string>();

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    migrate(storage);
    this.timeline = new TimelineJournal(storage.sql);
    this.deliveries = new Deliveries(storage.sql);
    this.deliveries.eraseOrphans();
    const marks = this.#sql.exec<{ name: string; value: string }>("SELECT name, value FROM marks");
    for (const { name, value } of marks) this.#marks.set(name, value);
  }

  byId(id: string): JournaledRun | null {
    return this.#first(`SELECT ${RUN_COLUMNS} FROM runs WHERE id = ?`, id);
  }

  byCreateKey(key: string): JournaledRun | null {
    return this.#first(`SELECT ${RUN_COLUMNS} FROM runs WHERE create_key = ?`, key);
  }

  /** What stands in the way of a new run: the one that this key made, else one that has this id. */
  byCreateKeyOrId(key: string, id: string): JournaledRun | null {
    return this.#first(
      `SELECT ${RUN_COLUMNS} FROM runs WHERE create_key = ?1
       UNION ALL SELECT ${RUN_COLUMNS} FROM runs WHERE id = ?2 LIMIT 1`,
      key,
      id,
    );
  }

  byIds(ids: readonly string[]): JournaledRun[] {
    const rows = this.#sql.exec<RunRow>(
      `SELECT ${RUN_COLUMNS} FROM runs WHERE id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids),
    );
    return [...rows].map(toRun);
  }

  /** Writes the run as it now is, the events that made it so, and what is left of its delivery, as one. */
  write(
    run: JournaledRun,
    delivery: Delivery | null,
    events: readonly TimelineEvent[],
    now: number,
  ): Written {
    const due = dueAt(run, delivery && deliveryDueAt(delivery));
    const bytes = run.parameters.length + run.recommendations.length + (run.output?.length ?? 0) + 1024;
    this.#storage.transactionSync(() => {
      this.#sql.exec(
        `INSERT INTO runs (${RUN_COLUMNS}, due_at, changed_at, bytes)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET
           version = excluded.version, status = excluded.status, started_at = excluded.started_at,
           completed_at = excluded.completed_at, purge_at = excluded.purge_at, change_key = excluded.change_key,
           change_fingerprint = excluded.change_fingerprint, error = excluded.error, output = excluded.output,
           silent_since = excluded.silent_since, end_cause = excluded.end_cause,
           due_at = excluded.due_at, due_failures = 0, changed_at = excluded.changed_at, bytes = excluded.bytes`,
        run.id,
        run.version,
        run.status,
        run.actionName,
        run.entityId,
        run.triggeredBy,
        run.createdAt,
        run.startedAt,
        run.completedAt,
        run.deadlineAt,
        run.purgeAt,
        run.createKey,
        run.createFingerprint,
        run.changeKey,
        run.changeFingerprint,
        run.parameters,
        run.recommendations,
        run.error,
        run.output,
        run.heartbeatTimeoutMs,
        run.silentSince,
        run.endCause,
        run.fingerprintKeyId,
        due,
        now,
        bytes,
      );
      // A run that is new has none to be erased.
      if (delivery !== null || run.version > 1) this.#noteDelivery(run.id, delivery);
      this.timeline.append(run.id, events);
    });
    return { unlanded: { id: run.id, version: run.version, bytes, changedAt: now, run }, dueAt: due };
  }

  /**
   * Notes a sign of life, which makes no new version. The run may now be due later than its row says: the alarm finds
   * out, so that a heartbeat touches no index.
   */
  noteHeartbeat(run: JournaledRun, events: readonly TimelineEvent[]): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec("UPDATE runs SET silent_since = ? WHERE id = ?", run.silentSince, run.id);
      this.timeline.append(run.id, events);
    });
  }

  /** Notes what became of a delivery while the run stays as it is, and when it needs something next. */
  noteAttempt(run: JournaledRun, delivery: Delivery | null, events: readonly TimelineEvent[]): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec(
        "UPDATE runs SET silent_since = ?, due_at = ?, due_failures = 0 WHERE id = ?",
        run.silentSince,
        dueAt(run, delivery && deliveryDueAt(delivery)),
        run.id,
      );
      this.#noteDelivery(run.id, delivery);
      this.timeline.append(run.id, events);
    });
  }

  /** Sets right when an open run is due; false where it is due already. */
  setDue(run: JournaledRun, delivery: Delivery | null, now: number): boolean {
    const due = dueAt(run, delivery && deliveryDueAt(delivery));
    if (due <= now) return false;
    this.#sql.exec("UPDATE runs SET due_at = ?, due_failures = 0 WHERE id = ?", due, run.id);
    return true;
  }

  #noteDelivery(runId: string, delivery: Delivery | null): void {
    if (delivery === null) this.deliveries.erase(runId);
    else this.deliveries.put(runId, delivery);
  }

  unlanded(): Unlanded[] {
    const rows = this.#sql.exec<UnlandedRow>(
      "SELECT id, version, bytes, changed_at FROM runs INDEXED BY runs_unlanded WHERE landed_version < version",
    );
    return [...rows].map(toUnlanded);
  }

  /** D1 has these versions. Never lowers: a confirmation may be older than another. */
  confirm(versions: ReadonlyMap<string, number>): void {
    this.#sql.exec(
      `UPDATE runs SET landed_version = max(landed_version, landed.version)
       FROM (SELECT value ->> 0 AS id, value ->> 1 AS version FROM json_each(?)) AS landed
       WHERE runs.id = landed.id`,
      JSON.stringify([...versions]),
    );
  }

  /** Open runs that need something done, the longest due first: those after a place, at most `limit`, and what fits into a turn. */
  due(now: number, limit: number, after = BEGINNING): DueRun[] {
    const rows = this.#sql.exec<DueRow>(
      `SELECT ${DUE_COLUMNS} FROM runs INDEXED BY runs_open_due
       WHERE completed_at IS NULL AND due_at <= ? AND (due_at, rowid) > (?, ?) ORDER BY due_at, rowid LIMIT ?`,
      now,
      after.dueAt,
      after.row,
      limit,
    );
    return fittingIntoTurn([...rows]).map(toDueRun);
  }

  /** Of the runs that are due, those whose deadline has passed. Looks at each that is due. */
  overdue(now: number, limit: number): DueRun[] {
    const rows = this.#sql.exec<DueRow>(
      `SELECT ${DUE_COLUMNS} FROM runs INDEXED BY runs_open_due
       WHERE completed_at IS NULL AND due_at <= ?1 AND deadline_at <= ?1 LIMIT ?2`,
      now,
      limit,
    );
    return fittingIntoTurn([...rows]).map(toDueRun);
  }

  /** The first deadline of the runs that are due. Looks at each of them. */
  firstDeadlineOfDue(now: number): number | null {
    return this.#min(
      "SELECT min(deadline_at) AS at FROM runs INDEXED BY runs_open_due WHERE completed_at IS NULL AND due_at <= ?",
      now,
    );
  }

  /** Ids of ended runs that may be kept no longer: at most `limit`, and what fits into a turn. */
  purgeable(now: number, limit: number): string[] {
    // The newest entry's number is no less than how many there are; counting them would cost as much as the turn itself.
    const rows = this.#sql.exec<WeighedId>(
      `SELECT id, bytes,
         min(?3, ifnull((SELECT seq FROM events WHERE run_id = runs.id ORDER BY seq DESC LIMIT 1), 0)) AS events
       FROM runs INDEXED BY runs_ended_due WHERE completed_at IS NOT NULL AND due_at <= ?1 ORDER BY due_at LIMIT ?2`,
      now,
      limit,
      EVENTS_MAX,
    );
    return fittingIntoTurn([...rows]).map((row) => row.id);
  }

  nextOpenDueAt(after = BEGINNING): number | null {
    return this.#min(
      `SELECT min(due_at) AS at FROM (SELECT due_at FROM runs INDEXED BY runs_open_due
         WHERE completed_at IS NULL AND (due_at, rowid) > (?, ?) ORDER BY due_at, rowid LIMIT 1)`,
      after.dueAt,
      after.row,
    );
  }

  nextPurgeAt(): number | null {
    return this.#min(
      "SELECT min(due_at) AS at FROM runs INDEXED BY runs_ended_due WHERE completed_at IS NOT NULL",
    );
  }

  /** Puts off a run whose turn failed, longer each time: 10 s, 20 s, up to an hour. */
  putOff(id: string, now: number): void {
    this.#sql.exec(
      `UPDATE runs SET due_at = ? + min(3600000, 10000 << min(due_failures, 9)), due_failures = due_failures + 1
       WHERE id = ?`,
      now,
      id,
    );
  }

  forget(ids: readonly string[]): void {
    const list = JSON.stringify(ids);
    this.#storage.transactionSync(() => {
      this.timeline.forget(ids);
      this.deliveries.forget(ids);
      this.#sql.exec("DELETE FROM runs WHERE id IN (SELECT value FROM json_each(?))", list);
    });
  }

  isEmpty(): boolean {
    return (
      this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM (SELECT 1 FROM runs LIMIT 1)").one().n === 0
    );
  }

  /**
   * Makes the next runs after the id `after`, up to `upTo`, unlanded again: at most `limit`, and what fits into a turn.
   * These, in the order of their ids.
   */
  unland(after: string, upTo: string, limit: number): Unlanded[] {
    const rows = this.#sql.exec<UnlandedRow & { events: number }>(
      "SELECT id, version, bytes, changed_at, 0 AS events FROM runs WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
      after,
      upTo,
      limit,
    );
    const batch = fittingIntoTurn([...rows]).map(toUnlanded);
    this.#sql.exec(
      "UPDATE runs SET landed_version = 0 WHERE id IN (SELECT value FROM json_each(?))",
      JSON.stringify(batch.map(({ id }) => id)),
    );
    return batch;
  }

  countAfter(id: string): number {
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM runs WHERE id > ?", id).one().n;
  }

  /** Whether there is a run after the id `after` and up to `upTo`. */
  hasBetween(after: string, upTo: string): boolean {
    return [...this.#sql.exec("SELECT 1 FROM runs WHERE id > ? AND id <= ? LIMIT 1", after, upTo)].length > 0;
  }

  mark(name: Mark): string | null {
    return this.#marks.get(name) ?? null;
  }

  setMark(name: Mark, value: string | null): void {
    if (value === this.mark(name)) return;
    // The table first: what it does not take must not be believed.
    if (value === null) {
      this.#sql.exec("DELETE FROM marks WHERE name = ?", name);
      this.#marks.delete(name);
    } else {
      this.#sql.exec("INSERT OR REPLACE INTO marks (name, value) VALUES (?, ?)", name, value);
      this.#marks.set(name, value);
    }
  }

  #first(query: string, ...bindings: string[]): JournaledRun | null {
    const row = [...this.#sql.exec<RunRow>(query, ...bindings)][0];
    return row === undefined ? null : toRun(row);
  }

  #min(query: string, ...bindings: number[]): number | null {
    return this.#sql.exec<{ at: number | null }>(query, ...bindings).one().at;
  }
}

/** The name that a journal keeps, null where it keeps none. A journal that is not there yet is not made. */
export function nameInJournal(sql: SqlStorage): string | null {
  const hasMarks =
    [...sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'marks'")].length > 0;
  if (!hasMarks) return null;
  const [row] = [...sql.exec<{ value: string }>("SELECT value FROM marks WHERE name = 'name'")];
  return row?.value ?? null;
}

function toDueRun({ id, due_at, row }: DueRow): DueRun {
  return { id, dueAt: due_at, row };
}

function toUnlanded({ id, version, bytes, changed_at }: UnlandedRow): Unlanded {
  return { id, version, bytes, changedAt: changed_at, run: null };
}
