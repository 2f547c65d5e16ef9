/**
 * The journal's table of bulk operations. Those that are not over are also in memory, because each alarm that is set
 * asks for them.
 */
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
import type { ChangeKey } from "../run-calls.ts";

/** How long a reservation is kept that nobody begins. The write that comes between takes 20 s at most. */
export const RESERVED_MS = MINUTE_MS;

/** An operation with what only its coordinator needs. */
export interface StoredBulk extends BulkCounts {
  readonly id: string;
  readonly createKey: string;
  readonly fingerprint: string;
  readonly order: BulkOrder;
  /** `reserved`: not begun. */
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
  /** Whether the audit tells of its end. */
  readonly isAudited: boolean;
  /** Whether nothing is left to do for it. */
  readonly isOver: boolean;
}

type Row = Omit<StoredBulk, "order" | "stoppedBy" | "ended" | "isAudited" | "isOver"> & {
  readonly ended: string | null;
  readonly isAudited: number;
  readonly bulkOrder: string;
  readonly stoppedBy: string | null;
  readonly isOver: number;
};

const SELECT = `
  SELECT id, create_key AS createKey, fingerprint, bulk_order AS bulkOrder, state, abort_reason AS abortReason,
    matched, accepted, skipped, failed, below, next_seq AS nextSeq, pass,
    created_at AS createdAt, completed_at AS completedAt, stopped_by AS stoppedBy, ended,
    is_audited AS isAudited, is_over AS isOver
  FROM bulk_operations`;

/** What changes of an operation. */
type Progress = Partial<
  Pick<
    StoredBulk,
    | ("state" | "abortReason" | "matched" | "accepted" | "skipped" | "failed" | "below")
    | ("nextSeq" | "pass" | "completedAt" | "stoppedBy" | "ended" | "isAudited" | "isOver")
  >
>;

export class BulkRows {
  readonly #sql: SqlStorage;
  /** Null: not read since the last write. */
  #open: readonly StoredBulk[] | null = null;
  /** When the next operation is to be purged; null: not read yet. */
  #purgeAt: number | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Those that are not over, the oldest first. */
  open(): readonly StoredBulk[] {
    this.#open ??= this.#select("INDEXED BY bulk_operations_open WHERE is_over = 0 ORDER BY id");
    return this.#open;
  }

  /** How many operations are under way, or begin soon. */
  underWay(now: number): Readonly<Record<BulkAction, number>> {
    const those = this.open().filter((bulk) => bulk.completedAt === null && !isLost(bulk, now));
    const retries = those.filter(({ order }) => order.request.operation === "retry").length;
    return { retry: retries, cancel: those.length - retries };
  }

  of(id: string): StoredBulk | null {
    return this.#select("WHERE id = ?", id)[0] ?? null;
  }

  byKey(key: string): StoredBulk | null {
    return this.#select("WHERE create_key = ?", key)[0] ?? null;
  }

  /** Newest first. One that was only reserved is left out, because nothing may have begun. */
  before(id: string | null, limit: number): StoredBulk[] {
    return this.#select("WHERE id < ? AND state <> 'reserved' ORDER BY id DESC LIMIT ?", id ?? "g", limit);
  }

  isEmpty(): boolean {
    return [...this.#sql.exec("SELECT 1 FROM bulk_operations LIMIT 1")].length === 0;
  }

  /** Keeps the reservation of an operation for longer, because its caller has come again. */
  renew(id: string, now: number): void {
    this.#open = null;
    this.#sql.exec("UPDATE bulk_operations SET created_at = ? WHERE id = ? AND state = 'reserved'", now, id);
  }

  insert(order: BulkOrder, { key, fingerprint }: ChangeKey, matched: number, now: number): void {
    this.#open = null;
    this.#sql.exec(
      `INSERT INTO bulk_operations (id, create_key, fingerprint, bulk_order, state, matched, created_at)
       VALUES (?, ?, ?, ?, 'reserved', ?, ?)`,
      order.id,
      key,
      fingerprint,
      JSON.stringify(order),
      matched,
      now,
    );
  }

