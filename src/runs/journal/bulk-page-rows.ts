/**
 * The journal's table of the runs of bulk operations: up to 100 in a row, with what became of each. The runs that wait
 * at a gate are in the first rows, because a cancel takes them first: otherwise the room that it makes would start
 * them.
 *
 * An item's number says where it is: the row's number and the item's place in it.
 */

import type { BulkItem, NumberedItem, Outcome } from "../bulk.ts";

const ROW_RUNS = 100;
/** The number of the first row of runs that do not wait. */
const OTHERS_FROM = 1_000_000_000;

/** `isWaiting`: at a gate. */
interface Added {
  readonly id: string;
  readonly isWaiting: boolean;
}

/** As the row has it: a run that is undecided has its id alone. */
type StoredItem = readonly [id: string, outcome?: Outcome, code?: string | null, newRunId?: string | null];
type Row = { n: number; items: string };

export class BulkItemRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Adds runs behind those that are there. */
  add(bulkId: string, runs: readonly Added[]): void {
    const idsOf = (wait: boolean) => runs.flatMap(({ id, isWaiting }) => (isWaiting === wait ? [id] : []));
    this.#append(bulkId, idsOf(true), 0, OTHERS_FROM);
    this.#append(bulkId, idsOf(false), OTHERS_FROM, Number.MAX_SAFE_INTEGER);
  }

  /** The first undecided items of one row, from this number on. Empty if there are none. */
  undecided(bulkId: string, from: number, limit: number): readonly NumberedItem[] {
    const rows = this.#sql.exec<Row>(
      "SELECT n, items FROM bulk_items WHERE bulk_id = ? AND n >= ? AND undecided > 0 ORDER BY n",
      bulkId,
      Math.floor(from / ROW_RUNS),
    );
    for (const row of rows) {
      const items = numbered(row).filter(({ seq, outcome }) => seq >= from && outcome === null);
      if (items.length > 0) return items.slice(0, limit);
    }
    return [];
  }

  /** Writes what became of these items. */
  decide(bulkId: string, items: readonly NumberedItem[]): void {
    for (const [n, those] of Map.groupBy(items, ({ seq }) => Math.floor(seq / ROW_RUNS))) {
      const [row] = this.#sql.exec<Row>("SELECT n, items FROM bulk_items WHERE bulk_id = ? AND n = ?", bulkId, n);
      if (row === undefined) continue;
      const stored = JSON.parse(row.items) as StoredItem[];
      for (const item of those) stored[item.seq % ROW_RUNS] = toStored(item);
      this.#put(bulkId, n, stored);
    }
  }

  /** Items behind the number `after`. `outcome`: only with this one; null for all. */
  page(bulkId: string, outcome: Outcome | null, after: number, limit: number): NumberedItem[] {
    const found: NumberedItem[] = [];
    const rows = this.#sql.exec<Row>(
      "SELECT n, items FROM bulk_items WHERE bulk_id = ? AND n >= ? ORDER BY n",
      bulkId,
      Math.floor(after / ROW_RUNS),
    );
    for (const row of rows) {
      const items = numbered(row).filter((item) => item.seq > after && (outcome === null || item.outcome === outcome));
      found.push(...items);
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  erase(bulkId: string): void {
    this.#sql.exec("DELETE FROM bulk_items WHERE bulk_id = ?", bulkId);
  }

  /** In rows whose numbers are in this range. */
  #append(bulkId: string, ids: readonly string[], from: number, to: number): void {
    const last = "SELECT max(n) AS n FROM bulk_items WHERE bulk_id = ? AND n >= ? AND n < ?";
    const { n: lastRow } = this.#sql.exec<{ n: number | null }>(last, bulkId, from, to).one();
    let n = lastRow === null ? from : lastRow + 1;
    for (let at = 0; at < ids.length; at += ROW_RUNS) {
      const items = ids.slice(at, at + ROW_RUNS).map((id): StoredItem => [id]);
      this.#put(bulkId, n++, items);
    }
  }

  #put(bulkId: string, n: number, items: readonly StoredItem[]): void {
    const undecided = items.filter(({ length }) => length === 1).length;
    this.#sql.exec(
      `INSERT INTO bulk_items (bulk_id, n, undecided, items) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET undecided = excluded.undecided, items = excluded.items`,
      bulkId,
      n,
      undecided,
      JSON.stringify(items),
    );
  }
}

function numbered({ n, items }: Row): NumberedItem[] {
  return (JSON.parse(items) as StoredItem[]).map(([runId, outcome = null, code = null, newRunId = null], i) => ({
    seq: n * ROW_RUNS + i,
    runId,
    outcome,
    code,
    newRunId,
  }));
}

function toStored({ runId, outcome, code, newRunId }: BulkItem): StoredItem {
  return outcome === null ? [runId] : [runId, outcome, code, newRunId];
}
