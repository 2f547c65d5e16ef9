/**
 * Other files name only columns that they search by. The integer key is 63 bits of the id, 48 of time and 15 random,
 * because a text key would need a second b-tree. If two runs want one key, the second create is refused as `id_taken`,
 * so a search by the key compares the id as well. A JavaScript number can't hold 63 bits: a key is bound in two halves.
 */

import { BoundedMap } from "../../base/bounded-map.ts";
import { utf8Bytes } from "../../base/limits.ts";
import type { PreviousStatus } from "../endpoint-deliveries.ts";
import {
  type Gates,
  isOpen,
  isQueued,
  queueOf,
  type Run,
  type RunName,
  type RunState,
  type WaitingFor,
} from "../run.ts";
import { NO_OPEN, type OpenCounts, type OpenStatus } from "../run-counts.ts";
import { containsText, type RunFacts } from "../run-filters.ts";
import { createdAtOf } from "../run-id.ts";
import { agentKeys } from "../starts.ts";
import { memberOf, Rows } from "./rows.ts";
import { columnsOf } from "./schema.ts";

/** The key, from two bound halves. The CAST is there because numbers are bound as floats, which can't be shifted. */
export const BOUND_KEY = "(CAST(? AS INTEGER) << 15 | CAST(? AS INTEGER))";

export const KEYS_AND_IDS = `
  (SELECT (value ->> 0) << 15 | (value ->> 1) AS run_key, value ->> 2 AS id FROM json_each(?))`;

const RANDOM_MAX = 2 ** 15 - 1;
const MS_MAX = 2 ** 48 - 1;

/** The halves of a run id's key. A text that is no id, such as "", counts as the lowest id. */
export function keyHalves(id: string): [ms: number, random: number] {
  const ms = createdAtOf(id);
  // 12 bits after the version, and 3 after the two bits of the variant.
  const random =
    (Number.parseInt(id.slice(15, 18), 16) << 3) |
    ((Number.parseInt(id.slice(19, 20), 16) & 3) << 1) |
    (Number.parseInt(id.slice(20, 21), 16) >> 3);
  return Number.isNaN(ms) || Number.isNaN(random) ? [0, 0] : [ms, random];
}

export function highestKeyHalves(id: string): [ms: number, random: number] {
  const ms = createdAtOf(id);
  return [Number.isNaN(ms) ? MS_MAX : ms, RANDOM_MAX];
}

export function keysJson(ids: readonly string[]): string {
  return JSON.stringify(ids.map((id) => [...keyHalves(id), id]));
}

export interface JournaledRun extends Run {
  readonly createKey: string;
  readonly createFingerprint: string;
  /** The id of the signing key that made `createFingerprint`; null if it is a plain hash. */
  readonly fingerprintKeyId: string | null;
  readonly changeKey: string | null;
  readonly changeFingerprint: string | null;
  readonly purgeAt: number;
  /** The sequence number of the write that made its event: its end, or that it lacks approvals. Null if it has no event. */
  readonly eventSeq: number | null;
  readonly endedSeq: number | null;
  readonly previousStatus: PreviousStatus;
  readonly readySeq: number | null;
  /** Until when the run occupies its queue at most, if it has ended and an attempt or its job may be under way. */
  readonly occupiedUntil: number | null;
  /** Until when its job has time to stop, if the run was cancelled and the job may have begun. Otherwise null. */
  readonly graceUntil: number | null;
}

export type Occupancy = Pick<JournaledRun, "occupiedUntil" | "graceUntil">;
export const FREE: Occupancy = { occupiedUntil: null, graceUntil: null };

type Member = keyof JournaledRun;
/** What only searches need is no member of a run. */
const BESIDE = /^(run_key|change_seq|changed_at|due_|bytes|concurrency_|creator_id|waiting_bytes)/;
const COLUMNS = new Map(
  columnsOf("runs").flatMap(({ column }) => (BESIDE.test(column) ? [] : [[memberOf(column) as Member, column]])),
);
const MEMBERS = [...COLUMNS.keys()];
const FIXED = new Set<Member>([
  "id",
  "actionName",
  "entityId",
  "title",
  "subject",
  "parameters",
  "recommendations",
  "triggeredBy",
  "createdAt",
  "heartbeatTimeoutMs",
  "createKey",
  "createFingerprint",
  "fingerprintKeyId",
  "source",
  "actionVersion",
  "retryOf",
  "labels",
  "traceparent",
  "via",
  "createdBy",
  "creatorProof",
  "reporter",
  "timeoutMs",
  "gates",
  "retryRule",
]);
const CHANGING = MEMBERS.filter((member) => !FIXED.has(member));
/** Stored as JSON; null if empty. */
const IN_JSON = [
  "creatorProof",
  "reporter",
  "gates",
  "approvals",
  "rejectedBy",
  "throughPause",
  "failedAttempt",
  "retryRule",
  "nextRetry",
] as const;

