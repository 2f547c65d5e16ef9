/**
 * The journal's table of accepted cancels. A caller may repeat a cancel after the run has ended in some way, and
 * several callers can cancel one run. So the key of each accepted cancel is kept as long as the run, with whether the
 * cancel left a grace: at most CANCELS_MAX. A cancel that changed nothing and has a minted key is not kept, because
 * nobody can repeat it.
 */

/** The most cancels that are kept of one run. Callers can send any number, and each is a row. */
export const CANCELS_MAX = 1000;

/** An accepted cancel. `hasGrace`: the run stayed open, so that its job could stop. */
export interface AcceptedCancel {
  readonly key: string;
  readonly fingerprint: string;
  readonly hasGrace: boolean;
}

export class CancelRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The cancel that this key asked for; null if there was none. */
  of(runId: string, key: string): AcceptedCancel | null {
    const [row] = this.#sql.exec<{ fingerprint: string; hasGrace: number }>(
      "SELECT fingerprint, has_grace AS hasGrace FROM cancels WHERE run_id = ? AND key = ?",
      runId,
      key,
    );
    return row === undefined ? null : { key, fingerprint: row.fingerprint, hasGrace: row.hasGrace === 1 };
  }

  /** Beyond CANCELS_MAX, nothing is written. A repeated cancel then counts as a new one. */
  insert(runId: string, { key, fingerprint, hasGrace }: AcceptedCancel): void {
    this.#sql.exec(
      `INSERT INTO cancels (run_id, key, fingerprint, has_grace) SELECT ?1, ?2, ?3, ?4
       WHERE (SELECT count(*) FROM cancels WHERE run_id = ?1) < ?5`,
      ...[runId, key, fingerprint, hasGrace ? 1 : 0, CANCELS_MAX],
    );
  }
}
