/** What an error of D1 means. Its text is all that tells one from another. */

/** Whether D1, or the account, has no room left: deleting still works, and frees some. Anything else is an outage. */
export function isDatabaseFull(error: unknown): boolean {
  return /Exceeded maximum (DB size|account storage)|database or disk is full|SQLITE_FULL/i.test(
    String(error),
  );
}
