/**
 * Who is running and who is queued, read from the runs along one index. `concurrency_state` is `early` while a gate
 * before the queue is closed, then `queued`, and `running` until neither the run nor its last attempt is open.
 */
import { MINUTE_MS } from "../../base/time.ts";
import { hasEnded, inForceFor, isInForce, type NewPause, type Pause } from "../pauses.ts";
import {
  type Approval,
  type ConcurrencyQueue,
  NO_GROUP,
  type OnConflict,
  type PassedPause,
  queueOf,
  type Run,
} from "../run.ts";
import type { ConcurrencyGroup } from "../run-calls.ts";
import type { QueuedRun, RunningInQueue } from "../scheduling.ts";
import { Rows, Table } from "./rows.ts";
import { type JournaledRun, KEYS_AND_IDS, keysJson } from "./run-rows.ts";

/** How long an isolate may use the version before: 10 minutes in an outage, and a request. Versions are instants. */
const REPLACED_IN_USE_MS = 15 * MINUTE_MS;

export const WAITING_MAX_IN_QUEUE = 1000;

const INDEXED = "runs INDEXED BY runs_by_queue WHERE concurrency_state IS NOT NULL";
const IN_QUEUE = `${INDEXED} AND concurrency_group = ? AND concurrency_key = ?`;
const RELEASED = `runs INDEXED BY runs_through_pause
  WHERE through_pause IS NOT NULL AND concurrency_group = ? AND concurrency_key = ? AND ready_seq > ?`;

/** The limit of the run's action in this group: that of its newest version which this coordinator knows. */
const LIMIT = `coalesce(
  (SELECT max_running FROM concurrency_limits AS known
   WHERE known.concurrency_group = runs.concurrency_group AND known.action_name = runs.action_name
     AND known.version >= runs.action_version),
  gates ->> '$.concurrency.limit')`;

interface Waiting {
  readonly runs: number;
  readonly bytes: number;
}

export interface WaitingCounts {
  readonly all: Waiting;
  readonly ofToken: Waiting;
}

type ApprovedQueuedRun = Omit<QueuedRun, "isUnchecked" | "pausedFor"> & {
  readonly approvals: readonly Approval[];
  readonly passed: readonly PassedPause[];
};

export class ConcurrencyQueueRows extends Rows {
  /** Null: not read yet. It is cached because each alarm that is set asks. */
  #nextEndAt: number | null = null;
  /** False: no run waits. Each alarm asks, and most environments have no gates. */
  #mayAnyWait = true;

  running({ group, key }: ConcurrencyQueue): RunningInQueue[] {
    const rows = this.query<Omit<RunningInQueue, "isStopping"> & { isStopping: number }>(
      `SELECT id, action_name AS actionName, ${LIMIT} AS "limit",
         cancel_until IS NOT NULL OR completed_at IS NOT NULL AS isStopping
       FROM ${IN_QUEUE} AND concurrency_state = 'running'`,
      group,
      key,
    );
    return rows.map((row) => ({ ...row, isStopping: row.isStopping === 1 }));
  }

  due({ group, key }: ConcurrencyQueue, now: number): string[] {
    const due = `SELECT id FROM ${IN_QUEUE} AND concurrency_state <> 'early' AND completed_at IS NULL AND due_at <= ?`;
    return this.textsOf(due, group, key, now);
  }

