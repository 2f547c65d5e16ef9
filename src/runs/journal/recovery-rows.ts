/** The journal's table of recoveries: an endpoint asks for deliveries again, and a walk over ended runs brings them. */

import type { EndpointKey, Recovery } from "../telling.ts";

type Row = Omit<Recovery, "isOver"> & { isOver: number; endpoint: EndpointKey };

/** `beforeSeq`: the walk goes on below this sequence number. 0: it has met every run. */
export interface StoredRecovery extends Recovery {
  readonly endpoint: EndpointKey;
  readonly beforeSeq: number;
}

const SELECT = `SELECT endpoint, since, until, include, before_seq AS beforeSeq, deliveries, is_over AS isOver FROM recoveries`;

export class RecoveryRows {
  readonly #sql: SqlStorage;
  /** Whether one is under way. Null: not read yet. It is cached because each change of a run asks. */
  #isAny: boolean | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  of(endpoint: EndpointKey): StoredRecovery | null {
    return this.#select("WHERE endpoint = ?", endpoint);
  }

  /** One that is not over; null if there is none. */
  next(): StoredRecovery | null {
    const next = this.#isAny === false ? null : this.#select("WHERE is_over = 0 LIMIT 1");
    this.#isAny = next !== null;
    return next;
  }

  get isAny(): boolean {
    return this.#isAny ?? this.next() !== null;
  }

  put({ endpoint, since, until, include, beforeSeq, deliveries, isOver }: StoredRecovery): void {
    this.#isAny = null;
    this.#sql.exec(
      `INSERT INTO recoveries (endpoint, since, until, include, before_seq, deliveries, is_over)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET since = excluded.since, until = excluded.until, include = excluded.include,
         before_seq = excluded.before_seq, deliveries = excluded.deliveries, is_over = excluded.is_over`,
      endpoint,
      since,
      until,
      include,
      beforeSeq,
      deliveries,
      isOver ? 1 : 0,
    );
  }

  erase(endpoint: EndpointKey): void {
    this.#isAny = null;
    this.#sql.exec("DELETE FROM recoveries WHERE endpoint = ?", endpoint);
  }

  /**
   * Forgets all endpoints but these, apart from recoveries under way: one of an endpoint that was stored a moment ago
   * must not get lost.
   */
  eraseOthers(endpoints: readonly EndpointKey[]): void {
    this.#sql.exec(
      "DELETE FROM recoveries WHERE is_over = 1 AND endpoint NOT IN (SELECT value FROM json_each(?))",
      JSON.stringify(endpoints),
    );
  }

  #select(clauses: string, ...bindings: string[]): StoredRecovery | null {
    const [row] = this.#sql.exec<Row & { beforeSeq: number }>(`${SELECT} ${clauses}`, ...bindings);
    return row === undefined ? null : { ...row, isOver: row.isOver === 1 };
  }
}
