/** The journal's table of what receivers answered: the sealed values that a stop request uses. Erased with that request. */

export class AnswerRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  of(runId: string): Uint8Array<ArrayBuffer> | null {
    const [row] = this.#sql.exec<{ sealed: ArrayBuffer }>(
      "SELECT sealed FROM receiver_answers WHERE run_id = ?",
      runId,
    );
    return row === undefined ? null : new Uint8Array(row.sealed);
  }

  /** The first answer stays, because it names the job that was started. */
  put(runId: string, sealed: Uint8Array<ArrayBuffer>): void {
    const insert = "INSERT INTO receiver_answers (run_id, sealed) VALUES (?, ?) ON CONFLICT DO NOTHING";
    this.#sql.exec(insert, runId, sealed);
  }

  erase(runId: string): void {
    this.#sql.exec("DELETE FROM receiver_answers WHERE run_id = ?", runId);
  }
}
