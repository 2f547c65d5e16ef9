/**
 * The journal's table of accepted cancels. A run that was asked to stop can end in any way while a caller still repeats the
 * cancel, and several callers can cancel one run. So each accepted cancel is kept as long as its run.
 */

/** Of one run. Nobody needs as many, but each is a row that a caller makes at will. */
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

  /** Beyond CANCELS_MAX, nothing is written: a repetition is then judged as a new cancel. */
  insert(runId: string, { key, fingerprint, hasGrace }: AcceptedCancel): void {
    this.#sql.exec(
      `INSERT INTO cancels (run_id, key, fingerprint, has_grace) SELECT ?1, ?2, ?3, ?4
       WHERE (SELECT count(*) FROM cancels WHERE run_id = ?1) < ?5`,
      ...[runId, key, fingerprint, hasGrace ? 1 : 0, CANCELS_MAX],
    );
  }
}