  /** More can wait without a group than are read. Those released through a pause are always read: they overtake. */
  queued({ group, key }: ConcurrencyQueue): ApprovedQueuedRun[] {
    const first = this.#queuedFrom(IN_QUEUE, group, key);
    const last = first.length < WAITING_MAX_IN_QUEUE ? undefined : first.at(-1);
    return last === undefined ? first : [...first, ...this.#queuedFrom(RELEASED, group, key, last.readySeq)];
  }

  #queuedFrom(from: string, ...bindings: readonly (string | number)[]) {
    type Row = Pick<ApprovedQueuedRun, "id" | "actionName" | "heldFor"> & {
      readonly readySeq: number;
      readonly limit: number | null;
      readonly onConflict: OnConflict | null;
      readonly approvals: string | null;
      readonly passed: string | null;
    };
    const rows = this.query<Row>(
      `SELECT id, action_name AS actionName, ${LIMIT} AS "limit", gates ->> '$.concurrency.onConflict' AS onConflict,
         waiting_reason AS heldFor, approvals, ready_seq AS readySeq, through_pause ->> '$.pauses' AS passed
       FROM ${from} AND concurrency_state = 'queued' ORDER BY ready_seq LIMIT ${WAITING_MAX_IN_QUEUE}`,
      ...bindings,
    );
    return rows.map(({ limit, onConflict, approvals, passed, ...row }) => ({
      ...row,
      passed: passed === null ? [] : (JSON.parse(passed) as PassedPause[]),
      approvals: approvals === null ? [] : (JSON.parse(approvals) as Approval[]),
      limit: limit ?? Number.POSITIVE_INFINITY,
      onConflict: onConflict ?? "queue",
    }));
  }

