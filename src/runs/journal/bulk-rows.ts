import { DAY_MS, MINUTE_MS } from "../../base/time.ts";
import {
  type AbortReason,
  type BulkAction,
  type BulkCounts,
  type BulkItem,
  type BulkOperation,
  type BulkOrder,
  type EndedRuns,
  KEPT_DAYS,
  type NumberedItem,
  type Outcome,
  type Stopper,
} from "../bulk.ts";
import type { RunState } from "../run.ts";
import type { ChangeKey } from "../run-calls.ts";
import { Rows, Table } from "./rows.ts";

/** How long a reservation is kept that nobody begins. The write that comes between takes 20 s at most. */
export const RESERVED_MS = MINUTE_MS;

export interface StoredBulk extends BulkCounts {
  readonly id: string;
  readonly createKey: string;
  readonly fingerprint: string;
  readonly order: BulkOrder;
  readonly state: "reserved" | BulkOperation["status"];
  readonly abortReason: AbortReason | null;
  /** The collecting goes on below this id; null if it has not begun, or has no filter. */
  readonly below: string | null;
  /** The number of the item that is tried next. Only retries count up: a cancel decides each run the first time. */
  readonly nextSeq: number;
  /** The number of the pass over the undecided retries, from 1. */
  readonly pass: number;
  readonly createdAt: number;
  readonly completedAt: number | null;
  readonly stoppedBy: Stopper | null;
  readonly ended: EndedRuns | null;
  readonly isAudited: boolean;
  readonly isOver: boolean;
}

type Progress = Partial<Omit<StoredBulk, "id" | "createKey" | "fingerprint" | "order" | "createdAt">>;

type Row = Omit<StoredBulk, "order"> & { readonly bulkOrder: BulkOrder };

/** Open operations are also in memory, because each alarm that is set asks for them. */
export class BulkRows extends Table<Row> {
  #open: readonly StoredBulk[] | null = null;
  #purgeAt: number | null = null;

  open(): readonly StoredBulk[] {
    this.#open ??= this.#stored("INDEXED BY bulk_operations_open WHERE is_over = 0 ORDER BY id");
    return this.#open;
  }

  underWay(now: number): Readonly<Record<BulkAction, number>> {
    const those = this.open().filter((bulk) => bulk.completedAt === null && !isLost(bulk, now));
    const retries = those.filter(({ order }) => order.request.operation === "retry").length;
    return { retry: retries, cancel: those.length - retries };
  }

  of(id: string): StoredBulk | null {
    return this.#stored("WHERE id = ?", id)[0] ?? null;
  }

  byKey(key: string): StoredBulk | null {
    return this.#stored("WHERE create_key = ?", key)[0] ?? null;
  }

  /** Newest first, without reservations. */
  before(id: string | null, limit: number): StoredBulk[] {
    return this.#stored("WHERE id < ? AND state <> 'reserved' ORDER BY id DESC LIMIT ?", id ?? "g", limit);
  }

  isEmpty(): boolean {
    return !this.hasRow("SELECT 1 FROM bulk_operations LIMIT 1");
  }

  renew(id: string, now: number): void {
    this.#open = null;
    this.updateRow({ createdAt: now }, "WHERE id = ? AND state = 'reserved'", id);
  }

  insert(order: BulkOrder, { key, fingerprint }: ChangeKey, matched: number, now: number): void {
    this.#open = null;
    const { id } = order;
    this.insertRow({ id, createKey: key, fingerprint, bulkOrder: order, state: "reserved", matched, createdAt: now });
  }

  update(bulk: StoredBulk, progress: Progress): StoredBulk {
    this.forget();
    this.updateRow(progress, "WHERE id = ?", bulk.id);
    return { ...bulk, ...progress };
  }

  nextPurgeAt(): number {
    const first = "SELECT min(completed_at) FROM bulk_operations INDEXED BY bulk_operations_by_end WHERE is_over = 1";
    this.#purgeAt ??= this.instantOf(first) + KEPT_DAYS * DAY_MS;
    return this.#purgeAt;
  }

  purgeable(now: number): string[] {
    const lost = this.open().filter((bulk) => isLost(bulk, now));
    const old =
      now < this.nextPurgeAt()
        ? []
        : this.#stored("WHERE completed_at <= ? AND is_over = 1 LIMIT 1", now - KEPT_DAYS * DAY_MS);
    return [...lost, ...old].map(({ id }) => id);
  }

  erase(id: string): void {
    this.forget();
    this.sql.exec("DELETE FROM bulk_operations WHERE id = ?", id);
  }

  /** Call it after a transaction that failed. */
  forget(): void {
    this.#open = null;
    this.#purgeAt = null;
  }

  #stored(clauses: string, ...bindings: (string | number)[]): StoredBulk[] {
    return this.select(clauses, ...bindings).map(({ bulkOrder, ...row }) => ({ ...row, order: bulkOrder }));
  }
}

