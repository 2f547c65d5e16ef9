/**
 * What a database is known to have. The mark `landed_seq` holds the sequence number up to which all writes have landed
 * there. Runs that were put aside, because the database refused them, have a table of their own, so that they do not
 * hold up the mark.
 */

import { fittingIntoBatch } from "./batch.ts";
import type { Marks } from "./marks.ts";
import { BOUND_KEY, highestKeyHalves, keyHalves } from "./run-key.ts";
import type { JournaledRun } from "./run-rows.ts";

/** A version that D1 is not known to have. */
export interface Unlanded {
  readonly id: string;
  readonly version: number;
  /** The sequence number of its write. */
  readonly seq: number;
  readonly bytes: number;
  readonly changedAt: number;
  /** The version itself while it is in memory; null if it must be read from the journal. */
  readonly run: JournaledRun | null;
}

type UnlandedRow = Omit<Unlanded, "run">;

const COLUMNS = "id, version, change_seq AS seq, bytes, changed_at AS changedAt";

export class LandingRows {
  readonly #sql: SqlStorage;
  readonly #marks: Marks;
  readonly #database: number;
  readonly #aside: Set<string>;

  /** `database`: its number. */
  constructor(sql: SqlStorage, marks: Marks, database: number) {
    this.#sql = sql;
    this.#marks = marks;
    this.#database = database;
    const aside = sql.exec<{ id: string }>(
      "SELECT run_id AS id FROM runs_aside WHERE database = ?",
      database,
    );
    this.#aside = new Set([...aside].map(({ id }) => id));
  }

  /** Up to this number all writes have landed, except those of runs that were put aside. */
  get landedSeq(): number {
    return Number(this.#marks.get(`landed_seq:${this.#database}`) ?? 0);
  }

  /** The id behind which a resync goes on; null if none is under way. */
  get resyncAfter(): string | null {
    return this.#marks.get(`resync_after:${this.#database}`);
  }

  set resyncAfter(after: string | null) {
    this.#marks.set(`resync_after:${this.#database}`, after);
  }

  /** All versions that may not have landed, in the order of their writes. */
  unlanded(): Unlanded[] {
    const rows = this.#sql.exec<UnlandedRow>(
      `SELECT ${COLUMNS} FROM runs INDEXED BY runs_by_change WHERE change_seq > ? ORDER BY change_seq`,
      this.landedSeq,
    );
    const aside = [...this.#aside].flatMap((id) => [
      ...this.#sql.exec<UnlandedRow>(
        `SELECT ${COLUMNS} FROM runs WHERE run_key = ${BOUND_KEY} AND id = ?`,
        ...keyHalves(id),
        id,
      ),
    ]);
    const all = new Map([...aside, ...rows].map((row) => [row.id, { ...row, run: null }]));
    return [...all.values()].sort((a, b) => a.seq - b.seq);
  }

  /** Notes that all writes up to `seq` have landed. */
  noteLanded(seq: number): void {
    if (seq > this.landedSeq) this.#marks.set(`landed_seq:${this.#database}`, String(seq));
  }

  /** Lists a run that D1 refused. */
  putAside(id: string): void {
    if (this.#aside.has(id)) return;
    this.#sql.exec("INSERT OR IGNORE INTO runs_aside (run_id, database) VALUES (?, ?)", id, this.#database);
    this.#aside.add(id);
  }

  /** The run has landed or is gone. */
  clearAside(id: string): void {
    if (!this.#aside.has(id)) return;
    this.#sql.exec("DELETE FROM runs_aside WHERE run_id = ? AND database = ?", id, this.#database);
    this.#aside.delete(id);
  }

  /** Begins anew: what is written from here on must land, and a resync lets all that was written before land. */
  beginAnew(lastSeq: number): void {
    this.forget();
    this.noteLanded(lastSeq);
    this.resyncAfter = "";
  }

  /** Forgets everything about this database. */
  forget(): void {
    this.#marks.set(`landed_seq:${this.#database}`, null);
    this.resyncAfter = null;
    if (this.#aside.size > 0) this.#sql.exec("DELETE FROM runs_aside WHERE database = ?", this.#database);
    this.#aside.clear();
  }

  /** The next runs after the id `after`, up to `upTo`, in order: at most `limit`, and only what fits into one batch. */
  between(after: string, upTo: string, limit: number): Unlanded[] {
    const rows = this.#between(`${COLUMNS}, 0 AS events`, after, upTo, limit) as (UnlandedRow & {
      events: number;
    })[];
    return fittingIntoBatch(rows).map(({ events: _, ...row }) => ({ ...row, run: null }));
  }

  /** Whether there is a run after the id `after` and up to `upTo`. */
  hasBetween(after: string, upTo: string): boolean {
    return this.#between("1", after, upTo, 1).length > 0;
  }

  /**
   * How many runs come after the id. Walks an index: walking the rows of 250 000 runs would take a quarter of a second.
   */
  countAfter(id: string): number {
    const count = `
      SELECT (SELECT count(*) FROM runs INDEXED BY runs_by_change WHERE run_key > ${BOUND_KEY})
        + (SELECT count(*) FROM runs WHERE run_key = ${BOUND_KEY} AND id > ?) AS n`;
    return this.#sql.exec<{ n: number }>(count, ...keyHalves(id), ...keyHalves(id), id).one().n;
  }

  #between(columns: string, after: string, upTo: string, limit: number) {
    const rows = this.#sql.exec(
      `SELECT ${columns} FROM runs
       WHERE run_key >= ${BOUND_KEY} AND run_key <= ${BOUND_KEY} AND id > ? AND id <= ? ORDER BY run_key LIMIT ?`,
      ...[...keyHalves(after), ...highestKeyHalves(upTo), after, upTo, limit],
    );
    return [...rows];
  }
}
