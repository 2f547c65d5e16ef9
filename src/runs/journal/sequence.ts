/**
 * The numbers of a journal's writes. Every write of a run gets the next one. It is a number and not an instant, because
 * clocks step back. Numbers are comparable within an epoch. A new epoch begins with the first write, and when the
 * database was made equal to the journal again: then what others have read by older numbers proves nothing.
 */

import type { Metadata } from "./marks.ts";

export class Sequence {
  readonly #sql: SqlStorage;
  readonly #metadata: Metadata;
  #lastSeq: number;

  constructor(sql: SqlStorage, metadata: Metadata) {
    this.#sql = sql;
    this.#metadata = metadata;
    this.#lastSeq = Math.max(this.#highestKept, Number(metadata.get("last_seq") ?? 0));
  }

  /** The number of the last write; 0 if there was none. */
  get last(): number {
    return this.#lastSeq;
  }

  /** The number of the next write. It is used only when that write has succeeded: see `wrote`. */
  get next(): number {
    return this.#lastSeq + 1;
  }

  /** When the epoch began; 0 if nothing was ever written. */
  get epoch(): number {
    return Number(this.#metadata.get("epoch") ?? 0);
  }

  /** An instant never comes back, even if the object is restored to an earlier time. */
  beginEpoch(now: number): void {
    this.#metadata.set("epoch", String(Math.max(now, this.epoch + 1)));
  }

  /**
   * Notes that a write has this number. Call it after the write's transaction. A number that is counted without a row
   * would be given again after an eviction. A reader that has read up to it would then miss a write.
   */
  wrote(seq: number): void {
    this.#lastSeq = seq;
  }

  /** Call this in the transaction that removes runs. The last number must not be given again, so it is kept. */
  removedRuns(): void {
    if (this.#highestKept < this.#lastSeq) this.#metadata.set("last_seq", String(this.#lastSeq));
  }

  get #highestKept(): number {
    return this.#sql.exec<{ seq: number | null }>("SELECT max(change_seq) AS seq FROM runs").one().seq ?? 0;
  }
}
