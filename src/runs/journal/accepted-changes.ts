/**
 * The journal's table of accepted changes that a caller may repeat after others came: cancels, approvals, rejections and
 * releases. So the key of each is kept as long as the run: at most ACCEPTED_MAX. A change that changed nothing and has
 * a key that the Worker created is not kept, because nobody can repeat it.
 */

/** The most changes that are kept of one run. Callers can send any number, and each is a row. */
export const ACCEPTED_MAX = 1000;

/** `hasGrace`: whether a cancel left the run open, so that its job could stop. `at`: when it was accepted, in ms. */
export interface AcceptedChange {
  readonly key: string;
  readonly fingerprint: string;
  readonly hasGrace: boolean;
  readonly at: number;
}

export class AcceptedChanges {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The change that this key asked for; null if there was none. */
  of(runId: string, key: string): AcceptedChange | null {
    const [row] = this.#sql.exec<{ fingerprint: string; hasGrace: number; at: number }>(
      "SELECT fingerprint, has_grace AS hasGrace, accepted_at AS at FROM accepted_changes WHERE run_id = ? AND key = ?",
      runId,
      key,
    );
    return row === undefined ? null : { ...row, key, hasGrace: row.hasGrace === 1 };
  }

  /** Beyond ACCEPTED_MAX, nothing is written. A repeated change then counts as a new one. */
  insert(runId: string, { key, fingerprint, hasGrace, at }: AcceptedChange): void {
    this.#sql.exec(
      `INSERT INTO accepted_changes (run_id, key, fingerprint, has_grace, accepted_at) SELECT ?1, ?2, ?3, ?4, ?5
       WHERE (SELECT count(*) FROM accepted_changes WHERE run_id = ?1) < ?6`,
      runId,
      key,
      fingerprint,
      hasGrace ? 1 : 0,
      at,
      ACCEPTED_MAX,
    );
  }
}
