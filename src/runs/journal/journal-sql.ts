/**
 * The SQL of a journal that may not exist yet. Anybody may ask an object about a made-up run or environment. So the
 * tables and the coordinator's name are made with the first row, and until then each statement meets empty tables. All
 * SQL of a coordinator goes through here, so no call can write by only asking.
 */

import { hasTables } from "./marks.ts";
import { JOURNAL_STEPS, migrate } from "./steps.ts";

const TABLE = /CREATE TABLE (\w+) \(([^;]*)\) STRICT/g;
const COLUMN = /^ *([a-z_]+) +[A-Z]/gm;

export class JournalSql implements SqlStorage {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #name: string;
  readonly Cursor: SqlStorage["Cursor"];
  readonly Statement: SqlStorage["Statement"];
  #hasTables = false;

  /** `name`: of the coordinator. */
  constructor(storage: DurableObjectStorage, name: string) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#name = name;
    this.Cursor = storage.sql.Cursor;
    this.Statement = storage.sql.Statement;
    this.look();
    if (this.#hasTables) migrate(storage);
  }

  /** Whether the object was ever written to. */
  get isWritten(): boolean {
    return this.#hasTables;
  }

  get databaseSize(): number {
    return this.#sql.databaseSize;
  }

  exec<T extends Record<string, SqlStorageValue>>(query: string, ...bindings: unknown[]): SqlStorageCursor<T> {
    if (!this.#hasTables) {
      // Only an INSERT changes empty tables.
      if (!/^\s*INSERT\b/.test(query)) return this.#sql.exec<T>(...onEmptyTables(query, bindings));
      this.#create();
    }
    return this.#sql.exec<T>(query, ...bindings);
  }

  /** Looks whether there are tables. Call it after a transaction that failed, because it may have made them. */
  look(): void {
    this.#hasTables = hasTables(this.#sql);
  }

  /** In one critical section with the first row, so both commit together. */
  #create(): void {
    this.#storage.transactionSync(() => {
      migrate(this.#storage);
      this.#sql.exec("INSERT INTO metadata (name, value) VALUES ('name', ?)", this.#name);
    });
    this.#hasTables = true;
  }
}

/** A statement that does what this one does if all tables are empty. */
function onEmptyTables(query: string, bindings: unknown[]): [query: string, ...bindings: unknown[]] {
  if (!/^\s*(SELECT|WITH)\b/.test(query)) return ["SELECT 1 WHERE 0"];
  const tables = JOURNAL_STEPS.flatMap((step) => [...step.matchAll(TABLE)]).map(([, name, columns = ""]) => {
    const names = [...columns.matchAll(COLUMN)].map(([, column]) => `NULL AS ${column}`);
    return `${name} AS (SELECT ${names.join()} WHERE 0)`;
  });
  const rest = query.replace(/ INDEXED BY \w+/g, "").replace(/^\s*WITH( RECURSIVE)?/, ",");
  return [`WITH RECURSIVE ${tables.join()} ${rest}`, ...bindings];
}
