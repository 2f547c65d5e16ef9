/**
 * Named values that must survive an eviction:
 * - the coordinator's name, and when to retry replication,
 * - the epoch of its sequence numbers, and the last number if no run that is kept has it,
 * - what is known of each database that has its runs (replica-rows.ts),
 * - what webhook endpoints may not have heard of yet,
 * - the runs of the archive's next object, and up to which run D1's rows of ended runs were deleted,
 * - the newest purge that the operator asked for,
 * - when the operator asked to erase the environment.
 */
import { Rows } from "./rows.ts";
import { hasTables } from "./schema.ts";

type MetadataName =
  | "name"
  | "epoch"
  | "last_seq"
  | "replication_retry_at"
  | `replica:${number}`
  | "endpoints_noted"
  | "fan_out_after"
  | "outcomes_below"
  | "archiving"
  | "deleted_to"
  | "purge"
  | "erasing";

const REPLICA = "replica:";

export class Metadata extends Rows {
  /** A copy of the table, because each change of a run reads it. */
  readonly #values = new Map<string, string>();

  constructor(sql: SqlStorage) {
    super(sql);
    this.read();
  }

  /** Reads the table. Call it after a transaction that failed, because memory has what the transaction took back. */
  read(): void {
    const rows = this.query<{ name: string; value: string }>("SELECT name, value FROM metadata");
    // Not before the read: if it fails, an object without metadata would notify no endpoint of anything.
    this.#values.clear();
    for (const { name, value } of rows) this.#values.set(name, value);
  }

  /** The numbers of the databases that have a value here, in order. */
  get replicas(): readonly number[] {
    const names = [...this.#values.keys()].filter((name) => name.startsWith(REPLICA));
    return names.map((name) => Number(name.slice(REPLICA.length))).sort((a, b) => a - b);
  }

  get(name: MetadataName): string | null {
    return this.#values.get(name) ?? null;
  }

  /** Null if there is no such value. */
  number(name: MetadataName): number | null {
    const value = this.get(name);
    return value === null ? null : Number(value);
  }

  set(name: MetadataName, given: string | number | null): void {
    const value = given === null ? null : String(given);
    if (value === this.get(name)) return;
    // The table first: if the write throws, memory must not claim the new value.
    if (value === null) {
      this.sql.exec("DELETE FROM metadata WHERE name = ?", name);
      this.#values.delete(name);
    } else {
      const put = "INSERT INTO metadata (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value";
      this.sql.exec(put, name, value);
      this.#values.set(name, value);
    }
  }
}

/** The coordinator's name in the journal; null if there is none. Creates no table in an object that has no journal. */
export function nameInJournal(sql: SqlStorage): string | null {
  return hasTables(sql) ? new Metadata(sql).get("name") : null;
}

/**
 * Somebody changes the endpoints, or has just changed them. `at`: when that was noted last. `afterSeq`: events behind
 * this number are kept, because an endpoint may be there that must hear of them; null if every such event was fanned
 * out. `reads`: how many of the later reads have been made.
 */
interface Noted {
  readonly at: number;
  readonly afterSeq: number | null;
  readonly reads: number;
}

/** The cursors that say what the environment's webhook endpoints may not have heard of yet. */
export class FanOutCursors {
  readonly #metadata: Metadata;

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
  }

  get noted(): Noted | null {
    const stored = this.#metadata.get("endpoints_noted");
    if (stored === null) return null;
    const [at, reads, afterSeq = ""] = stored.split(":");
    return { at: Number(at), reads: Number(reads), afterSeq: afterSeq === "" ? null : Number(afterSeq) };
  }

  set noted(noted: Noted | null) {
    this.#metadata.set("endpoints_noted", noted && `${noted.at}:${noted.reads}:${noted.afterSeq ?? ""}`);
  }

  /** Events behind this number may be pending: they have no deliveries yet. Null: none is pending. */
  get pendingAfter(): number | null {
    return this.#metadata.number("fan_out_after");
  }

  set pendingAfter(seq: number | null) {
    this.#metadata.set("fan_out_after", seq);
  }

  /** Runs with an event behind this number must be kept. Infinity: there are none. */
  get keptAfter(): number {
    return Math.min(this.pendingAfter ?? Number.POSITIVE_INFINITY, this.noted?.afterSeq ?? Number.POSITIVE_INFINITY);
  }

  /** The outcomes of runs that ended before this number are unknown, because a walk must note them. Null: no walk. */
  get outcomesBelow(): number | null {
    return this.#metadata.number("outcomes_below");
  }

  set outcomesBelow(seq: number | null) {
    this.#metadata.set("outcomes_below", seq);
  }
}

/** Less than an hour of ms, because the epochs of a name that was erased ended so long ago. */
const FIRST_EPOCHS = 2 ** 20;

/**
 * The numbers of a journal's writes. Every write of a run gets the next one. It is a number and not an instant, because
 * clocks step back. Numbers are comparable within an epoch. A new epoch begins with the first write, and when the
 * database was made equal to the journal again: then what others have read by older numbers proves nothing.
 */
export class Sequence extends Rows {
  readonly #metadata: Metadata;
  #lastSeq: number;

  constructor(sql: SqlStorage, metadata: Metadata) {
    super(sql);
    this.#metadata = metadata;
    this.#lastSeq = Math.max(this.#highestKept, metadata.number("last_seq") ?? 0);
  }

  /** The number of the last write; 0 if there was none. */
  get last(): number {
    return this.#lastSeq;
  }

  /** The number of the next write. It is used only when that write has succeeded: see `wrote`. */
  get next(): number {
    return this.#lastSeq + 1;
  }

  /** When the epoch began; 0 if nothing was ever written. */
  get epoch(): number {
    return this.#metadata.number("epoch") ?? 0;
  }

  /**
   * An instant never comes back, even if the object is restored to an earlier time. Nothing is left of the epochs of an
   * erased environment, and the clock can have stepped back. So the first epoch is no instant that anybody can hit.
   */
  beginEpoch(now: number): void {
    const { epoch } = this;
    this.#metadata.set(
      "epoch",
      epoch === 0 ? now - Math.floor(Math.random() * FIRST_EPOCHS) : Math.max(now, epoch + 1),
    );
  }

  /**
   * Notes that a write has this number. Call it after the write's transaction. A number that is counted without a row
   * would be given again after an eviction. A reader that has read up to it would then miss a write.
   */
  wrote(seq: number): void {
    this.#lastSeq = seq;
  }

  /** Call this in the transaction that removes runs. The last number must not be given again, so it is kept. */
  removedRuns(): void {
    if (this.#highestKept < this.#lastSeq) this.#metadata.set("last_seq", this.#lastSeq);
  }

  get #highestKept(): number {
    return this.numberOf("SELECT max(change_seq) FROM runs") ?? 0;
  }
}
