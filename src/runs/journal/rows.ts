/** A member of `Table` has its column's name in camelCase. `is_` and `has_` begin booleans. A BLOB is a Uint8Array. */
import { columnsOf } from "./schema.ts";

type Value = SqlStorageValue | Uint8Array<ArrayBuffer>;

export abstract class Rows {
  readonly sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.sql = sql;
  }

  /** The caller says what a row has: numbers, texts and null. */
  protected query<T>(query: string, ...bindings: readonly Value[]): T[] {
    return [...this.sql.exec(query, ...bindings)] as T[];
  }

  protected firstOf<T>(query: string, ...bindings: readonly Value[]): T | null {
    return this.query<T>(query, ...bindings)[0] ?? null;
  }

  protected textsOf(query: string, ...bindings: readonly Value[]): string[] {
    return [...this.sql.exec(query, ...bindings).raw<[string]>()].map(([text]) => text);
  }

  /** In the first column of the first row; null if there is none. */
  protected numberOf(query: string, ...bindings: readonly Value[]): number | null {
    return [...this.sql.exec(query, ...bindings).raw<[number | null]>()][0]?.[0] ?? null;
  }

  protected instantOf(query: string, ...bindings: readonly Value[]): number {
    return this.numberOf(query, ...bindings) ?? Number.POSITIVE_INFINITY;
  }

  protected hasRow(query: string, ...bindings: readonly Value[]): boolean {
    return this.firstOf(query, ...bindings) !== null;
  }
}

export function memberOf(column: string): string {
  return column.replace(/_[a-z]/g, ([, letter = ""]) => letter.toUpperCase());
}

export abstract class Table<Row extends object> extends Rows {
  readonly #name: string;
  readonly #columns: ReadonlyMap<string, string>;
  readonly #select: string;
  readonly #readers: readonly (readonly [member: string, read: Reader])[];

  /** `json`: the members that are stored as JSON. Null stays null. */
  constructor(sql: SqlStorage, name: string, json: readonly (keyof Row)[] = []) {
    super(sql);
    const columns = columnsOf(name).map(({ column, type }) => ({ column, type, member: memberOf(column) }));
    this.#name = name;
    this.#columns = new Map(columns.map(({ column, member }) => [member, column]));
    this.#select = `SELECT ${columns.map(({ column, member }) => `${column} AS ${member}`).join(", ")} FROM ${name}`;
    this.#readers = columns.flatMap(({ type, member }): (readonly [string, Reader])[] => {
      if (/^(is|has)[A-Z]/.test(member)) return [[member, (flag) => flag === 1]];
      if (type === "BLOB") return [[member, (bytes) => new Uint8Array(bytes as ArrayBuffer)]];
      return (json as readonly string[]).includes(member) ? [[member, parsed]] : [];
    });
  }

  protected select(clauses: string, ...bindings: readonly Value[]): Row[] {
    return this.query<Record<string, SqlStorageValue>>(`${this.#select} ${clauses}`, ...bindings).map((row) => {
      for (const [member, read] of this.#readers) Object.assign(row, { [member]: read(row[member] ?? null) });
      return row as Row;
    });
  }

  protected selectOne(clauses: string, ...bindings: readonly Value[]): Row | null {
    return this.select(clauses, ...bindings)[0] ?? null;
  }

  /** Leaves out members without a column. Returns whether the row was written. */
  protected insertRow(row: Partial<Row>, onConflict = ""): boolean {
    const cells = this.#cellsOf(row);
    const names = cells.map(([column]) => column).join(", ");
    const places = cells.map(() => "?").join(", ");
    const insert = `INSERT INTO ${this.#name} (${names}) VALUES (${places}) ${onConflict}`;
    return this.sql.exec(insert, ...cells.map(([, value]) => value)).rowsWritten > 0;
  }

  protected putRow(row: Partial<Row>): void {
    const set = this.#cellsOf(row).map(([column]) => `${column} = excluded.${column}`);
    this.insertRow(row, `ON CONFLICT DO UPDATE SET ${set.join(", ")}`);
  }

  /** Writes only these members, because a column of an index costs a row of the index as well. */
  protected updateRow(change: Partial<Row>, where: string, ...bindings: readonly Value[]): void {
    const cells = this.#cellsOf(change);
    const set = cells.map(([column]) => `${column} = ?`).join(", ");
    this.sql.exec(`UPDATE ${this.#name} SET ${set} ${where}`, ...cells.map(([, value]) => value), ...bindings);
  }

  #cellsOf(row: Partial<Row>): (readonly [column: string, value: Value])[] {
    return Object.entries(row).flatMap(([member, value]) => {
      const column = this.#columns.get(member);
      return column === undefined ? [] : [[column, columnValue(value)] as const];
    });
  }
}

type Reader = (value: SqlStorageValue) => unknown;

function parsed(text: SqlStorageValue): unknown {
  return text === null ? null : JSON.parse(String(text));
}

function columnValue(value: unknown): Value {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) return JSON.stringify(value);
  return (value ?? null) as Value;
}
