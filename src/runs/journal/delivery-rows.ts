/** An endpoint's rows lie together, so that many cost the others nothing. One that is over is due when it expires. */
import {
  type Delivery,
  type DeliveryFilter,
  type DeliveryKind,
  type DeliveryPage,
  type DeliveryRef,
  type EndpointKey,
  type RunWithEvent,
  readDeliveryId,
} from "../endpoint-deliveries.ts";
import { AFTER_ALL_IDS } from "../run-id.ts";
import { BEGINNING, type Due, type DueRows, fittingIntoBatch, type Weight } from "./due-rows.ts";
import { Table } from "./rows.ts";

const PAGE_ROWS = 2000;
const DEFERRED_MS = 30_000;

const THIS = "WHERE endpoint = ? AND run_id = ? AND kind = ?";
const ID = "(endpoint || ' ' || run_id || ' ' || kind)";
const INDEXED = "deliveries INDEXED BY deliveries_due";

export class DeliveryRows extends Table<Delivery & { readonly dueAt: number }> implements DueRows {
  #endpoints: Set<EndpointKey> | null = null;
  #nextDueAt: number | null = null;

  of({ endpoint, runId, kind }: DeliveryRef): Delivery | null {
    return this.selectOne(THIS, endpoint, runId, kind);
  }

  /** False, and nothing is written, if there is this delivery already. */
  insert(delivery: Delivery): boolean {
    this.#endpoints?.add(delivery.endpoint);
    this.forget();
    return this.insertRow({ ...delivery, dueAt: dueAtOf(delivery) }, "ON CONFLICT DO NOTHING");
  }

  update(delivery: Delivery): void {
    const { endpoint, runId, kind, state, isResend, attempt, nextAt, leaseUntil, attempts } = delivery;
    const dueAt = dueAtOf(delivery);
    this.forget();
    this.updateRow({ state, isResend, attempt, nextAt, leaseUntil, dueAt, attempts }, THIS, endpoint, runId, kind);
  }

  erase({ endpoint, runId, kind }: DeliveryRef): void {
    this.forget();
    this.sql.exec(`DELETE FROM deliveries ${THIS}`, endpoint, runId, kind);
  }

  eraseWaiting(endpoint: EndpointKey, limit: number): void {
    this.forget();
    this.sql.exec(
      `DELETE FROM deliveries WHERE (endpoint, run_id, kind) IN (
         SELECT endpoint, run_id, kind FROM ${INDEXED} WHERE endpoint = ? AND (state = 'waiting') = 1 LIMIT ?)`,
      endpoint,
      limit,
    );
  }

