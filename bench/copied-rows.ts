/** Copies the rows of a table to another database with the same tables. */

import type { D1Database } from "@cloudflare/workers-types";

/** D1 binds at most 2 MB. */
const AT_ONCE = 400;

/** No row may have a blob. In few statements, because each costs Miniflare's proxy several requests. */
export async function copyRows(table: string, from: D1Database, to: D1Database): Promise<void> {
  const { results } = await from.prepare(`SELECT * FROM ${table}`).all();
  const columns = Object.keys(results[0] ?? {});
  const values = columns.map((_, i) => `value ->> ${i}`);
  const insert = to.prepare(
    `INSERT INTO ${table} (${columns.join(", ")}) SELECT ${values.join(", ")} FROM json_each(?)`,
  );
  for (let at = 0; at < results.length; at += AT_ONCE) {
    const rows = results.slice(at, at + AT_ONCE).map((row) => Object.values(row));
    await insert.bind(JSON.stringify(rows)).run();
  }
}
