/** What `counted.ts` reports about one statement. */
export interface Count {
  readonly sql: string;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  /** How many items a batch has: the longest JSON array that is bound; 1 without one. */
  readonly items: number;
  /** When it ended, in ms. */
  readonly at: number;
  /** Its short text values. In an object also the scope that the object belongs to, which a statement in D1 binds. */
  readonly values: readonly string[];
}
