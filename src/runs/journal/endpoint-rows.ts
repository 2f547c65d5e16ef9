/**
 * The journal's table of the environment's webhook endpoints, as D1 had them when they were last read. It has no secret.
 * A row without a version is an endpoint that somebody is about to store.
 */

import { DAY_MS, msSinceOrLongAgo } from "../../base/time.ts";
import type {
  EndpointFilter,
  EndpointHealth,
  EndpointKey,
  Listener,
  PreviousStatus,
  ReadEndpoint,
  Recovery,
} from "../endpoint-deliveries.ts";
import type { RunSource, Status } from "../run.ts";
import { KEYS_AND_IDS, keysJson } from "./run-rows.ts";
import { walkBy } from "./run-walks.ts";

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

/* SECTION:
 * The journal's table of how webhook endpoints have answered, per endpoint and the version of it that was used. An
 * endpoint that works costs at most one row a day.
 */

/** How many days with failures are kept. Three are enough to disable an endpoint. */
const DAYS_MAX = 7;

type HealthRow = Omit<EndpointHealth, "failedDays"> & { failedDays: string };

export class EndpointHealthRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  of(endpoint: EndpointKey): EndpointHealth | null {
    const [row] = this.#sql.exec<HealthRow>(
      `SELECT version, failures, failing_since AS failingSince, failed_days AS failedDays, succeeded_at AS succeededAt
       FROM endpoint_health WHERE endpoint = ?`,
      endpoint,
    );
    return row === undefined ? null : { ...row, failedDays: JSON.parse(row.failedDays) as number[] };
  }

  /** Notes an attempt that succeeded with this version of the endpoint. Writes at most once a day while all succeed. */
  succeeded(endpoint: EndpointKey, version: number, now: number): void {
    const health = this.#of(endpoint, version);
    if (health === null) return;
    const { failingSince, succeededAt } = health;
    if (failingSince === null && succeededAt !== null && msSinceOrLongAgo(succeededAt, now) < DAY_MS) return;
    this.#put(endpoint, { version, failures: 0, failingSince: null, failedDays: [], succeededAt: now });
  }

  /** Notes an attempt that failed. `isAlive`: whether the receiver answered that it works; null if nothing was sent. */
  failed(endpoint: EndpointKey, version: number, isAlive: boolean | null, now: number): void {
    const health = this.#of(endpoint, version);
    if (health === null) return;
    const days = new Set([...health.failedDays, Math.floor(now / DAY_MS)]);
    this.#put(endpoint, {
      ...health,
      failures: isAlive ? 0 : health.failures + (isAlive === null ? 0 : 1),
      failingSince: health.failingSince ?? now,
      failedDays: [...days].sort((a, b) => a - b).slice(-DAYS_MAX),
    });
  }

  /** Forgets an endpoint that is gone. */
  erase(endpoint: EndpointKey): void {
    this.#sql.exec("DELETE FROM endpoint_health WHERE endpoint = ?", endpoint);
  }

  /** Forgets all endpoints but these. One that was stored a moment ago may be forgotten, too. It then begins anew. */
  eraseOthers(endpoints: readonly EndpointKey[]): void {
    this.#sql.exec(
      "DELETE FROM endpoint_health WHERE endpoint NOT IN (SELECT value FROM json_each(?))",
      JSON.stringify(endpoints),
    );
  }

  /** What is known of this version. A newer version starts anew. Null for an older one, whose results no longer count. */
  #of(endpoint: EndpointKey, version: number): EndpointHealth | null {
    const health = this.of(endpoint);
    if (health?.version === version) return health;
    if (health !== null && health.version > version) return null;
    return { version, failures: 0, failingSince: null, failedDays: [], succeededAt: null };
  }

  #put(endpoint: EndpointKey, health: EndpointHealth): void {
    const { version, failures, failingSince, failedDays, succeededAt } = health;
    this.#sql.exec(
      `INSERT INTO endpoint_health (endpoint, version, failures, failing_since, failed_days, succeeded_at)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET version = excluded.version, failures = excluded.failures,
         failing_since = excluded.failing_since, failed_days = excluded.failed_days,
         succeeded_at = excluded.succeeded_at`,
      endpoint,
      version,
      failures,
      failingSince,
      JSON.stringify(failedDays),
      succeededAt,
    );
  }
}

/* SECTION: The journal's table of recoveries: an endpoint asks for deliveries again, and a walk over ended runs brings them. */