  withQueued(after: ConcurrencyQueue | null, limit: number): ConcurrencyQueue[] {
    if (!this.#mayAnyWait) return [];
    const { group, key } = after ?? NO_GROUP;
    // This queue comes first. Runs that wait for an approval are in it as well, so it is asked for alone.
    const isQueued = `SELECT 1 FROM ${IN_QUEUE} AND concurrency_state = 'queued' LIMIT 1`;
    const first = after === null && this.hasRow(isQueued, NO_GROUP.group, NO_GROUP.key) ? [NO_GROUP] : [];
    const rows = this.query<ConcurrencyQueue>(
      `SELECT DISTINCT concurrency_group AS "group", concurrency_key AS key FROM ${INDEXED}
         AND concurrency_state = 'queued' AND (concurrency_group, concurrency_key) > (?, ?)
       ORDER BY concurrency_group, concurrency_key LIMIT ?`,
      group,
      key,
      limit - first.length,
    );
    const queues = [...first, ...rows];
    if (after === null && queues.length === 0) this.#mayAnyWait = false;
    return queues;
  }

  /** Call this before a run with gates is written. */
  runChanges(): void {
    this.#mayAnyWait = true;
  }

  ofRuns(runIds: readonly string[]): ConcurrencyQueue[] {
    return this.query(
      `SELECT DISTINCT concurrency_group AS "group", concurrency_key AS key
       FROM runs JOIN ${KEYS_AND_IDS} AS asked USING (run_key, id)
       WHERE concurrency_state IN ('queued', 'running') AND concurrency_group > ''`,
      keysJson(runIds),
    );
  }

  positionOf({ gates, readySeq }: Pick<JournaledRun, "gates" | "readySeq">, overtakes: boolean): number | null {
    if (gates === null || readySeq === null) return null;
    const { group, key } = queueOf(gates);
    const those = overtakes ? "AND through_pause IS NOT NULL" : "";
    const before = `SELECT count(*) FROM ${IN_QUEUE} AND concurrency_state = 'queued' AND ready_seq < ? ${those}`;
    return (this.numberOf(before, group, key, readySeq) ?? 0) + 1;
  }

  waiting(creatorId: string): WaitingCounts {
    return this.#count(INDEXED, creatorId);
  }

  waitingIn({ group, key }: ConcurrencyQueue, creatorId: string): WaitingCounts {
    return this.#count(IN_QUEUE, creatorId, group, key);
  }

  ended(now: number, limit: number): string[] {
    if (now < this.nextEndAt()) return [];
    const due =
      "SELECT id FROM runs INDEXED BY runs_by_occupied_until WHERE occupied_until <= ? ORDER BY occupied_until LIMIT ?";
    return this.textsOf(due, now, limit);
  }

  nextEndAt(): number {
    const first =
      "SELECT min(occupied_until) FROM runs INDEXED BY runs_by_occupied_until WHERE occupied_until IS NOT NULL";
    this.#nextEndAt ??= this.instantOf(first);
    return this.#nextEndAt;
  }

  forget(): void {
    this.#nextEndAt = null;
  }

  setLimit(group: string, actionName: string, version: number, limit: number): void {
    const set = `
      INSERT OR REPLACE INTO concurrency_limits (concurrency_group, action_name, version, max_running)
      VALUES (?, ?, ?, ?)`;
    this.sql.exec(set, group, actionName, version, limit);
  }

  /** Lets the next version of each action count, also an older one, because a restore of D1 can take versions back. */
  doubtLimits(): void {
    this.sql.exec("UPDATE concurrency_limits SET is_unsure = 1");
  }

  /** The run need not be written yet. */
  limitOf({ gates, actionName, actionVersion }: Pick<Run, "gates" | "actionName" | "actionVersion">): number {
    const { concurrency = null } = gates ?? {};
    if (concurrency === null) return Number.POSITIVE_INFINITY;
    if (actionVersion === null) return concurrency.limit;
    const known = `
      SELECT max_running FROM concurrency_limits
      WHERE concurrency_group = ? AND action_name = ? AND version >= ?`;
    return this.numberOf(known, concurrency.group, actionName, actionVersion) ?? concurrency.limit;
  }

  /** An older version after a resync, or long after the newer one, says that a restore of D1 took the newer back. */
  knowsLimit(group: string, actionName: string, version: number, now: number): boolean {
    const known = `
      SELECT 1 FROM concurrency_limits
      WHERE concurrency_group = ?1 AND action_name = ?2
        AND (version = ?3 OR version > ?3 AND version >= ?4 AND NOT is_unsure)`;
    return this.hasRow(known, group, actionName, version, now - REPLACED_IN_USE_MS);
  }

  isInGroup(group: string, actionName: string): boolean {
    const found = `SELECT 1 FROM ${INDEXED} AND concurrency_group = ? AND action_name = ? LIMIT 1`;
    return this.hasRow(found, group, actionName);
  }

  groups(only: string | null, after: ConcurrencyQueue | null, limit: number): ConcurrencyGroup[] {
    const { group, key } = after ?? NO_GROUP;
    return this.query(
      `SELECT concurrency_group AS "group", concurrency_key AS key, min(${LIMIT}) AS "limit",
         count(*) FILTER (WHERE concurrency_state = 'running') AS running,
         count(*) FILTER (WHERE concurrency_state = 'queued') AS queued
       FROM ${INDEXED} AND (?1 IS NULL OR concurrency_group = ?1) AND concurrency_group > ''
         AND (concurrency_group, concurrency_key) > (?2, ?3) AND concurrency_state <> 'early'
       GROUP BY concurrency_group, concurrency_key ORDER BY concurrency_group, concurrency_key LIMIT ?4`,
      only,
      group,
      key,
      limit,
    );
  }

  #count(from: string, creatorId: string, ...bindings: string[]): WaitingCounts {
    type Row = Waiting & { readonly ofTokenRuns: number; readonly ofTokenBytes: number };
    const row = this.firstOf<Row>(
      `SELECT count(*) AS runs, coalesce(sum(waiting_bytes), 0) AS bytes,
         count(*) FILTER (WHERE creator_id = ?1) AS ofTokenRuns,
         coalesce(sum(waiting_bytes) FILTER (WHERE creator_id = ?1), 0) AS ofTokenBytes
       FROM ${from} AND concurrency_state <> 'running'`,
      creatorId,
      ...bindings,
    );
    const { runs = 0, bytes = 0, ofTokenRuns = 0, ofTokenBytes = 0 } = row ?? {};
    return { all: { runs, bytes }, ofToken: { runs: ofTokenRuns, bytes: ofTokenBytes } };
  }
}

