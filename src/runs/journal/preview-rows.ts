/** The journal's table of previews: what an approver reads of the request that a run will send, until the run ends. */

export class PreviewRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** JSON text; null if the run has none, or has ended. */
  of(runId: string): string | null {
    const rows = this.#sql.exec<{ request: string }>("SELECT request FROM previews WHERE run_id = ?", runId);
    return [...rows][0]?.request ?? null;
  }

  insert(runId: string, request: string): void {
    this.#sql.exec("INSERT INTO previews (run_id, request) VALUES (?, ?)", runId, request);
  }

  erase(runId: string): void {
    this.#sql.exec("DELETE FROM previews WHERE run_id = ?", runId);
  }
}
