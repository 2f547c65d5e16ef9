/** What the alarm asks of a table whose rows are due at some instant: open runs, stop requests and deliveries. */

/** A row that is due. Rows that are due at the same instant are in the order of their ids. */
export interface Due {
  readonly dueAt: number;
  readonly id: string;
}

/** Sorts before every row. */
export const BEGINNING: Due = { dueAt: 0, id: "" };

/** Each row has a due instant, and another instant at which its time is up. */
export interface DueRows {
  /** The rows that are due behind `after`, in order: at most `limit`, and only what fits into one batch. */
  due(now: number, limit: number, after?: Due): Due[];
  /** The due rows whose time is up. Scans every row that is due. */
  overdue(now: number, limit: number): Due[];
  /** When the time of the first due row is up; Infinity if nothing is due. Scans every row that is due. */
  firstEndAt(now: number): number;
  /** When the first row behind `after` is due; Infinity if there is none. */
  nextDueAt(after?: Due): number;
  /**
   * The receiver's first row behind `after` whose next attempt is due and not under way; null if there is none. `dueAt`
   * is when the attempt was due. `isRetry`: whether an attempt has begun before.
   */
  nextWaiting(receiver: string, isRetry: boolean, now: number, after: Due): Due | null;
  /**
   * Left out if rows keep their instants while the circuit of their receiver is half-open. Otherwise: the receiver's
   * next row behind the row `last` that waits, whenever it is due. Behind the last one comes the first, and it also
   * does if `last` is gone.
   */
  nextInTurn?(receiver: string, last: string | undefined): Due | null;
  /** Postpones a row that could not be processed. */
  defer(id: string, now: number): void;
}
