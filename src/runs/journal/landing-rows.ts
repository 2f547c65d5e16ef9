/**
 * What D1 is known to have. Every write of a run gets the next sequence number. The mark `landed_seq` holds the number
 * up to which all writes have landed. Runs that were put aside, because D1 refused them, have a table of their own, so
 * that they do not hold up the mark. It is a number and not an instant, because clocks step back.
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
  readonly #aside: Set<string>;
  #lastSeq: number;

  /** `usedSeq`: the highest number that other marks remember. No later write may get it or a lower one. */
  constructor(sql: SqlStorage, marks: Marks, usedSeq: number) {
    this.#sql = sql;
    this.#marks = marks;
    const { last } = sql.exec<{ last: number | null }>("SELECT max(change_seq) AS last FROM runs").one();
    // The run with the highest number may have been purged.
    this.#lastSeq = Math.max(last ?? 0, this.landedSeq, usedSeq);
    const aside = sql.exec<{ id: string }>("SELECT run_id AS id FROM runs_aside");
    this.#aside = new Set([...aside].map(({ id }) => id));
  }

  /** The sequence number of the last write. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Up to this number all writes have landed, except those of runs that were put aside. */
  get landedSeq(): number {
    return Number(this.#marks.get("landed_seq") ?? 0);
  }

  /** The number of the next write. It is used only when that write has succeeded: see `wrote`. */
  get nextSeq(): number {
    return this.#lastSeq + 1;
  }

  /**
   * Notes that a write has this number. Call it after the write's transaction. A number that is counted without a row
   * would be given again after an eviction. A reader that has read up to it would then miss a write.
   */
  wrote(seq: number): void {
    this.#lastSeq = seq;
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
    if (seq > this.landedSeq) this.#marks.set("landed_seq", String(seq));
  }

  /** Lists a run that D1 refused. */
  putAside(id: string): void {
    if (this.#aside.has(id)) return;
    this.#sql.exec("INSERT OR IGNORE INTO runs_aside (run_id) VALUES (?)", id);
    this.#aside.add(id);
  }

  /** The run has landed or is gone. */
  clearAside(id: string): void {
    if (!this.#aside.has(id)) return;
    this.#sql.exec("DELETE FROM runs_aside WHERE run_id = ?", id);
    this.#aside.delete(id);
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
