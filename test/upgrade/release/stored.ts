/** What a release has stored, as SQL text: a database, or the storage of an object. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { COORDINATORS } from "../../../src/runs/run-id.ts";
import { alarmAt, coordinator } from "../../support/direct.ts";

/** The numbers of an environment's coordinators. */
export const NUMBERS = Array.from({ length: COORDINATORS }, (_, n) => n);

/** The tables that a release made. The runtime has others. */
const OWN = "name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'";

interface Made extends Record<string, SqlStorageValue> {
  readonly type: string;
  readonly name: string;
  readonly sql: string;
}

type Query = <T extends Record<string, SqlStorageValue>>(sql: string) => Promise<readonly T[]>;

/** Statements that make the same tables, rows and indexes again. Each is on lines of its own. */
async function dump(query: Query): Promise<string> {
  const made = await query<Made>(
    `SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND ${OWN} ORDER BY rowid`,
  );
  const statements: string[] = [];
  for (const { type, name, sql } of made) {
    statements.push(sql);
    if (type !== "table") continue;
    const columns = await query<{ name: string }>(`SELECT name FROM pragma_table_info('${name}')`);
    const names = columns.map((column) => column.name);
    // One quote() a row at a time, because an expression must not have hundreds of parts.
    const quoted = names.map((column) => `quote("${column}") AS "${column}"`).join(", ");
    for (const row of await query<Record<string, string>>(`SELECT ${quoted} FROM "${name}"`)) {
      const values = names.map((column) => row[column]).join(", ");
      statements.push(`INSERT INTO "${name}" (${names.join(", ")}) VALUES (${values})`);
    }
  }
  return statements.map((sql) => `${sql};\n`).join("");
}

/** The statements of a dump. A line break in a value is written as a part of the value, never at the end of a line `;`. */
function statementsOf(dumped: string): readonly string[] {
  return dumped.split(/;\n(?=CREATE|INSERT|$)/).filter((sql) => sql !== "");
}

/** The tables and indexes of a dump, without comments. */
export function schemaIn(dumped: string): readonly string[] {
  const created = statementsOf(dumped).filter((sql) => sql.startsWith("CREATE"));
  return created.map((sql) => sql.replaceAll(/--.*/g, "").replaceAll(/\s+/g, " "));
}

export function dumpD1(): Promise<string> {
  return dump(async <T>(sql: string) => (await env.DB.prepare(sql).all<T>()).results);
}

/** Replaces everything in the database. */
export async function loadD1(dumped: string): Promise<void> {
  const { results } = await env.DB.prepare(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND ${OWN}`,
  ).all<{ name: string }>();
  for (const { name } of results) await env.DB.prepare(`DROP TABLE "${name}"`).run();
  const statements = statementsOf(dumped).map((sql) => env.DB.prepare(sql));
  if (statements.length > 0) await env.DB.batch(statements);
}

export interface StoredJournal {
  readonly sql: string;
  /** When the object's alarm was set to ring, in ms. */
  readonly alarmAt: number | null;
}

export async function dumpJournal(path: string, n: number): Promise<StoredJournal> {
  const sql = await runInDurableObject(coordinator(path), (_, { storage }) =>
    dump(async <T extends Record<string, SqlStorageValue>>(query: string) => [...storage.sql.exec<T>(query)]),
  );
  return { sql, alarmAt: await alarmAt(path) };
}

/** Replaces everything in a coordinator. Its next call finds what is in the journal. */
export async function loadJournal(path: string, n: number, stored: StoredJournal): Promise<void> {
  await runInDurableObject(coordinator(path), async (_, { storage }) => {
    await storage.deleteAll();
    for (const sql of statementsOf(stored.sql)) storage.sql.exec(sql);
    if (stored.alarmAt !== null) await storage.setAlarm(stored.alarmAt);
  });
  await evictDurableObject(coordinator(path));
}
