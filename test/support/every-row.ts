/** Everything that is stored, to see that something is not. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { coordinator } from "./direct.ts";

/** Every row of the journal and of D1 as text. */
export async function everyRow(path: string): Promise<string> {
  const own = await runInDurableObject(coordinator(path), (_, { storage: { sql } }) => {
    const tables = [
      ...sql.exec("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'"),
    ];
    return JSON.stringify(
      tables.map(({ name }) => [name, [...sql.exec(`SELECT * FROM "${name}"`)]]),
      (_key, value) => (value instanceof ArrayBuffer ? new TextDecoder("latin1").decode(value) : value),
    );
  });
  const { results } = await env.DB.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all<{
    name: string;
  }>();
  const names = results
    .map(({ name }) => name)
    .filter((name) => !name.startsWith("_cf") && !name.startsWith("sqlite_"));
  const rows = await env.DB.batch(names.map((name) => env.DB.prepare(`SELECT * FROM "${name}"`)));
  return own + JSON.stringify(rows.map(({ results }) => results));
}
