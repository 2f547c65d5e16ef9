/**
 * How much of the journal one turn of the coordinator may take on. The object serves nobody else during a turn, so a turn
 * is bounded by what it reads and writes, not only by a number of runs. The rest waits for the next turn.
 */

/** Bytes of runs and of their sealed requests. */
export const TURN_MAX_BYTES = 4_000_000;
/** Timeline events, and accepted cancels. */
export const TURN_MAX_EVENTS = 2000;

export interface Weight {
  readonly bytes: number;
  /** 0 if the turn leaves timelines alone. */
  readonly events: number;
}

/** The first rows that fit into one turn together. At least one, or a large run would never get its turn. */
export function fittingIntoTurn<T extends Weight>(rows: readonly T[]): T[] {
  let bytes = 0;
  let events = 0;
  return rows.filter((row, i) => {
    bytes += row.bytes;
    events += row.events;
    return i === 0 || (bytes <= TURN_MAX_BYTES && events <= TURN_MAX_EVENTS);
  });
}
