/** The local runtime, as the bench, the soak and the tests start it without `wrangler dev`. */

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Miniflare, V4MiniflareOptions } from "miniflare";
import { type BoundDatabase, loadWrangler, numbering, requireNumber } from "./databases.ts";
import { ROOT } from "./wrangler.ts";

// An import would first search its 6 MB for the names of its exports, which takes 0.1 s.
const runtime = createRequire(import.meta.url)("miniflare") as typeof import("miniflare");

/** Logs only errors, and sends nothing anywhere. `folder`: where everything is kept, as files. */
export function newMiniflare(folder: string, options: V4MiniflareOptions): Miniflare {
  return new runtime.Miniflare(
    runtime.convertV4MiniflareOptions({
      log: new runtime.Log(runtime.LogLevel.ERROR),
      cf: false,
      telemetry: { enabled: false },
      resourcePersistencePath: folder,
      ...options,
    }),
  );
}

type Database = Awaited<ReturnType<Miniflare["getD1Database"]>>;

const CONTROL = { binding: "DB", number: 0 };
const MIGRATIONS = join(ROOT, "migrations");
/** As `wrangler d1 migrations apply` makes it, so that its commands find what was applied. */
const APPLIED_TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`;

/**
 * Applies the migrations that a local database lacks, and writes its number into it. The command of wrangler would take
 * seconds for each database.
 */
export async function migrate(
  db: Database,
  bound: Pick<BoundDatabase, "binding" | "number"> = CONTROL,
): Promise<void> {
  const { unstable_splitSqlQuery } = await loadWrangler();
  await db.prepare(APPLIED_TABLE).run();
  const { results } = await db.prepare("SELECT name FROM d1_migrations").all<{ readonly name: string }>();
  const applied = new Set(results.map(({ name }) => name));
  const missing = readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql") && !applied.has(name));
  for (const name of missing.sort()) {
    const queries = unstable_splitSqlQuery(readFileSync(join(MIGRATIONS, name), "utf8"));
    const noted = db.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
    await db.batch([...queries.map((query) => db.prepare(query)), noted]);
  }
  const [, found] = await db.batch<{ readonly number: number }>(
    numbering(bound.number).map((sql) => db.prepare(sql)),
  );
  requireNumber(bound, found?.results[0]?.number);
}
