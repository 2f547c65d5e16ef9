/** Tells D1's errors apart. Their text is the only difference. */

/** Whether D1 or the account is full: deletes still work and free space. Any other error is an outage. */
export function isDatabaseFull(error: unknown): boolean {
  return /Exceeded maximum (DB size|account storage)|database or disk is full|SQLITE_FULL/i.test(String(error));
}

/** Whether D1 refused a statement because a migration is missing. */
export function isUnmigrated(error: unknown): boolean {
  return /no such (table|column)/.test(String(error));
}