/** Whether a reservation was not used in time. After the clock stepped back, it lives longer. */
export function isLost({ state, createdAt }: StoredBulk, now: number): boolean {
  return state === "reserved" && now >= createdAt + RESERVED_MS;
}

export function shownBulk(bulk: StoredBulk): BulkOperation | null {
  const { state, order, abortReason, createdAt, completedAt, ended } = bulk;
  if (state === "reserved") return null;
  const { matched, accepted, skipped, failed } = bulk;
  const counts = { matched, accepted, skipped, failed };
  return { order, status: state, abortReason, counts, createdAt, completedAt, ended };
}

const ROW_RUNS = 100;
/** The number of the first row of runs that do not wait. */
const OTHERS_FROM = 1_000_000_000;

/** As the row has it: a run that is undecided has its id alone. */
type StoredItem = readonly [id: string, outcome?: Outcome, code?: string | null, newRunId?: string | null];
type PageRow = { n: number; items: string };

/** Up to 100 runs in a row. Those at a gate come first, because the room that a cancel makes would start them. */
export class BulkItemRows extends Rows {
  add(bulkId: string, runs: readonly Pick<RunState, "id" | "isWaiting">[]): void {
    const idsOf = (wait: boolean) => runs.flatMap(({ id, isWaiting }) => (isWaiting === wait ? [id] : []));
    this.#append(bulkId, idsOf(true), 0, OTHERS_FROM);
    this.#append(bulkId, idsOf(false), OTHERS_FROM, Number.MAX_SAFE_INTEGER);
  }

  /** The first undecided items of one row, from this number on. Empty if there are none. */
  undecided(bulkId: string, from: number, limit: number): readonly NumberedItem[] {
    const rows = "SELECT n, items FROM bulk_items WHERE bulk_id = ? AND n >= ? AND undecided > 0 ORDER BY n";
    for (const row of this.sql.exec<PageRow>(rows, bulkId, Math.floor(from / ROW_RUNS))) {
      const items = numbered(row).filter(({ seq, outcome }) => seq >= from && outcome === null);
      if (items.length > 0) return items.slice(0, limit);
    }
    return [];
  }

  decide(bulkId: string, items: readonly NumberedItem[]): void {
    for (const [n, those] of Map.groupBy(items, ({ seq }) => Math.floor(seq / ROW_RUNS))) {
      const row = this.firstOf<PageRow>("SELECT n, items FROM bulk_items WHERE bulk_id = ? AND n = ?", bulkId, n);
      if (row === null) continue;
      const stored = JSON.parse(row.items) as StoredItem[];
      for (const item of those) stored[item.seq % ROW_RUNS] = toStoredItem(item);
      this.#put(bulkId, n, stored);
    }
  }

  page(bulkId: string, outcome: Outcome | null, after: number, limit: number): NumberedItem[] {
    const found: NumberedItem[] = [];
    const rows = "SELECT n, items FROM bulk_items WHERE bulk_id = ? AND n >= ? ORDER BY n";
    for (const row of this.sql.exec<PageRow>(rows, bulkId, Math.floor(after / ROW_RUNS))) {
      const items = numbered(row).filter((item) => item.seq > after && (outcome === null || item.outcome === outcome));
      found.push(...items);
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  erase(bulkId: string): void {
    this.sql.exec("DELETE FROM bulk_items WHERE bulk_id = ?", bulkId);
  }

  #append(bulkId: string, ids: readonly string[], from: number, to: number): void {
    const last = "SELECT max(n) FROM bulk_items WHERE bulk_id = ? AND n >= ? AND n < ?";
    const lastRow = this.numberOf(last, bulkId, from, to);
    let n = lastRow === null ? from : lastRow + 1;
    for (let at = 0; at < ids.length; at += ROW_RUNS) {
      const items = ids.slice(at, at + ROW_RUNS).map((id): StoredItem => [id]);
      this.#put(bulkId, n++, items);
    }
  }

  #put(bulkId: string, n: number, items: readonly StoredItem[]): void {
    const undecided = items.filter(({ length }) => length === 1).length;
    this.sql.exec(
      `INSERT INTO bulk_items (bulk_id, n, undecided, items) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET undecided = excluded.undecided, items = excluded.items`,
      bulkId,
      n,
      undecided,
      JSON.stringify(items),
    );
  }
}

function numbered({ n, items }: PageRow): NumberedItem[] {
  return (JSON.parse(items) as StoredItem[]).map(([runId, outcome = null, code = null, newRunId = null], i) => ({
    seq: n * ROW_RUNS + i,
    runId,
    outcome,
    code,
    newRunId,
  }));
}

function toStoredItem({ runId, outcome, code, newRunId }: BulkItem): StoredItem {
  return outcome === null ? [runId] : [runId, outcome, code, newRunId];
}
