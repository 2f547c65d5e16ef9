/**
 * The local runtime, as `npm start`, the bench, the soak and the tests start it, and the migration of its databases. The
 * command of wrangler would take seconds for each database.
 */

import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Miniflare, V4MiniflareOptions } from "miniflare";
import { type BoundDatabase, loadWrangler, NUMBERS_IN_USE, numbering, ROOT, requireNumber } from "./wrangler.ts";

// An import would first search its 6 MB for the names of its exports, which takes 0.1 s.
const runtime = createRequire(import.meta.url)("miniflare") as typeof import("miniflare");

/** Logs only errors, and sends nothing anywhere. `folder`: where everything is kept, as files. */
export function newMiniflare(folder: string, options: V4MiniflareOptions): Miniflare {
  return new runtime.Miniflare(quietOptions(folder, options));
}

/** What `newMiniflare` starts with, and what a Miniflare can be changed to. */
export function quietOptions(folder: string, options: V4MiniflareOptions) {
  return runtime.convertV4MiniflareOptions({
    log: new runtime.Log(runtime.LogLevel.ERROR),
    cf: false,
    telemetry: { enabled: false },
    resourcePersistencePath: folder,
    ...options,
  });
}

type Bound = Pick<BoundDatabase, "binding" | "number">;
const CONTROL: Bound = { binding: "DB", number: 0 };

const MIGRATIONS = join(ROOT, "migrations");
/** As `wrangler d1 migrations apply` makes it, so that its commands find what was applied. */
const APPLIED_TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`;

interface Statement {
  readonly sql: string;
  readonly values?: readonly (string | number)[];
}

type Row = Readonly<Record<string, string | number | null>>;

/** Runs statements in one transaction, and returns the rows of each. */
type Batch = (statements: readonly Statement[]) => Promise<readonly (readonly Row[])[]>;

/**
 * A worker that runs the statements of a request. Any user and any page of this machine can find its port, so it wants a
 * key that never leaves this process.
 */
const KEY = randomBytes(32).toString("hex");
const WORKER = `export default {
  async fetch(request, env) {
    if (request.headers.get("Migration-Key") !== env.KEY) return new Response(null, { status: 404 });
    const { binding, statements } = await request.json();
    const db = env[binding];
    const prepared = statements.map(({ sql, values = [] }) => db.prepare(sql).bind(...values));
    return Response.json((await db.batch(prepared)).map(({ results }) => results));
  },
};`;

/**
 * Migrates databases that no server has open. `d1Databases`: the id of each, by its binding. Miniflare's own access to
 * them would start a thread, and block for each statement. Returns the numbers of databases in which environments live.
 */
export async function migrateClosed(
  folder: string,
  d1Databases: NonNullable<V4MiniflareOptions["d1Databases"]>,
  databases: readonly Bound[] = [CONTROL],
): Promise<readonly Row[]> {
  const miniflare = newMiniflare(folder, { d1Databases, modules: true, script: WORKER, bindings: { KEY } });
  const batchIn =
    (binding: string): Batch =>
    async (statements) => {
      const body = JSON.stringify({ binding, statements });
      const headers = { "Migration-Key": KEY };
      const answer = await miniflare.dispatchFetch("http://localhost", { method: "POST", headers, body });
      if (!answer.ok) throw new Error(`${binding} can't be migrated. ${await answer.text()}`);
      return (await answer.json()) as Row[][];
    };
  try {
    for (const bound of databases) await apply(batchIn(bound.binding), bound);
    if (databases.every(({ number }) => number !== 0)) return [];
    const [inUse = []] = await batchIn(CONTROL.binding)([{ sql: NUMBERS_IN_USE }]);
    return inUse;
  } finally {
    await miniflare.dispose();
  }
}

/** Migrates a database of a runtime that is up. */
export function migrate(db: Awaited<ReturnType<Miniflare["getD1Database"]>>, bound: Bound = CONTROL): Promise<void> {
  // Each call of Miniflare's database blocks, so `bind` is called only if there is something to bind.
  const prepare = ({ sql, values }: Statement) =>
    values === undefined ? db.prepare(sql) : db.prepare(sql).bind(...values);
  const batch: Batch = async (statements) =>
    (await db.batch<Row>(statements.map(prepare))).map(({ results }) => results);
  return apply(batch, bound);
}

async function apply(batch: Batch, bound: Bound): Promise<void> {
  const { unstable_splitSqlQuery } = await loadWrangler();
  const [, names = []] = await batch([{ sql: APPLIED_TABLE }, { sql: "SELECT name FROM d1_migrations" }]);
  const applied = new Set(names.map(({ name }) => name));
  const missing = readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql") && !applied.has(name));
  for (const name of missing.sort()) {
    const queries = unstable_splitSqlQuery(readFileSync(join(MIGRATIONS, name), "utf8"));
    const noted = { sql: "INSERT INTO d1_migrations (name) VALUES (?)", values: [name] };
    await batch([...queries.map((sql) => ({ sql })), noted]);
  }
  const [, found = []] = await batch(numbering(bound.number).map((sql) => ({ sql })));
  requireNumber(bound, found[0]?.number);
}