const SELECT = `SELECT ${[...COLUMNS.values()].map((column) => `runs.${column}`).join(", ")} FROM runs`;
const THIS_RUN = `WHERE run_key = ${BOUND_KEY} AND id = ?`;
// The second term repeats the condition of the index. Otherwise SQLite would not use the index.
const THIS_KEY = "WHERE create_key = ? AND substr(create_key, 1, 2) = 't:'";

/** What stands for a text that was overwritten and is not null yet, if it must be more than a text. */
const PLACEHOLDERS: Partial<Record<Member, string>> = {
  entityId: "00000000-0000-0000-0000-000000000000",
  externalUrl: "https://0",
  output: "{}",
};

export interface RowDetails {
  readonly dueAt: number;
  readonly seq: number;
  readonly changedAt: number;
  readonly bytes: number;
  /** How many bytes the sealed requests of a run with gates have. Only of a new run. */
  readonly waitingBytes?: number;
}

export type WeighedFacts = RunFacts & { readonly bytes: number };

/** About 7000 plain runs. An isolate can have many coordinators, and has 128 MB for all of them. */
const REMEMBERED_MAX_CHARS = 8_000_000;

/** Open runs as they were last read or written, because a row takes long to read. Per isolate, by instance and id. */
const remembered = new BoundedMap<JournaledRun>(REMEMBERED_MAX_CHARS, weightOf);
let memories = 0;

export class RunRows extends Rows {
  /** Each write of a run in this class keeps it right. A new number forgets all, and what was there ages out. */
  #memory = ++memories;

  byId(id: string): JournaledRun | null {
    const known = remembered.get(this.#keyOf(id));
    if (known !== undefined) return known;
    const run = this.#select(THIS_RUN, ...keyHalves(id), id)[0] ?? null;
    if (run !== null) this.#remember(run);
    return run;
  }

  byIds(ids: readonly string[]): JournaledRun[] {
    return this.#select(`JOIN ${KEYS_AND_IDS} AS asked USING (run_key, id)`, keysJson(ids));
  }

  states(ids: readonly string[]): RunState[] {
    type Row = Pick<Run, "id" | "status"> & { readonly waits: number };
    const rows = this.#those<Row>(ids, "id, status, status = 'pending' AND waiting_for IS NOT NULL AS waits");
    return rows.map(({ id, status, waits }) => ({ id, status, isWaiting: waits === 1 }));
  }

  facts(ids: readonly string[]): WeighedFacts[] {
    return this.#those(
      ids,
      `id, status, waiting_for AS waitingFor, nullif(concurrency_group, '') AS "group", labels, action_name AS actionName,
       entity_id AS entityId, subject, triggered_by AS triggeredBy, erased_at AS erasedAt, bytes`,
    );
  }

  names(ids: readonly string[]): ReadonlyMap<string, RunName> {
    type Row = RunName & { readonly id: string };
    const rows = this.#those<Row>(ids, "id, action_name AS actionName, title, subject");
    return new Map(rows.map(({ id, ...name }) => [id, name]));
  }

  /** Whether a printed run contains the text. No row is read: SQLite compares, so that the answer is as D1's. */
  contains(text: string, body: string, details: string): boolean {
    const values = [body, details];
    const bind = (value: string) => `?${values.push(value)}`;
    return this.hasRow(`SELECT 1 WHERE ${containsText(text, { body: "?1", details: "?2" }, bind)}`, ...values);
  }

  byCreateKey(key: string): JournaledRun | null {
    return this.#select(THIS_KEY, key)[0] ?? null;
  }

  lastOfCaller(caller: string): Pick<JournaledRun, "createKey" | "createFingerprint" | "createdAt"> | null {
    return this.firstOf(
      `SELECT create_key AS createKey, create_fingerprint AS createFingerprint, created_at AS createdAt FROM runs
       WHERE create_key BETWEEN ? AND ? AND substr(create_key, 1, 2) = 't:' ORDER BY create_key DESC LIMIT 1`,
      agentKeys(caller),
      `${agentKeys(caller)}~`,
    );
  }

  standingInTheWay(key: string, id: string): JournaledRun | null {
    return this.byCreateKey(key) ?? this.#select(`WHERE run_key = ${BOUND_KEY}`, ...keyHalves(id))[0] ?? null;
  }

  insert(run: JournaledRun, details: RowDetails): boolean {
    const ofQueue = run.gates === null ? [] : queueCells(run.gates, details);
    const ofRun = cellsOf(run, MEMBERS).filter(([, value]) => value !== null);
    const cells = [...ofRun, ...cellsBeside(run, details), ...ofQueue];
    const inserted = this.sql.exec(
      `INSERT INTO runs (run_key, ${cells.map(([column]) => column).join(", ")})
       VALUES (${BOUND_KEY}${", ?".repeat(cells.length)})
       ON CONFLICT DO NOTHING`,
      ...keyHalves(run.id),
      ...cells.map(([, value]) => value),
    );
    if (inserted.rowsWritten === 0) return false;
    this.#remember(run);
    return true;
  }