  eraseOf(runIds: readonly string[]): void {
    const endpoints = [...this.#known()];
    if (endpoints.length === 0) return;
    this.forget();
    this.sql.exec(
      `DELETE FROM deliveries
       WHERE endpoint IN (SELECT value FROM json_each(?)) AND run_id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(endpoints),
      JSON.stringify(runIds),
    );
  }

  eraseExcerpts(runId: string): void {
    this.sql.exec(
      `UPDATE deliveries SET attempts = (
         SELECT json_group_array(json_set(value, '$.excerpt', NULL)) FROM json_each(attempts))
       WHERE endpoint IN (SELECT value FROM json_each(?)) AND run_id = ? AND attempts <> '[]'`,
      JSON.stringify([...this.#known()]),
      runId,
    );
  }

  runsWith(endpoint: EndpointKey, runs: readonly Pick<RunWithEvent, "id" | "kind">[]): ReadonlySet<string> {
    const ids = this.textsOf(
      `SELECT run_id FROM deliveries
       WHERE endpoint = ? AND (run_id, kind) IN (SELECT value ->> 'id', value ->> 'kind' FROM json_each(?))`,
      endpoint,
      JSON.stringify(runs.map(({ id, kind }) => ({ id, kind }))),
    );
    return new Set(ids);
  }

  page(endpoint: EndpointKey, { state, before, limit }: DeliveryFilter): DeliveryPage {
    const looked = this.query<{ runId: string; kind: DeliveryKind; state: string }>(
      `SELECT run_id AS runId, kind, state FROM deliveries WHERE endpoint = ? AND (run_id, kind) < (?, ?)
       ORDER BY run_id DESC, kind DESC LIMIT ?`,
      endpoint,
      before?.runId ?? AFTER_ALL_IDS,
      before?.kind ?? "",
      PAGE_ROWS,
    );
    const wanted = looked.filter((row) => state === undefined || row.state === state);
    const shown = wanted.slice(0, limit);
    const deliveries = shown.flatMap(({ runId, kind }) => this.of({ endpoint, runId, kind }) ?? []);
    const isCut = wanted.length > shown.length;
    const last = isCut ? shown.at(-1) : looked.at(-1);
    const isLonger = isCut || looked.length === PAGE_ROWS;
    return { deliveries, nextBefore: isLonger && last ? { runId: last.runId, kind: last.kind } : null };
  }

  due(now: number, limit: number, after = BEGINNING): Due[] {
    const next = `
      SELECT ${ID} AS id, due_at AS dueAt, weight AS bytes, 0 AS events FROM ${INDEXED}
      WHERE endpoint = ?1 AND (state = 'waiting') = ?2 AND due_at BETWEEN ?3 AND ?4 AND (due_at > ?3 OR ${ID} > ?5)
      ORDER BY due_at, run_id, kind LIMIT ?6`;
    const rows = [...this.#known()].flatMap((endpoint) =>
      [1, 0].flatMap((isWaiting) =>
        this.query<Due & Weight>(next, endpoint, isWaiting, after.dueAt, now, after.id, limit),
      ),
    );
    const inOrder = rows.sort((a, b) => a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1)).slice(0, limit);
    return fittingIntoBatch(inOrder);
  }

  /** Those that wait are few, or their endpoint has failed for days. */
  overdue(now: number, limit: number): Due[] {
    const over = `
      SELECT ${ID} AS id, due_at AS dueAt FROM ${INDEXED}
      WHERE endpoint = ?1 AND (state = 'waiting') = 1 AND due_at <= ?2 AND expires_at <= ?2 LIMIT ?3`;
    return [...this.#known()].flatMap((endpoint) => this.query<Due>(over, endpoint, now, limit)).slice(0, limit);
  }

  firstEndAt(now: number): number {
    const first = `
      SELECT min(expires_at) FROM ${INDEXED} WHERE endpoint = ?1 AND (state = 'waiting') = 1 AND due_at <= ?2`;
    return Math.min(...[...this.#known()].map((endpoint) => this.instantOf(first, endpoint, now)));
  }

  forget(): void {
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

  /** Reads where `last` stands now, because the answer to its attempt has moved it. */
  nextInTurn(endpoint: EndpointKey, last: string | undefined): Due | null {
    const dueAt = last === undefined ? null : this.#waitsUntil(readDeliveryId(last));
    const behind = last === undefined || dueAt === null ? null : this.#next("", endpoint, { dueAt, id: last });
    return behind ?? this.#next("", endpoint, BEGINNING);
  }

  defer(id: string, now: number): void {
    this.forget();
    const { endpoint, runId, kind } = readDeliveryId(id);
    const update = `UPDATE deliveries SET due_at = ?, next_at = iif(next_at IS NULL, NULL, ?) ${THIS}`;
    this.sql.exec(update, now + DEFERRED_MS, now + DEFERRED_MS, endpoint, runId, kind);
  }

  #waitsUntil({ endpoint, runId, kind }: DeliveryRef): number | null {
    return this.numberOf(`SELECT due_at FROM deliveries ${THIS} AND state = 'waiting'`, endpoint, runId, kind);
  }

  #next(condition: string, endpoint: EndpointKey, after: Due, ...bindings: number[]): Due | null {
    return this.firstOf(
      `SELECT ${ID} AS id, due_at AS dueAt FROM ${INDEXED}
       WHERE endpoint = ?1 AND (state = 'waiting') = 1 AND due_at >= ?2 AND (due_at > ?2 OR ${ID} > ?3)
         AND lease_until IS NULL ${condition}
       ORDER BY due_at, run_id, kind LIMIT 1`,
      endpoint,
      after.dueAt,
      after.id,
      ...bindings,
    );
  }

  #firstDueAt(after: Due): number {
    const endpoints = [...this.#known()];
    if (endpoints.length === 0) return Number.POSITIVE_INFINITY;
    return this.instantOf(
      `SELECT min((
         SELECT min(due_at) FROM ${INDEXED}
         WHERE endpoint = known.value AND (state = 'waiting') = waits.is_waiting
           AND due_at >= ?2 AND (due_at > ?2 OR ${ID} > ?3)))
       FROM json_each(?1) AS known, (SELECT 1 AS is_waiting UNION ALL SELECT 0) AS waits`,
      JSON.stringify(endpoints),
      after.dueAt,
      after.id,
    );
  }

  /** Leaps from one endpoint to the next. */
  #known(): ReadonlySet<EndpointKey> {
    this.#endpoints ??= new Set(
      this.textsOf(
        `WITH RECURSIVE known (endpoint) AS (
           SELECT min(endpoint) FROM deliveries
           UNION ALL
           SELECT (SELECT min(endpoint) FROM deliveries WHERE endpoint > known.endpoint) FROM known
           WHERE known.endpoint IS NOT NULL)
         SELECT endpoint FROM known WHERE endpoint IS NOT NULL`,
      ),
    );
    return this.#endpoints;
  }
}

function dueAtOf({ state, nextAt, leaseUntil, expiresAt }: Delivery): number {
  return state === "waiting" ? (leaseUntil ?? Math.min(nextAt ?? expiresAt, expiresAt)) : expiresAt;
}
