import { DAY_MS, msSinceOrLongAgo } from "../../base/time.ts";
import {
  type EndpointFilter,
  type EndpointHealth,
  type EndpointKey,
  type Listener,
  type PreviousStatus,
  type ReadEndpoint,
  type Recovery,
  readEndpointKey,
} from "../endpoint-deliveries.ts";
import type { Run } from "../run.ts";
import { type EndpointCount, OUTCOMES, type Outcome } from "../run-counts.ts";
import { Rows, Table } from "./rows.ts";
import { KEYS_AND_IDS, keysJson } from "./run-rows.ts";
import { WALK_ROWS, walkBy } from "./run-walks.ts";

/** The endpoints as D1 had them when they were last read, without secrets. Version 0: somebody is about to store it. */
export class EndpointRows extends Table<ReadEndpoint & { readonly afterSeq: number }> {
  #listeners: readonly Listener[] | null = null;

  get listeners(): readonly Listener[] {
    this.#listeners ??= this.select("ORDER BY endpoint").flatMap((row) => {
      const { endpoint, version, isDisabled, filter: text, afterSeq } = row;
      if (version === 0 || isDisabled) return [];
      const filter = JSON.parse(text) as EndpointFilter;
      return filter.disabled ? [] : [{ endpoint, afterSeq, filter }];
    });
    return this.#listeners;
  }

  /** Notes that an endpoint is about to be stored. It hears of no event up to the number `afterSeq`. */
  expect(endpoint: EndpointKey, afterSeq: number): void {
    this.insertRow({ endpoint, version: 0, isDisabled: false, filter: "", afterSeq }, "ON CONFLICT DO NOTHING");
  }

  /** An endpoint that nobody expected hears of events behind `afterSeq`. Returns whether anything has changed. */
  replace(
    read: readonly ReadEndpoint[],
    { afterSeq, keepsExpected }: { readonly afterSeq: number; readonly keepsExpected: boolean },
  ): boolean {
    const known = new Map(this.select("").map((row) => [row.endpoint, row]));
    const changed = read.filter(({ endpoint, version, isDisabled, filter }) => {
      const row = known.get(endpoint);
      return row?.version !== version || row.isDisabled !== isDisabled || row.filter !== filter;
    });
    for (const { endpoint, version, isDisabled, filter } of changed) {
      // An end must never meet a filter that can't be read.
      JSON.parse(filter);
      const since = known.get(endpoint)?.afterSeq ?? afterSeq;
      this.putRow({ endpoint, version, isDisabled, filter, afterSeq: since });
    }
    const there = new Set(read.map(({ endpoint }) => endpoint));
    const gone = [...known.values()].filter(
      ({ endpoint, version }) => !there.has(endpoint) && !(version === 0 && keepsExpected),
    );
    for (const { endpoint } of gone) this.sql.exec("DELETE FROM endpoints WHERE endpoint = ?", endpoint);
    this.forget();
    return changed.length + gone.length > 0;
  }

  forget(): void {
    this.#listeners = null;
  }
}

/** How many days with failures are kept. Three are enough to disable an endpoint. */
const DAYS_MAX = 7;

/** By the version of the endpoint that was used. An endpoint that works costs at most one row a day. */
export class EndpointHealthRows extends Table<EndpointHealth & { readonly endpoint: EndpointKey }> {
  of(endpoint: EndpointKey): EndpointHealth | null {
    return this.selectOne("WHERE endpoint = ?", endpoint);
  }

  succeeded(endpoint: EndpointKey, version: number, now: number): void {
    const health = this.#of(endpoint, version);
    if (health === null) return;
    const { failingSince, succeededAt } = health;
    if (failingSince === null && succeededAt !== null && msSinceOrLongAgo(succeededAt, now) < DAY_MS) return;
    this.putRow({ endpoint, version, failures: 0, failingSince: null, failedDays: [], succeededAt: now });
  }

  /** Notes an attempt that failed. `isAlive`: whether the receiver answered that it works; null if nothing was sent. */
  failed(endpoint: EndpointKey, version: number, isAlive: boolean | null, now: number): void {
    const health = this.#of(endpoint, version);
    if (health === null) return;
    const days = new Set([...health.failedDays, Math.floor(now / DAY_MS)]);
    this.putRow({
      ...health,
      endpoint,
      failures: isAlive ? 0 : health.failures + (isAlive === null ? 0 : 1),
      failingSince: health.failingSince ?? now,
      failedDays: [...days].sort((a, b) => a - b).slice(-DAYS_MAX),
    });
  }

  /** Counts a delivery that is over. An endpoint that no attempt has reached has no counts. */
  count(endpoint: EndpointKey, outcome: Outcome): void {
    this.sql.exec(`UPDATE endpoint_health SET ${outcome} = ${outcome} + 1 WHERE endpoint = ?`, endpoint);
  }

  counts(): EndpointCount[] {
    const rows = this.query<Omit<EndpointCount, "name" | "isDisabled"> & { endpoint: string; isDisabled: number }>(
      `SELECT endpoint, is_disabled AS isDisabled, failing_since AS failingSince,
         ${OUTCOMES.map((outcome) => `ifnull(${outcome}, 0) AS ${outcome}`).join(", ")}
       FROM endpoints LEFT JOIN endpoint_health USING (endpoint) WHERE endpoints.version > 0`,
    );
    // One that was stored again under a deleted name can stand beside the first one until the endpoints are read.
    const byName = new Map(rows.map((row) => [readEndpointKey(row.endpoint).name, row]));
    return [...byName].map(([name, { isDisabled, ...row }]) => ({ ...row, name, isDisabled: isDisabled === 1 }));
  }