  retriesOf(id: string, limit: number): string[] {
    return this.textsOf(
      "SELECT id FROM runs INDEXED BY runs_by_retry_of WHERE retry_of = ? ORDER BY run_key LIMIT ?",
      id,
      limit,
    );
  }

  isErased(id: string): boolean {
    return this.hasRow(`SELECT 1 FROM runs ${THIS_RUN} AND erased_at IS NOT NULL`, ...keyHalves(id), id);
  }

  countErased(ids: readonly string[]): number {
    const erased = `SELECT count(*) FROM ${KEYS_AND_IDS} CROSS JOIN runs USING (run_key, id) WHERE erased_at IS NOT NULL`;
    return this.numberOf(erased, keysJson(ids)) ?? 0;
  }

  update(run: JournaledRun, details: RowDetails): void {
    const changed =
      run.erasedAt === null
        ? changedCells(run, remembered.get(this.#keyOf(run.id)))
        : [...cellsOf(run, MEMBERS), ...keyCell(run)];
    const cells = [...changed, ...cellsBeside(run, details)];
    this.#set(run.id, cells, "due_failures = 0");
    this.#remember(run);
  }

  /** `dueAt` stays without a value, so that a heartbeat touches no index. The alarm corrects it later. */
  heard(run: JournaledRun, dueAt?: number): void {
    const silence: Cell = ["silent_since", run.silentSince];
    if (dueAt === undefined) this.#set(run.id, [silence]);
    else this.#set(run.id, [silence, ["due_at", dueAt]], "due_failures = 0");
    this.#remember(run);
  }

  /**
   * Fills each text up to the same length, so that SQLite reuses the bytes of the row, which it would otherwise free as
   * they are. Readers may see the result, so each text stays valid. `erased_at` keeps the run from being repeated.
   */
  overwrite(run: JournaledRun, erased: JournaledRun): void {
    const cells = MEMBERS.flatMap((member): Cell[] => {
      const [before, after] = [columnValue(run, member), columnValue(erased, member)];
      if (typeof before !== "string" || before === after) return [];
      const left = typeof after === "string" ? after : (PLACEHOLDERS[member] ?? "0");
      return [[COLUMNS.get(member) ?? member, filledUp(left, before)]];
    });
    this.#set(run.id, cells, "erased_at = 0");
  }

  setExecution(run: JournaledRun, execution: string): JournaledRun {
    this.#set(run.id, [["execution", execution]]);
    const named = { ...run, execution };
    this.#remember(named);
    return named;
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) remembered.delete(this.#keyOf(id));
    this.sql.exec(`DELETE FROM runs WHERE (run_key, id) IN ${KEYS_AND_IDS}`, keysJson(ids));
  }

  forget(): void {
    this.#memory = ++memories;
  }

  /** Null for both: the ended run occupies its queue no longer. */
  setOccupancy({ id }: Pick<JournaledRun, "id">, { occupiedUntil, graceUntil }: Occupancy): void {
    const isKeyErased = "?1 IS NULL AND erased_at IS NOT NULL";
    const set = `
      UPDATE runs SET occupied_until = ?1, grace_until = ?2,
        concurrency_state = iif(?1 IS NULL, NULL, concurrency_state),
        concurrency_key = iif(${isKeyErased}, '', concurrency_key),
        gates = iif(${isKeyErased}, json_set(gates, '$.concurrency.key', ''), gates)`;
    const [high, low] = keyHalves(id);
    this.sql.exec(`${set} ${THIS_RUN}`, occupiedUntil, graceUntil, high, low, id);
  }

  openCounts(): OpenCounts {
    const rows = this.query<{ status: OpenStatus; waitingFor: WaitingFor | null; runs: number; oldestAt: number }>(
      `SELECT status, waiting_for AS waitingFor, count(*) AS runs,
         min(iif(waiting_for IS NULL, ifnull(released_at, created_at), waiting_since)) AS oldestAt
       FROM runs INDEXED BY runs_open_due WHERE completed_at IS NULL GROUP BY status, waiting_for`,
    );
    const open = { ...NO_OPEN.open };
    const waiting = { ...NO_OPEN.waiting };
    for (const { status, waitingFor, runs, oldestAt } of rows) {
      const known = open[status];
      open[status] = { runs: known.runs + runs, oldestAt: waitingFor === null ? oldestAt : known.oldestAt };
      if (waitingFor !== null) waiting[waitingFor] = { runs, oldestAt };
    }
    return { open, waiting };
  }

  newestId(): string | null {
    return this.textsOf("SELECT id FROM runs ORDER BY run_key DESC LIMIT 1")[0] ?? null;
  }

  isEmpty(): boolean {
    return this.newestId() === null;
  }

  #set(id: string, cells: readonly Cell[], ...others: string[]): void {
    const set = [...cells.map(([column]) => `${column} = ?`), ...others].join(", ");
    this.sql.exec(`UPDATE runs SET ${set} ${THIS_RUN}`, ...cells.map(([, value]) => value), ...keyHalves(id), id);
  }

  #those<T>(ids: readonly string[], columns: string): T[] {
    if (ids.length === 0) return [];
    const those = `${KEYS_AND_IDS} AS asked CROSS JOIN runs USING (run_key, id)`;
    return this.query<T>(`SELECT ${columns} FROM ${those}`, keysJson(ids));
  }

