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

  /** Call it after a transaction that failed. */
  read(): void {
    const rows = this.query<{ name: string; value: string }>("SELECT name, value FROM metadata");
    // Not before the read: if it fails, an object without metadata would notify no endpoint of anything.
    this.#values.clear();
    for (const { name, value } of rows) this.#values.set(name, value);
  }

  get replicas(): readonly number[] {
    const names = [...this.#values.keys()].filter((name) => name.startsWith(REPLICA));
    return names.map((name) => Number(name.slice(REPLICA.length))).sort((a, b) => a - b);
  }

  get(name: MetadataName): string | null {
    return this.#values.get(name) ?? null;
  }

  number(name: MetadataName): number | null {
    const value = this.get(name);
    return value === null ? null : Number(value);
  }

  json<T>(name: MetadataName): T | null {
    const value = this.get(name);
    return value === null ? null : (JSON.parse(value) as T);
  }

  set(name: MetadataName, given: string | number | object | null): void {
    const value = typeof given === "object" ? given && JSON.stringify(given) : String(given);
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

export function nameInJournal(sql: SqlStorage): string | null {
  return hasTables(sql) ? new Metadata(sql).get("name") : null;
}

/** `afterSeq`: later events are kept, because an endpoint may have to hear of them. `reads`: how many were made since. */
interface Noted {
  readonly at: number;
  readonly afterSeq: number | null;
  readonly reads: number;
}

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

/** Every write gets the next number, because clocks step back. A rebuilt database begins another epoch of numbers. */
export class Sequence extends Rows {
  readonly #metadata: Metadata;
  #lastSeq: number;

  constructor(sql: SqlStorage, metadata: Metadata) {
    super(sql);
    this.#metadata = metadata;
    this.#lastSeq = Math.max(this.#highestKept, metadata.number("last_seq") ?? 0);
  }

  get last(): number {
    return this.#lastSeq;
  }

  get next(): number {
    return this.#lastSeq + 1;
  }

  get epoch(): number {
    return this.#metadata.number("epoch") ?? 0;
  }

  /** Never the same instant again, even in a restored object. The first epoch is no instant that anybody can hit. */
  beginEpoch(now: number): void {
    const { epoch } = this;
    this.#metadata.set(
      "epoch",
      epoch === 0 ? now - Math.floor(Math.random() * FIRST_EPOCHS) : Math.max(now, epoch + 1),
    );
  }

  /** After the transaction: a number without a row would be given again after an eviction. A reader would miss a write. */
  wrote(seq: number): void {
    this.#lastSeq = seq;
  }

  removedRuns(): void {
    if (this.#highestKept < this.#lastSeq) this.#metadata.set("last_seq", this.#lastSeq);
  }

  get #highestKept(): number {
    return this.numberOf("SELECT max(change_seq) FROM runs") ?? 0;
  }
}
