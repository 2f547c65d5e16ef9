/** What `counted.ts` tells of one statement. */
export interface Count {
  readonly sql: string;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  /** When it had run, in ms. */
  readonly at: number;
  /** Its short text values, and of each long one the first coordinator that a run id in it names. */
  readonly values: readonly string[];
}
