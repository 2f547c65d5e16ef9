/**
 * How much of the journal one batch may take on. The object serves nobody else during a batch, so a batch is bounded by
 * what it reads and writes, and not only by a number of rows. The rest waits for the next batch.
 */

/** Bytes of runs and of their sealed requests. */
export const BATCH_MAX_BYTES = 4_000_000;
/** Timeline events, and accepted changes. */
export const BATCH_MAX_EVENTS = 2000;

export interface Weight {
  readonly bytes: number;
  /** 0 if the batch leaves timelines alone. */
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
