/**
 * The journal's table of deliveries: which webhook endpoint hears of which run, and how far each delivery got. A
 * delivery that waits is due when its next attempt is, and one that is over is due when its row expires. The rows of an
 * endpoint lie together, so that an endpoint with many waiting deliveries costs the others nothing.
 */
import {
  type Delivery,
  type DeliveryFilter,
  type DeliveryKind,
  type DeliveryPage,
  type DeliveryRef,
  type EndpointKey,
  type MadeAttempt,
  type RunWithEvent,
  readDeliveryId,
} from "../endpoint-deliveries.ts";
import { BEGINNING, type Due, type DueRows, fittingIntoBatch } from "./due-rows.ts";

type Row = Omit<Delivery, "isResend" | "attempts"> & { isResend: number; attempts: string };
type DueRow = { id: string; dueAt: number; bytes: number };

/** How many rows a page reads at most. */
const PAGE_ROWS = 2000;
/** How long a row waits if it could not be processed. */
const DEFERRED_MS = 30_000;
const AFTER_ALL_IDS = "g";

const COLUMNS = `endpoint, run_id AS runId, kind, type, state, is_resend AS isResend,
  weight, attempt, next_at AS nextAt, lease_until AS leaseUntil, expires_at AS expiresAt, attempts`;
const THIS = "endpoint = ? AND run_id = ? AND kind = ?";
const ID = "(endpoint || ' ' || run_id || ' ' || kind)";
const INDEXED = "deliveries INDEXED BY deliveries_due";