  erase(endpoint: EndpointKey): void {
    this.sql.exec("DELETE FROM endpoint_health WHERE endpoint = ?", endpoint);
  }

  /** One that was stored a moment ago may be forgotten, too. It then begins anew. */
  eraseOthers(endpoints: readonly EndpointKey[]): void {
    this.sql.exec(
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
}

/** `beforeSeq`: the walk goes on below this sequence number. 0: it has met every run. */
export interface StoredRecovery extends Recovery {
  readonly endpoint: EndpointKey;
  readonly beforeSeq: number;
}

export class RecoveryRows extends Table<StoredRecovery> {
  /** Whether one is under way. Null: not read yet. It is cached because each change of a run asks. */
  #isAny: boolean | null = null;

  of(endpoint: EndpointKey): StoredRecovery | null {
    return this.selectOne("WHERE endpoint = ?", endpoint);
  }

  next(): StoredRecovery | null {
    const next = this.#isAny === false ? null : this.selectOne("WHERE is_over = 0 LIMIT 1");
    this.#isAny = next !== null;
    return next;
  }

  get isAny(): boolean {
    return this.#isAny ?? this.next() !== null;
  }

  put(recovery: StoredRecovery): void {
    this.#isAny = null;
    this.putRow(recovery);
  }

  erase(endpoint: EndpointKey): void {
    this.#isAny = null;
    this.sql.exec("DELETE FROM recoveries WHERE endpoint = ?", endpoint);
  }

  /** Keeps recoveries under way: one of an endpoint that was stored a moment ago must not get lost. */
  eraseOthers(endpoints: readonly EndpointKey[]): void {
    this.sql.exec(
      "DELETE FROM recoveries WHERE is_over = 1 AND endpoint NOT IN (SELECT value FROM json_each(?))",
      JSON.stringify(endpoints),
    );
  }
}

const COLUMNS =
  "id, status, source, action_name AS actionName, entity_id AS entityId, subject, erased_at IS NOT NULL AS isErased, " +
  "next_retry IS NULL OR next_retry ->> 'dropped' IS NOT NULL AS isFinal";
const NEWEST_FIRST = walkBy("ended_seq", COLUMNS, { bounds: "$ < ?1", order: "DESC" });
/** An entity's id is never empty, and no subject is. */
const KEY = "action_name = ? AND entity_id = ? AND subject = ? AND is_stored = ?";

export type EndedOutcome = Pick<Run, "id" | "status" | "source" | "actionName" | "entityId" | "subject">;

/** Runs of stored actions are compared only with each other: a caller can give any name. Has rows only while needed. */
export class OutcomeRows extends Rows {
  of(run: EndedOutcome): PreviousStatus {
    const [status] = this.textsOf(`SELECT status FROM outcomes WHERE ${KEY}`, ...keyOf(run));
    return (status as PreviousStatus | undefined) ?? null;
  }

  put(run: EndedOutcome): void {
    this.#insert(run, "DO UPDATE SET run_id = excluded.run_id, status = excluded.status");
  }

  /** Newest first. What later ends have noted stays. Returns below which number it goes on; 0: it is over. */
  fill(below: number): number {
    type Row = EndedOutcome & Record<"seq" | "isMet" | "isErased" | "isFinal", number>;
    const rows = this.query<Row>(NEWEST_FIRST, below);
    // Nobody knows any more of which entity and subject an erased run was.
    const met = rows.filter((row) => row.isMet === 1 && row.isErased === 0 && row.isFinal === 1 && isOutcome(row));
    for (const row of met) this.#insert(row, "DO NOTHING");
    return rows.length < WALK_ROWS ? 0 : (rows.at(-1)?.seq ?? 0);
  }

  erase(run: EndedOutcome): void {
    this.sql.exec(`DELETE FROM outcomes WHERE ${KEY}`, ...keyOf(run));
  }

  clear(): void {
    this.sql.exec("DELETE FROM outcomes");
  }

  /** Call it while the journal still has the runs. */
  eraseOf(ids: readonly string[]): void {
    this.sql.exec(
      `DELETE FROM outcomes WHERE (action_name, entity_id, subject, is_stored, run_id) IN (
         SELECT action_name, ifnull(entity_id, ''), ifnull(subject, ''), source = 'action', id FROM runs
         WHERE (run_key, id) IN ${KEYS_AND_IDS})`,
      keysJson(ids),
    );
  }

  #insert(run: EndedOutcome, onConflict: string): void {
    this.sql.exec(
      `INSERT INTO outcomes (action_name, entity_id, subject, is_stored, run_id, status) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT ${onConflict}`,
      ...keyOf(run),
      run.id,
      run.status,
    );
  }
}

export function isOutcome({ status }: Pick<EndedOutcome, "status">): boolean {
  return status === "succeeded" || status === "failed";
}

function keyOf({ actionName, entityId, subject, source }: EndedOutcome): [string, string, string, number] {
  return [actionName, entityId ?? "", subject ?? "", source === "action" ? 1 : 0];
}
