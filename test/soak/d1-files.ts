/**
 * The files of the soak's D1 databases. No request is sent. A run counts as the database has it in which its environment
 * lives: in another one, an older copy may wait to be deleted.
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const BUSY_MS = 5000;

export interface Row {
  readonly scope: string;
  readonly id: string;
  readonly body: string;
  readonly details: string;
}

interface LabelRow {
  readonly scope: string;
  readonly id: string;
  readonly label: string;
}

/** In which database each environment lives, by its scope. */
export type Homes = (scope: string) => number;

export function readHomes(state: string): Homes {
  const [rows = []] = readEach(state, (db, number) =>
    number === 0 ? [db.prepare("SELECT scope, database FROM environments").all()] : [],
  );
  const homes = new Map(rows.map(({ scope, database }) => [String(scope), Number(database)]));
  return (scope) => homes.get(scope) ?? 0;
}

/** All runs, by id, each as its home has it. */
export function readRows(state: string): Map<string, Row> {
  const home = readHomes(state);
  const rows = readEach(state, (db, number) => {
    const all = db.prepare("SELECT scope, id, body, details FROM runs").all() as unknown as Row[];
    return all.filter(({ scope }) => home(scope) === number);
  });
  return new Map(rows.map((row) => [row.id, row]));
}

/** What a list by label would find of each run, sorted. One walk of the table, because it has no index by run. */
export function readLabels(state: string): Map<string, string[]> {
  const home = readHomes(state);
  const rows = readEach(state, (db, number) => {
    const all = db.prepare("SELECT scope, id, label FROM run_labels ORDER BY label").all();
    return (all as unknown as LabelRow[]).filter(({ scope }) => home(scope) === number);
  });
  const labels = new Map<string, string[]>();
  for (const { id, label } of rows) labels.set(id, [...(labels.get(id) ?? []), label]);
  return labels;
}

/** How many ended runs of an environment its home has, by status. */
export function endedRuns(state: string, environment: string): Readonly<Record<string, number>> {
  const home = readHomes(state)(environment);
  const select =
    "SELECT status, count(*) AS runs FROM runs WHERE scope = ? AND status NOT IN ('pending', 'running') GROUP BY status";
  const rows = readEach(state, (db, number) =>
    number === home ? (db.prepare(select).all(environment) as { status: string; runs: number }[]) : [],
  );
  return Object.fromEntries(rows.map(({ status, runs }) => [status, runs]));
}

/** Rows and labels that are where their environment does not live, as sentences. */
export function readStrangers(state: string): readonly string[] {
  const home = readHomes(state);
  return readEach(state, (db, number) =>
    ["runs", "run_labels"].flatMap((table) => {
      const scopes = db.prepare(`SELECT scope, count(*) AS n FROM ${table} GROUP BY scope`).all();
      return scopes
        .filter(({ scope }) => home(String(scope)) !== number)
        .map(
          ({ scope, n }) => `database ${number} has ${n} ${table} of ${scope}, which lives in ${home(String(scope))}`,
        );
    }),
  );
}

/** Every row of every table, of the databases and of the coordinators' journals. */
export function textsIn(state: string): readonly { readonly file: string; readonly text: string }[] {
  const files = readdirSync(state, { recursive: true, encoding: "utf8" }).filter((name) => FILE.test(name));
  return files.flatMap((file) =>
    readFile(join(state, file), (db) => {
      const tables = db.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      );
      const names = tables.all().map(({ name }) => String(name));
      return names.map((name) => {
        const all = db.prepare(`SELECT * FROM "${name}"`);
        // Versions and hashes can be larger than a number.
        all.setReadBigInts(true);
        return { file: `${name} of ${file}`, text: JSON.stringify(all.all(), (_, value) => shown(value)) };
      });
    }),
  );
}

function shown(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : value;
}

const FILE = /(^|\/)[0-9a-f]{64}\.sqlite$/;

/** Reads each database, which knows its number. */
function readEach<T>(state: string, read: (db: DatabaseSync, number: number) => readonly T[]): T[] {
  const folder = join(state, "d1/miniflare-D1DatabaseObject");
  const files = readdirSync(folder).filter((name) => FILE.test(name));
  return files.flatMap((file) =>
    readFile(join(folder, file), (db) =>
      read(db, Number(db.prepare("SELECT number FROM database_number").get()?.number)),
    ),
  );
}

function readFile<T>(path: string, read: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS });
  try {
    return read(db);
  } finally {
    db.close();
  }
}
