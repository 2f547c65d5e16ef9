/**
 * How much of the journal one turn of the coordinator may take on. While a turn runs nobody else is served, so each is
 * bounded by what it reads and writes, not only by how many runs that is. What does not fit waits for the next turn.
 */

/** Bytes of runs and of their sealed requests. */
export const TURN_MAX_BYTES = 4_000_000;
/** Entries of timelines. */
export const TURN_MAX_EVENTS = 2000;

export interface Weight {
  readonly bytes: number;
  /** 0 where the turn leaves timelines alone. */
  readonly events: number;
}

/** The first of `rows` that fit into one turn together; at least one, or a large run would never get its turn. */
export function fittingIntoTurn<T extends Weight>(rows: readonly T[]): T[] {
  let bytes = 0;
  let events = 0;
  const tooMany = rows.findIndex((row, i) => {
    bytes += row.bytes;
    events += row.events;
    return i > 0 && (bytes > TURN_MAX_BYTES || events > TURN_MAX_EVENTS);
  });
  return tooMany < 0 ? [...rows] : rows.slice(0, tooMany);
}
