/**
 * Who holds the slots of a concurrency group, and who waits for one. No slot is counted: a holder is a released
 * run that is open, or that has ended while its last attempt is under way. All of it is read from the runs along one
 * index, in which runs without gates have no entry.
 *
 * `slot_state` is `early` while a gate before the slot is closed, then `waiting`, then `holding`, and null at the end.
 */

import { MINUTE_MS } from "../../base/time.ts";
import type { Holder, Waiter } from "../admission.ts";
import { type Approval, type OnConflict, type Slot, slotOf } from "../gates.ts";
import type { Run } from "../run.ts";
import { KEYS_AND_IDS, keysJson } from "./run-key.ts";
import type { JournaledRun } from "./run-rows.ts";

/**
 * For how long after a change an isolate may still use the version before: an outage copy for 10 minutes, and a request.
 * A version is the instant of its change, in ms.
 */
const REPLACED_IN_USE_MS = 15 * MINUTE_MS;

/** The most runs that wait with one group and key. */
export const WAITING_MAX_AT_SLOT = 1000;

const INDEXED = "runs INDEXED BY runs_by_slot WHERE slot_state IS NOT NULL";
const AT_SLOT = `${INDEXED} AND slot_group = ? AND slot_key = ?`;

/** Where runs are that have gates and no concurrency group. */
const WITHOUT_GROUP: Slot = { group: "", key: "" };

/** The limit of the run's action in this group: that of its newest version which this coordinator knows. */
const LIMIT = `coalesce(
  (SELECT max_holders FROM slot_limits AS known
   WHERE known.slot_group = runs.slot_group AND known.action_name = runs.action_name
     AND known.version >= runs.action_version),
  gates ->> '$.concurrency.limit')`;

/** What waits. `bytes`: of its sealed requests. */
export interface Waiting {
  readonly runs: number;
  readonly bytes: number;
}

/** All runs that wait, and those of one token. */
export interface WaitingCounts {
  readonly all: Waiting;
  readonly ofToken: Waiting;
}

/** A group and key as a list shows it. `limit`: the least of the open runs. */
export interface SlotGroup extends Slot {
  readonly limit: number;
  readonly holders: number;
  readonly waiters: number;
}

/** A waiter as the journal has it, with the approvals that let it get there. */
export type ApprovedWaiter = Omit<Waiter, "isUnchecked"> & { readonly approvals: readonly Approval[] };

type HolderRow = Omit<Holder, "isStopping"> & { isStopping: number };
type WaiterRow = {
  id: string;
  actionName: string;
  limit: number | null;
  onConflict: OnConflict | null;
  heldFor: string | null;
  approvals: string | null;
};
type CountRow = { runs: number; bytes: number; ofTokenRuns: number; ofTokenBytes: number };

