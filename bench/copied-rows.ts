/** Copies the rows of one database to another one with the same tables. */

import type { D1Database } from "@cloudflare/workers-types";

const OURS = "type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'd1_*'";
const AT_ONCE = 200;

export async function copyRows(from: D1Database, to: D1Database): Promise<void> {
  const tables = await from
    .prepare(`SELECT name FROM sqlite_schema WHERE ${OURS}`)
    .all<{ readonly name: string }>();
  for (const { name } of tables.results) {
    const { results } = await from.prepare(`SELECT * FROM ${name}`).all();
    const columns = Object.keys(results[0] ?? {});
    // Migrations have made some rows already, such as the number of the database.
    const insert = to.prepare(
      `INSERT OR REPLACE INTO ${name} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
    );
    for (let at = 0; at < results.length; at += AT_ONCE)
      await to.batch(results.slice(at, at + AT_ONCE).map((row) => insert.bind(...Object.values(row))));
  }
}
