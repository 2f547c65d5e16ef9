/**
 * The journal's table of retries: which runs were retried, and by which changes. The row is written in the stretch that
 * hands out the run's inputs. So of two bulk retries, only one finds a run that nobody has retried.
 */

/** The most rows of one run. Further retries add none, and the run counts as retried anyway. */
const RETRIES_MAX = 100;

export class RetryRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Whether the run was retried by this change. */
  has(runId: string, key: string): boolean {
    const own = "SELECT 1 FROM retries WHERE run_id = ? AND key = ?";
    return [...this.#sql.exec(own, runId, key)].length > 0;
  }

  /** Whether the run was retried by any change. */
  hasAny(runId: string): boolean {
    return [...this.#sql.exec("SELECT 1 FROM retries WHERE run_id = ? LIMIT 1", runId)].length > 0;
  }

  insert(runId: string, key: string): void {
    this.#sql.exec(
      `INSERT INTO retries (run_id, key) SELECT ?1, ?2 WHERE (SELECT count(*) FROM retries WHERE run_id = ?1) < ?3`,
      ...[runId, key, RETRIES_MAX],
    );
  }

  erase(runId: string, key: string): void {
    this.#sql.exec("DELETE FROM retries WHERE run_id = ? AND key = ?", runId, key);
  }
}