export class SlotRows {
  readonly #sql: SqlStorage;
  /** Null: not read yet. It is cached because each alarm that is set asks. */
  #nextEndAt: number | null = null;
  /** False: no run waits. Each alarm asks, and most environments have no gates. */
  #mayAnyWait = true;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  holders({ group, key }: Slot): Holder[] {
    const rows = this.#sql.exec<HolderRow>(
      `SELECT id, action_name AS actionName, ${LIMIT} AS "limit",
         cancel_until IS NOT NULL OR completed_at IS NOT NULL AS isStopping
       FROM ${AT_SLOT} AND slot_state = 'holding'`,
      group,
      key,
    );
    return [...rows].map((row) => ({ ...row, isStopping: row.isStopping === 1 }));
  }

  /** Open holders and waiters that need a turn now: their time may be up although no alarm has noticed. */
  due({ group, key }: Slot, now: number): string[] {
    const due = `SELECT id FROM ${AT_SLOT} AND slot_state <> 'early' AND completed_at IS NULL AND due_at <= ?`;
    return [...this.#sql.exec<{ id: string }>(due, group, key, now)].map(({ id }) => id);
  }

  /** In the order in which they got to the slot. */
  waiters({ group, key }: Slot): ApprovedWaiter[] {
    const rows = this.#sql.exec<WaiterRow>(
      `SELECT id, action_name AS actionName, ${LIMIT} AS "limit", gates ->> '$.concurrency.onConflict' AS onConflict,
         waiting_reason AS heldFor, approvals
       FROM ${AT_SLOT} AND slot_state = 'waiting' ORDER BY ready_seq LIMIT ${WAITING_MAX_AT_SLOT}`,
      group,
      key,
    );
    return [...rows].map(({ limit, onConflict, approvals, ...row }) => ({
      ...row,
      approvals: approvals === null ? [] : (JSON.parse(approvals) as Approval[]),
      limit: limit ?? Number.POSITIVE_INFINITY,
      onConflict: onConflict ?? "queue",
    }));
  }

  /** The first slots behind `after` at which runs wait, in order. */
  awaited(after: Slot | null, limit: number): Slot[] {
    if (!this.#mayAnyWait) return [];
    const { group, key } = after ?? WITHOUT_GROUP;
    // This slot comes first. Runs that wait for an approval are in it as well, so it is asked for alone.
    const first = after === null && this.#isAwaited(WITHOUT_GROUP) ? [WITHOUT_GROUP] : [];
    const rows = this.#sql.exec<{ group: string; key: string }>(
      `SELECT DISTINCT slot_group AS "group", slot_key AS key FROM ${INDEXED} AND slot_state = 'waiting'
         AND (slot_group, slot_key) > (?, ?)
       ORDER BY slot_group, slot_key LIMIT ?`,
      group,
      key,
      limit - first.length,
    );
    const slots = [...first, ...rows];
    if (after === null && slots.length === 0) this.#mayAnyWait = false;
    return slots;
  }

  #isAwaited({ group, key }: Slot): boolean {
    const found = `SELECT 1 FROM ${AT_SLOT} AND slot_state = 'waiting' LIMIT 1`;
    return [...this.#sql.exec(found, group, key)].length > 0;
  }

  /** Call this before a run with gates is written. */
  runChanges(): void {
    this.#mayAnyWait = true;
  }

  /** The groups and keys at which any of these runs holds a slot or waits. Runs without a group have none. */
  slotsOf(runIds: readonly string[]): Slot[] {
    const rows = this.#sql.exec<{ group: string; key: string }>(
      `SELECT DISTINCT slot_group AS "group", slot_key AS key FROM runs JOIN ${KEYS_AND_IDS} AS asked USING (run_key, id)
       WHERE slot_state IN ('waiting', 'holding') AND slot_group > ''`,
      keysJson(runIds),
    );
    return [...rows];
  }

  /** The place of a waiting run in its line: 1 comes next. */
  positionOf({ gates, readySeq }: Pick<JournaledRun, "gates" | "readySeq">): number | null {
    if (gates === null || readySeq === null) return null;
    const { group, key } = slotOf(gates);
    const before = `SELECT count(*) AS n FROM ${AT_SLOT} AND slot_state = 'waiting' AND ready_seq < ?`;
    return this.#sql.exec<{ n: number }>(before, group, key, readySeq).one().n + 1;
  }

  /** Every run of this coordinator that waits at a gate, and those that this token created. */
  waiting(creatorId: string): WaitingCounts {
    return this.#count(`${INDEXED}`, creatorId);
  }

  /** The same for one group and key. */
  waitingAt({ group, key }: Slot, creatorId: string): WaitingCounts {
    return this.#count(AT_SLOT, creatorId, group, key);
  }

  /** Ended runs whose last attempt is over or lost by now, so their slot is to be freed. */
  ended(now: number, limit: number): string[] {
    // Each alarm asks, and most coordinators have none.
    if (now < this.nextEndAt()) return [];
    const due = "SELECT id FROM runs INDEXED BY runs_by_slot_end WHERE slot_until <= ? ORDER BY slot_until LIMIT ?";
    return [...this.#sql.exec<{ id: string }>(due, now, limit)].map(({ id }) => id);
  }

  /** When the next slot of an ended run is to be freed; Infinity if there is none. */
  nextEndAt(): number {
    const first = "SELECT min(slot_until) AS at FROM runs INDEXED BY runs_by_slot_end WHERE slot_until IS NOT NULL";
    this.#nextEndAt ??= this.#sql.exec<{ at: number | null }>(first).one().at ?? Number.POSITIVE_INFINITY;
    return this.#nextEndAt;
  }

  /** Call this before a write that changes until when an ended run holds its slot. */
  endsChange(): void {
    this.#nextEndAt = null;
  }

  /** Notes the limit of an action in a group. Ask `knowsLimit` before. */
  setLimit(group: string, actionName: string, version: number, limit: number): void {
    const set =
      "INSERT OR REPLACE INTO slot_limits (slot_group, action_name, version, max_holders) VALUES (?, ?, ?, ?)";
    this.#sql.exec(set, group, actionName, version, limit);
  }

  /** Lets the next version of each action count, also an older one, because a restore of D1 can take versions back. */
  doubtLimits(): void {
    this.#sql.exec("UPDATE slot_limits SET is_unsure = 1");
  }

  /** The limit that counts for a run. The run need not be written yet. */
  limitOf({ gates, actionName, actionVersion }: Pick<Run, "gates" | "actionName" | "actionVersion">): number {
    const { concurrency = null } = gates ?? {};
    if (concurrency === null) return Number.POSITIVE_INFINITY;
    if (actionVersion === null) return concurrency.limit;
    const known =
      'SELECT max_holders AS "limit" FROM slot_limits WHERE slot_group = ? AND action_name = ? AND version >= ?';
    const rows = this.#sql.exec<{ limit: number }>(known, concurrency.group, actionName, actionVersion);
    return [...rows][0]?.limit ?? concurrency.limit;
  }

  /**
   * Whether the limit of this version of the action, or of a newer one, is known. An older version that
   * comes after a resync, or long after the newer one, says that a restore of D1 took the newer one back.
   */
  knowsLimit(group: string, actionName: string, version: number, now: number): boolean {
    const known = `
      SELECT 1 FROM slot_limits
      WHERE slot_group = ?1 AND action_name = ?2
        AND (version = ?3 OR version > ?3 AND version >= ?4 AND NOT is_unsure)`;
    return [...this.#sql.exec(known, group, actionName, version, now - REPLACED_IN_USE_MS)].length > 0;
  }

  /** Whether an open run of the action is in the group. */
  isInGroup(group: string, actionName: string): boolean {
    const found = `SELECT 1 FROM ${INDEXED} AND slot_group = ? AND action_name = ? LIMIT 1`;
    return [...this.#sql.exec(found, group, actionName)].length > 0;
  }

  /** The next groups behind `after`, in order. */
  groups(only: string | null, after: Slot | null, limit: number): SlotGroup[] {
    const { group, key } = after ?? { group: "", key: "" };
    const rows = this.#sql.exec<Pick<SlotGroup, keyof SlotGroup>>(
      `SELECT slot_group AS "group", slot_key AS key, min(${LIMIT}) AS "limit",
         count(*) FILTER (WHERE slot_state = 'holding') AS holders,
         count(*) FILTER (WHERE slot_state = 'waiting') AS waiters
       FROM ${INDEXED} AND (?1 IS NULL OR slot_group = ?1) AND slot_group > ''
         AND (slot_group, slot_key) > (?2, ?3) AND slot_state <> 'early'
       GROUP BY slot_group, slot_key ORDER BY slot_group, slot_key LIMIT ?4`,
      only,
      group,
      key,
      limit,
    );
    return [...rows];
  }

  #count(from: string, creatorId: string, ...bindings: string[]): WaitingCounts {
    const { runs, bytes, ofTokenRuns, ofTokenBytes } = this.#sql
      .exec<CountRow>(
        `SELECT count(*) AS runs, coalesce(sum(bytes), 0) AS bytes,
           count(*) FILTER (WHERE creator = ?) AS ofTokenRuns,
           coalesce(sum(bytes) FILTER (WHERE creator = ?), 0) AS ofTokenBytes
         FROM (SELECT waiting_bytes AS bytes, creator_id AS creator FROM ${from} AND slot_state <> 'holding')`,
        creatorId,
        creatorId,
        ...bindings,
      )
      .one();
    return { all: { runs, bytes }, ofToken: { runs: ofTokenRuns, bytes: ofTokenBytes } };
  }
}
