/**
 * The numbers of a coordinator's writes. Every write of a run gets the next one. It is a number and not an instant,
 * because clocks step back.
 */

export class Sequence {
  #lastSeq: number;

  /** `usedSeq`: the highest number that a mark remembers, because the run with the highest one may have been purged. */
  constructor(sql: SqlStorage, usedSeq: number) {
    const { last } = sql.exec<{ last: number | null }>("SELECT max(change_seq) AS last FROM runs").one();
    this.#lastSeq = Math.max(last ?? 0, usedSeq);
  }

  /** The number of the last write; 0 if there was none. */
  get last(): number {
    return this.#lastSeq;
  }

  /** The number of the next write. It is used only when that write has succeeded: see `wrote`. */
  get next(): number {
    return this.#lastSeq + 1;
  }

  /**
   * Notes that a write has this number. Call it after the write's transaction. A number that is counted without a row
   * would be given again after an eviction. A reader that has read up to it would then miss a write.
   */
  wrote(seq: number): void {
    this.#lastSeq = seq;
  }
}
