/** The local runtime, and the migration of its databases, for which wrangler's command would take seconds each. */

import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import type { Miniflare, V4MiniflareOptions } from "miniflare";
import { type Batch, CONTROL, migrate, NUMBERS_IN_USE, type Row } from "./migrations.ts";
import type { Bound } from "./wrangler.ts";

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

/** Runs statements. Any page of this machine can find its port, so it wants a key that never leaves this process. */
const KEY = randomBytes(32).toString("hex");
const WORKER = `export default {
  async fetch(request, env) {
    if (request.headers.get("Migration-Key") !== env.KEY) return new Response(null, { status: 404 });
    const { binding, statements } = await request.json();
    const db = env[binding];
    const prepared = statements.map((sql) => db.prepare(sql));
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
): Promise<readonly number[]> {
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
    for (const bound of databases) await migrate(batchIn(bound.binding), bound);
    if (databases.every(({ number }) => number !== 0)) return [];
    const [inUse = []] = await batchIn(CONTROL.binding)([NUMBERS_IN_USE]);
    return inUse.map(({ number }) => Number(number));
  } finally {
    await miniflare.dispose();
  }
}

export async function migrateOpen(
  db: Awaited<ReturnType<Miniflare["getD1Database"]>>,
  bound: Bound = CONTROL,
): Promise<void> {
  const batch: Batch = async (statements) =>
    (await db.batch<Row>(statements.map((sql) => db.prepare(sql)))).map(({ results }) => results);
  await migrate(batch, bound);
}