/** Each alarm asks for them, so there is a copy in memory. */
export class PauseRows extends Table<PauseRow> {
  #pauses: readonly Pause[] = this.select("ORDER BY concurrency_group, from_at").map(pauseOf);

  inForce(group: string, now: number): Pause[] {
    return inForceFor(this.#pauses, group, now);
  }

  all(now: number): Pause[] {
    return this.#pauses.filter((pause) => !hasEnded(pause, now));
  }

  /** A repeated call writes the same row. A past `from` counts as none. Null, without a write, if there are `max` others. */
  put(put: NewPause, max: number, now: number): Pause | null {
    const ofGroup = this.#pauses.filter(({ group }) => group === put.group);
    const startsAt = Math.max(put.from ?? 0, now);
    const isPlanned = startsAt > now;
    const isSame = (one: Pause) => one.from === put.from && (isPlanned || !hasEnded(one, now));
    const replaced = ofGroup.find(isSame) ?? (isPlanned ? undefined : ofGroup.find((one) => !one.isPlanned));
    if (this.all(now).filter((one) => one !== replaced).length >= max) return null;
    const isKept = replaced !== undefined && !hasEnded(replaced, now);
    // A pause that holds from now on must not take the key of a planned one that begins now.
    const taken = new Set(ofGroup.filter((one) => one !== replaced).map((one) => one.from));
    let firstFree = startsAt;
    while (taken.has(firstFree)) firstFree++;
    const pause: Pause = isKept
      ? { ...put, from: replaced.from, isPlanned: replaced.isPlanned }
      : { ...put, from: firstFree, isPlanned };
    // One statement, and the table first: if it throws, neither may have changed. An ended pause gets another `from`.
    if (replaced === undefined) this.insertRow(rowOf(pause));
    else this.updateRow(rowOf(pause), "WHERE concurrency_group = ? AND from_at = ?", put.group, replaced.from);
    const others = this.#pauses.filter((one) => one !== replaced);
    this.#pauses = [...others, pause].sort(byKey);
    return pause;
  }

  /** Without `from`, all of the group that have begun. */
  ending(group: string, from: number | null, now: number): readonly Pause[] {
    return this.#pauses.filter(
      (pause) =>
        pause.group === group && (from === null ? isInForce(pause, now) || hasEnded(pause, now) : pause.from === from),
    );
  }

  erase(pauses: readonly Pause[]): void {
    const keys = JSON.stringify(pauses.map(({ group, from }) => [group, from]));
    const erase = `
      DELETE FROM pauses
      WHERE (concurrency_group, from_at) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))`;
    this.sql.exec(erase, keys);
    this.#pauses = this.#pauses.filter((one) => !pauses.includes(one));
  }

  eraseEnded(now: number): boolean {
    const ended = this.#pauses.filter((pause) => hasEnded(pause, now));
    if (ended.length === 0) return false;
    this.erase(ended);
    return true;
  }

  /** No run waits for a pause to begin, so that rings nothing. */
  nextEndAt(): number {
    return Math.min(...this.#pauses.map(({ until }) => until ?? Number.POSITIVE_INFINITY));
  }
}

type PauseRow = Omit<Pause, "group" | "from" | "by" | "at"> &
  Readonly<Record<"concurrencyGroup" | "pausedBy", string> & Record<"fromAt" | "pausedAt", number>>;

function pauseOf({ concurrencyGroup: group, fromAt: from, pausedBy: by, pausedAt: at, ...rest }: PauseRow): Pause {
  return { group, from, by, at, ...rest };
}

function rowOf({ group, from, by, at, ...rest }: Pause): PauseRow {
  return { concurrencyGroup: group, fromAt: from, pausedBy: by, pausedAt: at, ...rest };
}

/** Groups are ASCII, so their order is that of SQLite. */
function byKey(a: Pause, b: Pause): number {
  if (a.group === b.group) return a.from - b.from;
  return a.group < b.group ? -1 : 1;
}
