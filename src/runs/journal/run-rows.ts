/**
 * The journal's table of runs: maps its columns to the members of a run. Other files name only columns that they search
 * by.
 */

import type { Run } from "../run.ts";
import { NO_RUNS, type OpenStatus, type RunCounts } from "../run-counts.ts";
import { BOUND_KEY, KEYS_AND_IDS, keyHalves, keysJson } from "./run-key.ts";

/** A run with what only its coordinator needs to know. */
export interface JournaledRun extends Run {
  readonly createKey: string;
  readonly createFingerprint: string;
  /** The id of the signing key that made `createFingerprint`; null if it is a plain hash. */
  readonly fingerprintKeyId: string | null;
  readonly changeKey: string | null;
  readonly changeFingerprint: string | null;
  readonly purgeAt: number;
}

/** Written once. */
const FIXED = [
  ...(["id", "actionName", "entityId", "parameters", "recommendations", "triggeredBy", "createdAt"] as const),
  ...(["deadlineAt", "heartbeatTimeoutMs", "createKey", "createFingerprint", "fingerprintKeyId"] as const),
  ...(["source", "actionVersion", "retryOf", "labels", "traceparent"] as const),
] as const;
const CHANGING = [
  ...([
    "version",
    "status",
    "startedAt",
    "completedAt",
    "purgeAt",
    "changeKey",
    "changeFingerprint",
  ] as const),
  ...(["error", "output", "silentSince", "endCause"] as const),
  ...(["cancelBy", "cancelReason", "cancelRequestedAt", "cancelUntil"] as const),
  ...(["externalUrl", "externalUrlChanges"] as const),
] as const;
const MEMBERS = [...FIXED, ...CHANGING];
/** A member that the lists above lack makes `#select` fail to type-check. */
type Row = Pick<JournaledRun, (typeof MEMBERS)[number]>;

/** The column of a member: `created_at` for `createdAt`. */
function columnOf(member: string): string {
  return member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const SELECT = `SELECT ${MEMBERS.map((member) => `runs.${columnOf(member)} AS ${member}`).join(", ")} FROM runs`;
const THIS_RUN = `WHERE run_key = ${BOUND_KEY} AND id = ?`;
// The second term repeats the condition of the index. Otherwise SQLite would not use the index.
const THIS_KEY = "WHERE create_key = ? AND substr(create_key, 1, 2) = 't:'";
const INSERT = `
  INSERT INTO runs (run_key, ${MEMBERS.map(columnOf).join(", ")}, due_at, change_seq, changed_at, bytes)
  VALUES (${BOUND_KEY}, ${"?, ".repeat(MEMBERS.length)}?, ?, ?, ?)
  ON CONFLICT DO NOTHING
  RETURNING 1`;
const UPDATE = `
  UPDATE runs SET ${CHANGING.map((member) => `${columnOf(member)} = ?`).join(", ")},
    due_at = ?, due_failures = 0, change_seq = ?, changed_at = ?, bytes = ?
  ${THIS_RUN}`;

/** What the journal keeps beside a run. */
export interface RowDetails {
  readonly dueAt: number;
  /** The sequence number of this write. */
  readonly seq: number;
  readonly changedAt: number;
  readonly bytes: number;
}

export class RunRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  byId(id: string): JournaledRun | null {
    return this.#select(THIS_RUN, ...keyHalves(id), id)[0] ?? null;
  }

  byIds(ids: readonly string[]): JournaledRun[] {
    return this.#select(`JOIN ${KEYS_AND_IDS} AS asked USING (run_key, id)`, keysJson(ids));
  }

  /** The run that a caller's key created. */
  byCreateKey(key: string): JournaledRun | null {
    return this.#select(THIS_KEY, key)[0] ?? null;
  }

  /** What prevents a new run: the run that this key created, else the run that has the id's `run_key`. */
  standingInTheWay(key: string, id: string): JournaledRun | null {
    return this.byCreateKey(key) ?? this.#select(`WHERE run_key = ${BOUND_KEY}`, ...keyHalves(id))[0] ?? null;
  }

  /** False, and nothing is written, if another run has this key or the id's `run_key`. */
  insert(run: JournaledRun, { dueAt, seq, changedAt, bytes }: RowDetails): boolean {
    const values = MEMBERS.map((member) => run[member]);
    const inserted = this.#sql.exec(INSERT, ...keyHalves(run.id), ...values, dueAt, seq, changedAt, bytes);
    return [...inserted].length > 0;
  }

  update(run: JournaledRun, { dueAt, seq, changedAt, bytes }: RowDetails): void {
    const values = CHANGING.map((member) => run[member]);
    this.#sql.exec(UPDATE, ...values, dueAt, seq, changedAt, bytes, ...keyHalves(run.id), run.id);
  }

  /** Walks the open runs. */
  openCounts(): RunCounts["open"] {
    const rows = this.#sql.exec<{ status: OpenStatus; runs: number; oldestAt: number }>(
      `SELECT status, count(*) AS runs, min(created_at) AS oldestAt
       FROM runs INDEXED BY runs_open_due WHERE completed_at IS NULL GROUP BY status`,
    );
    return {
      ...NO_RUNS.open,
      ...Object.fromEntries([...rows].map(({ status, ...count }) => [status, count])),
    };
  }

  isEmpty(): boolean {
    return [...this.#sql.exec("SELECT 1 FROM runs LIMIT 1")].length === 0;
  }

  #select(clauses: string, ...bindings: (string | number)[]): JournaledRun[] {
    return [...this.#sql.exec<Row>(`${SELECT} ${clauses}`, ...bindings)];
  }
}