  #remember(run: JournaledRun): void {
    if (isOpen(run)) remembered.set(this.#keyOf(run.id), run);
    else remembered.delete(this.#keyOf(run.id));
  }

  #keyOf(id: string): string {
    return `${this.#memory}/${id}`;
  }

  #select(clauses: string, ...bindings: (string | number)[]): JournaledRun[] {
    return [...this.sql.exec(`${SELECT} ${clauses}`, ...bindings).raw<SqlStorageValue[]>()].map(toRun);
  }
}

/** In the order of MEMBERS, because the runtime takes much longer for a row with names. */
function toRun(columns: readonly SqlStorageValue[]): JournaledRun {
  const row: Record<string, unknown> = Object.fromEntries(MEMBERS.map((member, i) => [member, columns[i]]));
  for (const member of IN_JSON) {
    const text = row[member];
    if (typeof text === "string") row[member] = JSON.parse(text);
  }
  row.approvals ??= [];
  return row as unknown as JournaledRun;
}

/** Roughly, in characters. */
function weightOf(run: JournaledRun): number {
  const { parameters, recommendations, labels, externalUrl, gates } = run;
  const { cancelReason, waitingReason, approvals } = run;
  const texts = [parameters, recommendations, labels, externalUrl, cancelReason, waitingReason];
  const reasons = approvals.map(({ reason }) => reason);
  const chars = [...texts, ...reasons].reduce((sum, text) => sum + (text?.length ?? 0), 0);
  return 1024 + chars + (gates === null ? 0 : 1024 + approvals.length * 256);
}

/** A column, and the value that a write binds. Each bound value takes microseconds. */
type Cell = readonly [column: string, value: string | number | null];

function cellsOf(run: JournaledRun, members: readonly Member[]): Cell[] {
  return members.map((member) => [COLUMNS.get(member) ?? member, columnValue(run, member)]);
}

function changedCells(run: JournaledRun, before: JournaledRun | undefined): Cell[] {
  const cells = cellsOf(run, CHANGING);
  if (before === undefined) return cells;
  const known = cellsOf(before, CHANGING);
  return cells.filter(([, value], i) => value !== known[i]?.[1]);
}

function cellsBeside(run: JournaledRun, { dueAt, seq, changedAt, bytes }: RowDetails): Cell[] {
  const ofQueue: Cell[] = run.gates === null ? [] : [["concurrency_state", concurrencyState(run)]];
  return [["due_at", dueAt], ["change_seq", seq], ["changed_at", changedAt], ["bytes", bytes], ...ofQueue];
}

function queueCells(gates: Gates, { waitingBytes = 0 }: RowDetails): Cell[] {
  const { group, key } = queueOf(gates);
  const { tokenId } = gates.creator;
  return [
    ["concurrency_group", group],
    ["concurrency_key", key],
    ["creator_id", tokenId],
    ["waiting_bytes", waitingBytes],
  ];
}

function keyCell({ gates }: JournaledRun): Cell[] {
  return gates === null ? [] : [["concurrency_key", queueOf(gates).key]];
}

export function filledUp(text: string, long: string): string {
  return text + " ".repeat(Math.max(utf8Bytes(long) - utf8Bytes(text), 0));
}

const JSON_MEMBERS: ReadonlySet<Member> = new Set(IN_JSON);

function columnValue(run: JournaledRun, member: Member): string | number | null {
  const value = run[member];
  if (!JSON_MEMBERS.has(member)) return value as string | number | null;
  return value === null || (Array.isArray(value) && value.length === 0) ? null : JSON.stringify(value);
}

function concurrencyState(run: JournaledRun): "early" | "queued" | "running" | null {
  if (run.waitingFor !== null) return isQueued(run) ? "queued" : "early";
  if (run.releasedAt === null || !run.gates?.concurrency) return null;
  return isOpen(run) || run.occupiedUntil !== null ? "running" : null;
}
