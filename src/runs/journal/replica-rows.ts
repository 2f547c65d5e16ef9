/** Quarantined runs and owed deletions have tables, so that they don't hold up the number to which all is replicated. */
import type { Home, MoveRecord } from "../home.ts";
import { fittingIntoBatch, type Weight } from "./due-rows.ts";
import type { Metadata } from "./metadata.ts";
import { Rows } from "./rows.ts";
import { BOUND_KEY, highestKeyHalves, type JournaledRun, keyHalves } from "./run-rows.ts";

export interface PendingVersion {
  readonly id: string;
  readonly version: number;
  readonly seq: number;
  readonly bytes: number;
  readonly changedAt: number;
  readonly run: JournaledRun | null;
}

type PendingRow = Omit<PendingVersion, "run">;

const COLUMNS = "id, version, change_seq AS seq, bytes, changed_at AS changedAt";

/** Lists show `primary`. `copying` gets all runs, to be primary then. `leaving` gets nothing, and loses its rows. */
export type Role = "primary" | "copying" | "leaving";

interface ReplicaState {
  readonly role: Role;
  readonly generation: number;
  readonly replicatedSeq: number;
  /** The id behind which a walk over all runs goes on; null if none is under way. */
  readonly walkedTo: string | null;
  readonly move: MoveRecord | null;
}

const FIRST: ReplicaState = { role: "primary", generation: 0, replicatedSeq: 0, walkedTo: null, move: null };

export class ReplicaRows extends Rows {
  readonly database: number;
  readonly #metadata: Metadata;
  readonly #quarantined: Set<string>;
  #parsed: { readonly stored: string | null; readonly state: ReplicaState } = { stored: null, state: FIRST };
  #owed: number | null = null;

  constructor(sql: SqlStorage, metadata: Metadata, database: number) {
    super(sql);
    this.#metadata = metadata;
    this.database = database;
    this.#quarantined = new Set(this.textsOf("SELECT run_id FROM quarantined_runs WHERE database = ?", database));
  }

  get state(): ReplicaState {
    const stored = this.#metadata.get(`replica:${this.database}`);
    if (stored !== this.#parsed.stored) {
      this.#parsed = { stored, state: stored === null ? FIRST : (JSON.parse(stored) as ReplicaState) };
    }
    return this.#parsed.state;
  }

  change(change: Partial<ReplicaState>): void {
    this.#metadata.set(`replica:${this.database}`, JSON.stringify({ ...this.state, ...change }));
  }

  get home(): Home {
    return { database: this.database, generation: this.state.generation };
  }

  get replicatedSeq(): number {
    return this.state.replicatedSeq;
  }

  pending(): PendingVersion[] {
    const rows = this.query<PendingRow>(
      `SELECT ${COLUMNS} FROM runs INDEXED BY runs_by_change WHERE change_seq > ? ORDER BY change_seq`,
      this.replicatedSeq,
    );
    const one = `SELECT ${COLUMNS} FROM runs WHERE run_key = ${BOUND_KEY} AND id = ?`;
    const quarantined = [...this.#quarantined].flatMap((id) => this.query<PendingRow>(one, ...keyHalves(id), id));
    const all = new Map([...quarantined, ...rows].map((row) => [row.id, { ...row, run: null }]));
    return [...all.values()].sort((a, b) => a.seq - b.seq);
  }

  noteReplicated(seq: number): void {
    if (seq > this.replicatedSeq) this.change({ replicatedSeq: seq });
  }

  quarantine(id: string): void {
    if (this.#quarantined.has(id)) return;
    this.sql.exec("INSERT OR IGNORE INTO quarantined_runs (run_id, database) VALUES (?, ?)", id, this.database);
    this.#quarantined.add(id);
  }

  endQuarantine(id: string): void {
    if (!this.#quarantined.has(id)) return;
    this.sql.exec("DELETE FROM quarantined_runs WHERE run_id = ? AND database = ?", id, this.database);
    this.#quarantined.delete(id);
  }

  get owed(): number {
    this.#owed ??= this.numberOf("SELECT count(*) FROM owed_deletions WHERE database = ?", this.database) ?? 0;
    return this.#owed;
  }

  oweDeletions(ids: readonly string[]): void {
    this.#owed = null;
    const insert = "INSERT OR IGNORE INTO owed_deletions (database, run_id) SELECT ?, value FROM json_each(?)";
    this.sql.exec(insert, this.database, JSON.stringify(ids));
  }

  nextOwed(limit: number): string[] {
    const select = "SELECT run_id FROM owed_deletions WHERE database = ? ORDER BY run_id LIMIT ?";
    return this.textsOf(select, this.database, limit);
  }

  deleted(ids: readonly string[]): void {
    this.#owed = null;
    const those = "run_id IN (SELECT value FROM json_each(?))";
    this.sql.exec(`DELETE FROM owed_deletions WHERE database = ? AND ${those}`, this.database, JSON.stringify(ids));
  }

  /** What is written from here on must be replicated. A walk does the rest, and deletes all other rows. */
  beginAnew(lastSeq: number): void {
    this.#clear();
    this.change({ replicatedSeq: lastSeq, walkedTo: "" });
  }

  leave(move: MoveRecord): void {
    this.#clear();
    this.change({ role: "leaving", walkedTo: null, move });
  }

  forget(): void {
    this.#clear();
    this.#metadata.set(`replica:${this.database}`, null);
  }

  #clear(): void {
    if (this.#quarantined.size > 0) this.sql.exec("DELETE FROM quarantined_runs WHERE database = ?", this.database);
    this.#quarantined.clear();
    if (this.owed > 0) this.sql.exec("DELETE FROM owed_deletions WHERE database = ?", this.database);
    this.#owed = null;
  }

  between(after: string, upTo: string, limit: number): PendingVersion[] {
    const rows = this.#between<PendingRow & Weight>(`${COLUMNS}, 0 AS events`, after, upTo, limit);
    return fittingIntoBatch(rows).map(({ events: _, ...row }) => ({ ...row, run: null }));
  }

  hasBetween(after: string, upTo: string): boolean {
    return this.#between("1", after, upTo, 1).length > 0;
  }

  /** Walks an index: walking the rows of 250 000 runs would take a quarter of a second. */
  countAfter(id: string): number {
    const count = `
      SELECT (SELECT count(*) FROM runs INDEXED BY runs_by_change WHERE run_key > ${BOUND_KEY})
        + (SELECT count(*) FROM runs WHERE run_key = ${BOUND_KEY} AND id > ?)`;
    return this.numberOf(count, ...keyHalves(id), ...keyHalves(id), id) ?? 0;
  }

  #between<T>(columns: string, after: string, upTo: string, limit: number): T[] {
    return this.query(
      `SELECT ${columns} FROM runs
       WHERE run_key >= ${BOUND_KEY} AND run_key <= ${BOUND_KEY} AND id > ? AND id <= ? ORDER BY run_key LIMIT ?`,
      ...keyHalves(after),
      ...highestKeyHalves(upTo),
      after,
      upTo,
      limit,
    );
  }
}