export class DeliveryRows implements DueRows {
  readonly #sql: SqlStorage;
  /** The endpoints that may have rows. Null: not read yet. */
  #endpoints: Set<EndpointKey> | null = null;
  /** When the first row is due. Null: not read yet. It is cached because each change of a run asks. */
  #nextDueAt: number | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  of({ endpoint, runId, kind }: DeliveryRef): Delivery | null {
    const [row] = this.#sql.exec<Row>(`SELECT ${COLUMNS} FROM deliveries WHERE ${THIS}`, endpoint, runId, kind);
    return row === undefined ? null : toDelivery(row);
  }

  /** False, and nothing is written, if there is this delivery already. */
  insert(delivery: Delivery): boolean {
    const { endpoint, runId, kind, type, weight, expiresAt } = delivery;
    this.#endpoints?.add(endpoint);
    this.#nextDueAt = null;
    const inserted = this.#sql.exec(
      `INSERT INTO deliveries (endpoint, run_id, kind, type, weight, expires_at, state, is_resend, attempt, next_at,
         lease_until, due_at, attempts)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1`,
      endpoint,
      runId,
      kind,
      type,
      weight,
      expiresAt,
      ...progressOf(delivery),
    );
    return [...inserted].length > 0;
  }

  /** Writes how far a delivery got. */
  update(delivery: Delivery): void {
    this.#nextDueAt = null;
    this.#sql.exec(
      `UPDATE deliveries SET state = ?, is_resend = ?, attempt = ?, next_at = ?, lease_until = ?, due_at = ?, attempts = ?
       WHERE ${THIS}`,
      ...progressOf(delivery),
      delivery.endpoint,
      delivery.runId,
      delivery.kind,
    );
  }

  erase({ endpoint, runId, kind }: DeliveryRef): void {
    this.#nextDueAt = null;
    this.#sql.exec(`DELETE FROM deliveries WHERE ${THIS}`, endpoint, runId, kind);
  }

  /** Erases deliveries of an endpoint that wait: at most `limit`. Returns how many. */
  eraseWaiting(endpoint: EndpointKey, limit: number): number {
    this.#nextDueAt = null;
    const erased = this.#sql.exec(
      `DELETE FROM deliveries WHERE (endpoint, run_id, kind) IN (
         SELECT endpoint, run_id, kind FROM ${INDEXED} WHERE endpoint = ? AND (state = 'waiting') = 1 LIMIT ?)
       RETURNING 1`,
      endpoint,
      limit,
    );
    return [...erased].length;
  }

  /** Erases the deliveries of these runs. */
  eraseOf(runIds: readonly string[]): void {
    const endpoints = [...this.#known()];
    if (endpoints.length === 0) return;
    this.#nextDueAt = null;
    this.#sql.exec(
      `DELETE FROM deliveries
       WHERE endpoint IN (SELECT value FROM json_each(?)) AND run_id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(endpoints),
      JSON.stringify(runIds),
    );
  }

  /** Which of these runs have the delivery of their newest event for the endpoint. */
  runsWith(endpoint: EndpointKey, runs: readonly Pick<RunWithEvent, "id" | "kind">[]): ReadonlySet<string> {
    const rows = this.#sql.exec<{ id: string }>(
      `SELECT run_id AS id FROM deliveries
       WHERE endpoint = ? AND (run_id, kind) IN (SELECT value ->> 'id', value ->> 'kind' FROM json_each(?))`,
      endpoint,
      JSON.stringify(runs.map(({ id, kind }) => ({ id, kind }))),
    );
    return new Set([...rows].map(({ id }) => id));
  }

  /** Deliveries of an endpoint, newest run first. */
  page(endpoint: EndpointKey, { state, before, limit }: DeliveryFilter): DeliveryPage {
    const looked = [
      ...this.#sql.exec<{ runId: string; kind: DeliveryKind; state: string }>(
        `SELECT run_id AS runId, kind, state FROM deliveries WHERE endpoint = ? AND (run_id, kind) < (?, ?)
         ORDER BY run_id DESC, kind DESC LIMIT ?`,
        endpoint,
        before?.runId ?? AFTER_ALL_IDS,
        before?.kind ?? "",
        PAGE_ROWS,
      ),
    ];
    const wanted = looked.filter((row) => state === undefined || row.state === state);
    const shown = wanted.slice(0, limit);
    const deliveries = shown.flatMap(({ runId, kind }) => this.of({ endpoint, runId, kind }) ?? []);
    const isCut = wanted.length > shown.length;
    const last = isCut ? shown.at(-1) : looked.at(-1);
    const isLonger = isCut || looked.length === PAGE_ROWS;
    return { deliveries, nextBefore: isLonger && last ? { runId: last.runId, kind: last.kind } : null };
  }

  due(now: number, limit: number, after = BEGINNING): Due[] {
    const rows = this.#ofAll<DueRow>(
      `SELECT ${ID} AS id, due_at AS dueAt, weight AS bytes FROM ${INDEXED}
       WHERE endpoint = ?1 AND (state = 'waiting') = ?2 AND due_at BETWEEN ?3 AND ?4 AND (due_at > ?3 OR ${ID} > ?5)
       ORDER BY due_at, run_id, kind LIMIT ?6`,
      after.dueAt,
      now,
      after.id,
      limit,
    );
    const inOrder = rows.sort((a, b) => a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1)).slice(0, limit);
    return fittingIntoBatch(inOrder.map((row) => ({ ...row, events: 0 })));
  }

  /**
   * The rows of a delivery are over when it expires. Those that wait are few, or their endpoint has failed for days.
   */
  overdue(now: number, limit: number): Due[] {
    return this.#ofWaiting<DueRow>(
      `SELECT ${ID} AS id, due_at AS dueAt, weight AS bytes FROM ${INDEXED}
       WHERE endpoint = ?1 AND (state = 'waiting') = 1 AND due_at <= ?2 AND expires_at <= ?2 LIMIT ?3`,
      now,
      limit,
    ).slice(0, limit);
  }

  firstEndAt(now: number): number {
    return this.#min(
      this.#ofWaiting<{ at: number | null }>(
        `SELECT min(expires_at) AS at FROM ${INDEXED}
         WHERE endpoint = ?1 AND (state = 'waiting') = 1 AND due_at <= ?2`,
        now,
      ),
    );
  }

  /** Call this when writes were taken back. */
  forgetRead(): void {
    this.#nextDueAt = null;
  }

  nextDueAt(after = BEGINNING): number {
    if (after !== BEGINNING) return this.#firstDueAt(after);
    this.#nextDueAt ??= this.#firstDueAt(after);
    return this.#nextDueAt;
  }

  nextWaiting(endpoint: string, isRetry: boolean, now: number, after: Due): Due | null {
    return this.#next("AND (attempt > 0) = ?4 AND next_at <= ?5", endpoint, after, isRetry ? 1 : 0, now);
  }

  /**
   * The endpoint's next delivery behind the delivery `last` that waits, whenever it is due. Where `last` stands is read
   * now, because the answer to its attempt has moved it.
   */
  nextInTurn(endpoint: EndpointKey, last: string | undefined): Due | null {
    const dueAt = last === undefined ? null : this.#waitsUntil(readDeliveryId(last));
    const behind = last === undefined || dueAt === null ? null : this.#next("", endpoint, { dueAt, id: last });
    return behind ?? this.#next("", endpoint, BEGINNING);
  }

  defer(id: string, now: number): void {
    this.#nextDueAt = null;
    const { endpoint, runId, kind } = readDeliveryId(id);
    this.#sql.exec(
      `UPDATE deliveries SET due_at = ?1, next_at = iif(next_at IS NULL, NULL, ?1)
       WHERE endpoint = ?2 AND run_id = ?3 AND kind = ?4`,
      now + DEFERRED_MS,
      endpoint,
      runId,
      kind,
    );
  }

  /** When a delivery is due that waits; null for any other one. */
  #waitsUntil({ endpoint, runId, kind }: DeliveryRef): number | null {
    const [row] = this.#sql.exec<{ dueAt: number }>(
      `SELECT due_at AS dueAt FROM deliveries WHERE ${THIS} AND state = 'waiting'`,
      endpoint,
      runId,
      kind,
    );
    return row?.dueAt ?? null;
  }

  #next(condition: string, endpoint: EndpointKey, after: Due, ...bindings: number[]): Due | null {
    const found = this.#sql.exec<{ id: string; dueAt: number }>(
      `SELECT ${ID} AS id, due_at AS dueAt FROM ${INDEXED}
       WHERE endpoint = ?1 AND (state = 'waiting') = 1 AND due_at >= ?2 AND (due_at > ?2 OR ${ID} > ?3)
         AND lease_until IS NULL ${condition}
       ORDER BY due_at, run_id, kind LIMIT 1`,
      endpoint,
      after.dueAt,
      after.id,
      ...bindings,
    );
    return [...found][0] ?? null;
  }

  /** One statement for all endpoints, because each change of a run can ask. */
  #firstDueAt(after: Due): number {
    const endpoints = [...this.#known()];
    if (endpoints.length === 0) return Number.POSITIVE_INFINITY;
    const { at } = this.#sql
      .exec<{ at: number | null }>(
        `SELECT min((
           SELECT min(due_at) FROM ${INDEXED}
           WHERE endpoint = known.value AND (state = 'waiting') = waits.is_waiting
             AND due_at >= ?2 AND (due_at > ?2 OR ${ID} > ?3))) AS at
         FROM json_each(?1) AS known, (SELECT 1 AS is_waiting UNION ALL SELECT 0) AS waits`,
        JSON.stringify(endpoints),
        after.dueAt,
        after.id,
      )
      .one();
    return at ?? Number.POSITIVE_INFINITY;
  }

  #min(rows: readonly { readonly at: number | null }[]): number {
    return Math.min(...rows.map(({ at }) => at ?? Number.POSITIVE_INFINITY));
  }

  #ofWaiting<T extends Record<string, SqlStorageValue>>(query: string, ...bindings: (string | number)[]): T[] {
    return [...this.#known()].flatMap((endpoint) => [...this.#sql.exec<T>(query, endpoint, ...bindings)]);
  }

  /** The rows of a query for each endpoint (?1), first for deliveries that wait and then for the others (?2). */
  #ofAll<T extends Record<string, SqlStorageValue>>(query: string, ...bindings: (string | number)[]): T[] {
    return [...this.#known()].flatMap((endpoint) =>
      [1, 0].flatMap((isWaiting) => [...this.#sql.exec<T>(query, endpoint, isWaiting, ...bindings)]),
    );
  }

  /** Leaps from one endpoint to the next. */
  #known(): ReadonlySet<EndpointKey> {
    this.#endpoints ??= new Set(
      [
        ...this.#sql.exec<{ endpoint: string }>(
          `WITH RECURSIVE known (endpoint) AS (
             SELECT min(endpoint) FROM deliveries
             UNION ALL
             SELECT (SELECT min(endpoint) FROM deliveries WHERE endpoint > known.endpoint) FROM known
             WHERE known.endpoint IS NOT NULL)
           SELECT endpoint FROM known WHERE endpoint IS NOT NULL`,
        ),
      ].map(({ endpoint }) => endpoint),
    );
    return this.#endpoints;
  }
}

function toDelivery({ isResend, attempts, ...row }: Row): Delivery {
  return { ...row, isResend: isResend === 1, attempts: JSON.parse(attempts) as MadeAttempt[] };
}

/** The values of the columns that change, in their order. */
function progressOf(delivery: Delivery): (string | number | null)[] {
  const { state, isResend, attempt, nextAt, leaseUntil, expiresAt, attempts } = delivery;
  const dueAt = state === "waiting" ? (leaseUntil ?? Math.min(nextAt ?? expiresAt, expiresAt)) : expiresAt;
  return [state, isResend ? 1 : 0, attempt, nextAt, leaseUntil, dueAt, JSON.stringify(attempts)];
}