  /** Writes only what changes, because a column of an index costs a row of the index as well. */
  update(bulk: StoredBulk, progress: Progress): StoredBulk {
    this.forget();
    const set = Object.keys(progress).map((member) => `${columnOf(member)} = ?`);
    const values = Object.values(progress).map(columnValue);
    this.#sql.exec(`UPDATE bulk_operations SET ${set.join(", ")} WHERE id = ?`, ...values, bulk.id);
    return { ...bulk, ...progress };
  }

  /** When the next one is to be purged; Infinity if none is over. */
  nextPurgeAt(): number {
    const first =
      "SELECT min(completed_at) AS at FROM bulk_operations INDEXED BY bulk_operations_by_end WHERE is_over = 1";
    const { at } = this.#purgeAt === null ? this.#sql.exec<{ at: number | null }>(first).one() : { at: null };
    this.#purgeAt ??= at === null ? Number.POSITIVE_INFINITY : at + KEPT_DAYS * DAY_MS;
    return this.#purgeAt;
  }

  /** Those whose retention is over, and reservations that nobody has used. */
  purgeable(now: number): string[] {
    const lost = this.open().filter((bulk) => isLost(bulk, now));
    const old =
      now < this.nextPurgeAt()
        ? []
        : this.#select("WHERE completed_at <= ? AND is_over = 1 LIMIT 1", now - KEPT_DAYS * DAY_MS);
    return [...lost, ...old].map(({ id }) => id);
  }

  erase(id: string): void {
    this.forget();
    this.#sql.exec("DELETE FROM bulk_operations WHERE id = ?", id);
  }

  /** Call it after a transaction that failed, because memory has what the transaction took back. */
  forget(): void {
    this.#open = null;
    this.#purgeAt = null;
  }

  #select(clauses: string, ...bindings: (string | number)[]): StoredBulk[] {
    return [...this.#sql.exec<Pick<Row, keyof Row>>(`${SELECT} ${clauses}`, ...bindings)].map(toStored);
  }
}

/** The column of a member: `next_seq` for `nextSeq`. */
function columnOf(member: string): string {
  return member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function columnValue(value: Progress[keyof Progress]): string | number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "object" ? JSON.stringify(value) : value;
}

function toStored({ bulkOrder, stoppedBy, ended, isAudited, isOver, ...row }: Row): StoredBulk {
  return {
    ...row,
    ended: ended === null ? null : (JSON.parse(ended) as EndedRuns),
    isAudited: isAudited === 1,
    order: JSON.parse(bulkOrder) as BulkOrder,
    stoppedBy: stoppedBy === null ? null : (JSON.parse(stoppedBy) as Stopper),
    isOver: isOver === 1,
  };
}

/** Whether a reservation was not used in time. After the clock stepped back, it lives longer. */
export function isLost({ state, createdAt }: StoredBulk, now: number): boolean {
  return state === "reserved" && now >= createdAt + RESERVED_MS;
}

/** Null for a reservation. */
export function shownBulk(bulk: StoredBulk): BulkOperation | null {
  const { state, order, abortReason, createdAt, completedAt, ended } = bulk;
  if (state === "reserved") return null;
  const { matched, accepted, skipped, failed } = bulk;
  const counts = { matched, accepted, skipped, failed };
  return { order, status: state, abortReason, counts, createdAt, completedAt, ended };
}

/* SECTION:
 * The journal's table of the runs of bulk operations: up to 100 in a row, with what became of each. The runs that wait
 * at a gate are in the first rows, because a cancel takes them first: otherwise the room that it makes would start
 * them.
 *
 * An item's number says where it is: the row's number and the item's place in it.
 */

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
type PageRow = { n: number; items: string };

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
    const rows = this.#sql.exec<PageRow>(
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
      const [row] = this.#sql.exec<PageRow>("SELECT n, items FROM bulk_items WHERE bulk_id = ? AND n = ?", bulkId, n);
      if (row === undefined) continue;
      const stored = JSON.parse(row.items) as StoredItem[];
      for (const item of those) stored[item.seq % ROW_RUNS] = toStoredItem(item);
      this.#put(bulkId, n, stored);
    }
  }

  /** Items behind the number `after`. `outcome`: only with this one; null for all. */
  page(bulkId: string, outcome: Outcome | null, after: number, limit: number): NumberedItem[] {
    const found: NumberedItem[] = [];
    const rows = this.#sql.exec<PageRow>(
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
