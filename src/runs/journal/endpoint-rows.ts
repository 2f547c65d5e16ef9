/**
 * The journal's table of the environment's webhook endpoints, as D1 had them when they were last read. It has no secret.
 * A row without a version is an endpoint that somebody is about to store.
 */

import type { EndpointFilter, Listener } from "../matching.ts";
import type { EndpointKey, ReadEndpoint } from "../telling.ts";

type Row = Omit<ReadEndpoint, "isDisabled"> & { readonly isDisabled: number; readonly afterSeq: number };

const SELECT = `
  SELECT endpoint, version, is_disabled AS isDisabled, filter, after_seq AS afterSeq FROM endpoints ORDER BY endpoint`;

export class EndpointRows {
  readonly #sql: SqlStorage;
  /** Null: not read yet. Each end asks. */
  #listeners: readonly Listener[] | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The endpoints that nobody has disabled. */
  get listeners(): readonly Listener[] {
    this.#listeners ??= this.#all().flatMap(({ endpoint, version, isDisabled, filter: text, afterSeq }) => {
      if (version === 0 || isDisabled === 1) return [];
      const filter = JSON.parse(text) as EndpointFilter;
      return filter.disabled ? [] : [{ endpoint, afterSeq, filter }];
    });
    return this.#listeners;
  }

  /** Notes that an endpoint is about to be stored. It hears of no event up to the number `afterSeq`. */
  expect(endpoint: EndpointKey, afterSeq: number): void {
    this.#sql.exec(
      `INSERT INTO endpoints (endpoint, version, is_disabled, filter, after_seq) VALUES (?, 0, 0, '', ?)
       ON CONFLICT DO NOTHING`,
      endpoint,
      afterSeq,
    );
  }

  /**
   * Makes the table equal to what was read. An endpoint that nobody expected hears of events behind `afterSeq`.
   * `keepsExpected`: whether an endpoint that is not there may still be stored. Returns whether anything has changed.
   */
  replace(
    read: readonly ReadEndpoint[],
    { afterSeq, keepsExpected }: { readonly afterSeq: number; readonly keepsExpected: boolean },
  ): boolean {
    const known = new Map(this.#all().map((row) => [row.endpoint, row]));
    const changed = read.filter(({ endpoint, version, isDisabled, filter }) => {
      const row = known.get(endpoint);
      return row?.version !== version || row.isDisabled !== (isDisabled ? 1 : 0) || row.filter !== filter;
    });
    for (const { endpoint, version, isDisabled, filter } of changed) {
      // An end must never meet a filter that can't be read.
      JSON.parse(filter);
      this.#sql.exec(
        `INSERT INTO endpoints (endpoint, version, is_disabled, filter, after_seq) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET version = excluded.version, is_disabled = excluded.is_disabled,
           filter = excluded.filter`,
        endpoint,
        version,
        isDisabled ? 1 : 0,
        filter,
        afterSeq,
      );
    }
    const there = new Set(read.map(({ endpoint }) => endpoint));
    const gone = [...known.values()].filter(
      ({ endpoint, version }) => !there.has(endpoint) && !(version === 0 && keepsExpected),
    );
    for (const { endpoint } of gone) this.#sql.exec("DELETE FROM endpoints WHERE endpoint = ?", endpoint);
    this.#listeners = null;
    return changed.length + gone.length > 0;
  }

  /** Call this when writes were taken back. */
  forgetRead(): void {
    this.#listeners = null;
  }

  #all(): Row[] {
    return [...this.#sql.exec<Row & Record<string, SqlStorageValue>>(SELECT)];
  }
}