type RecoveryRow = Omit<Recovery, "isOver"> & { isOver: number; endpoint: EndpointKey };

/** `beforeSeq`: the walk goes on below this sequence number. 0: it has met every run. */
export interface StoredRecovery extends Recovery {
  readonly endpoint: EndpointKey;
  readonly beforeSeq: number;
}

const SELECT_RECOVERY = `SELECT endpoint, since, until, include, before_seq AS beforeSeq, deliveries, is_over AS isOver FROM recoveries`;

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
    const [row] = this.#sql.exec<RecoveryRow & { beforeSeq: number }>(`${SELECT_RECOVERY} ${clauses}`, ...bindings);
    return row === undefined ? null : { ...row, isOver: row.isOver === 1 };
  }
}

/* SECTION:
 * The journal's table of last outcomes: how the run of an action and entity that ended last has ended, if it succeeded or
 * failed. Runs of stored actions are compared with such runs, and others with others, because a caller can give a run any
 * name. The table has rows only while an endpoint needs them.
 */

/** How many rows one batch of a walk has. The object serves nobody else meanwhile. */
const BATCH_RUNS = 1000;

const COLUMNS = "id, status, source, action_name AS actionName, entity_id AS entityId";
const NEWEST_FIRST = walkBy("ended_seq", COLUMNS, { bounds: "$ < ?1", order: "DESC", limit: BATCH_RUNS });
/** An entity's id is never empty. */
const KEY = "action_name = ? AND entity_id = ? AND is_stored = ?";

/** A run that has ended. */
export interface EndedOutcome {
  readonly id: string;
  readonly status: Status;
  readonly source: RunSource;
  readonly actionName: string;
  readonly entityId: string | null;
}

type WalkedRow = EndedOutcome & { readonly seq: number; readonly isMet: number };

export class OutcomeRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The last outcome of the run's action and entity; null if none is known. */
  of(run: EndedOutcome): PreviousStatus {
    const [row] = this.#sql.exec<{ status: "succeeded" | "failed" }>(
      `SELECT status FROM outcomes WHERE ${KEY}`,
      ...keyOf(run),
    );
    return row?.status ?? null;
  }

  /** Notes that the run has ended after all others. */
  put(run: EndedOutcome): void {
    this.#insert(run, "DO UPDATE SET run_id = excluded.run_id, status = excluded.status");
  }

  /**
   * One batch of a walk over ended runs, newest first, below the number `below`. What later ends have noted stays.
   * Returns below which number the next batch begins; 0 if there is none.
   */
  fill(below: number): number {
    const rows = [...this.#sql.exec<WalkedRow & Record<string, SqlStorageValue>>(NEWEST_FIRST, below)];
    for (const row of rows) if (row.isMet === 1 && isOutcome(row)) this.#insert(row, "DO NOTHING");
    return rows.length < BATCH_RUNS ? 0 : (rows.at(-1)?.seq ?? 0);
  }

  /** Forgets the last outcome of the run's action and entity. */
  erase(run: EndedOutcome): void {
    this.#sql.exec(`DELETE FROM outcomes WHERE ${KEY}`, ...keyOf(run));
  }

  clear(): void {
    this.#sql.exec("DELETE FROM outcomes");
  }

  /** Erases the outcomes of these runs. Call it while the journal still has the runs. */
  eraseOf(ids: readonly string[]): void {
    this.#sql.exec(
      `DELETE FROM outcomes WHERE (action_name, entity_id, is_stored, run_id) IN (
         SELECT action_name, ifnull(entity_id, ''), source = 'action', id FROM runs
         WHERE (run_key, id) IN ${KEYS_AND_IDS})`,
      keysJson(ids),
    );
  }

  #insert(run: EndedOutcome, onConflict: string): void {
    this.#sql.exec(
      `INSERT INTO outcomes (action_name, entity_id, is_stored, run_id, status) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT ${onConflict}`,
      ...keyOf(run),
      run.id,
      run.status,
    );
  }
}

/** Only a success and a failure are compared. */
export function isOutcome({ status }: Pick<EndedOutcome, "status">): boolean {
  return status === "succeeded" || status === "failed";
}

function keyOf({ actionName, entityId, source }: EndedOutcome): [string, string, number] {
  return [actionName, entityId ?? "", source === "action" ? 1 : 0];
}
