/** The writes to D1 that are under way. One that hangs is given up, and is no longer counted some time later. */

import type { RowStore } from "../d1/store.ts";

/** The timeout of a batch. */
export const BATCH_MAX_MS = 10_000;
/** How long after its start a batch that was given up still counts as under way. */
const BATCH_FORGOTTEN_MS = 20_000;
const BATCHES_MAX = 2;

export class BatchWrites {
  readonly #store: RowStore;
  #underWay = 0;

  constructor(store: RowStore) {
    this.#store = store;
  }

  /** Whether one may still be written. */
  get isAnyUnderWay(): boolean {
    return this.#underWay > 0;
  }

  get isFull(): boolean {
    return this.#underWay >= BATCHES_MAX;
  }

  /**
   * Writes one batch, and resolves when D1 has it. `labelled`: the ids of its runs that have labels. Throws what D1
   * threw, or when the batch is given up. Calls `onReplicated` even if D1 answers after that.
   */
  async send(rows: readonly string[], labelled: readonly string[], onReplicated: () => void): Promise<void> {
    this.#underWay++;
    let isCounted = true;
    const uncount = () => {
      if (isCounted) this.#underWay--;
      isCounted = false;
    };
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    let timer = setTimeout(() => {
      reject(new Error("a batch for D1 was given up"));
      timer = setTimeout(uncount, BATCH_FORGOTTEN_MS - BATCH_MAX_MS);
    }, BATCH_MAX_MS);
    const batch = this.#store.write(rows, labelled).then(onReplicated);
    void batch
      .catch(() => {})
      .finally(() => {
        clearTimeout(timer);
        uncount();
      });
    await Promise.race([batch, givenUp]);
  }
}
