/** Deletes the rows of an environment in a database where it does not live any more. */

/** How many rows a statement deletes. D1 runs one statement at a time, so others wait for each. */
const ROWS_MAX = 500;

const DELETE_RUNS = `
  DELETE FROM runs WHERE rowid IN (
    SELECT rowid FROM runs INDEXED BY sqlite_autoindex_runs_1 WHERE scope = ?1 LIMIT ${ROWS_MAX})`;
const DELETE_LABELS = `
  DELETE FROM run_labels WHERE (scope, label, id) IN (
    SELECT scope, label, id FROM run_labels WHERE scope = ?1 LIMIT ${ROWS_MAX})`;

/** Deletes up to 500 runs and 500 labels. Returns whether there may be more. */
export async function deleteLeftovers(db: D1Database, scope: string): Promise<boolean> {
  const statements = [DELETE_LABELS, DELETE_RUNS].map((sql) => db.prepare(sql).bind(scope));
  const results = await db.batch(statements);
  return results.some(({ meta }) => meta.changes > 0);
}
