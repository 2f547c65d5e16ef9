/**
 * Named values that must survive an eviction:
 * - the coordinator's name, and when to retry replication,
 * - the epoch of its sequence numbers, and the last number if no run that is kept has it,
 * - what is known of each database that has its runs (landing-rows.ts),
 * - what webhook endpoints may not have heard of yet (telling-marks.ts),
 * - the runs of the archive's next object, and up to which run D1's rows of ended runs were deleted.
 */

export type MetadataName =
  | "name"
  | "epoch"
  | "last_seq"
  | "replication_retry_at"
  | `replica:${number}`
  | "endpoints_noted"
  | "fan_out_after"
  | "outcomes_below"
  | "archiving"
  | "deleted_to";

const REPLICA = "replica:";

export class Metadata {
  readonly #sql: SqlStorage;
  /** A copy of the table, because each change of a run reads it. */
  readonly #values = new Map<string, string>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.read();
  }

  /** Reads the table. Call it after a transaction that failed, because memory has what the transaction took back. */
  read(): void {
    const rows = [...this.#sql.exec<{ name: string; value: string }>("SELECT name, value FROM metadata")];
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

  set(name: MetadataName, value: string | null): void {
    if (value === this.get(name)) return;
    // The table first: if the write throws, memory must not claim the new value.
    if (value === null) {
      this.#sql.exec("DELETE FROM metadata WHERE name = ?", name);
      this.#values.delete(name);
    } else {
      this.#sql.exec(
        "INSERT INTO metadata (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        name,
        value,
      );
      this.#values.set(name, value);
    }
  }
}

/** The coordinator's name in the journal; null if there is none. Creates no table in an object that has no journal. */
export function nameInJournal(sql: SqlStorage): string | null {
  return hasTables(sql) ? new Metadata(sql).get("name") : null;
}

/** Whether the object has a journal. */
export function hasTables(sql: SqlStorage): boolean {
  const tables = sql.exec("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'metadata'");
  return [...tables].length > 0;
}
