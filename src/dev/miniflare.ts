/** The local runtime, as the bench, the soak and the tests start it without `wrangler dev`. */

import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4MiniflareOptions } from "miniflare";
import { ROOT } from "./wrangler.ts";

/** Logs only errors, and sends nothing anywhere. `folder`: where everything is kept, as files. */
export function newMiniflare(folder: string, options: V4MiniflareOptions): Miniflare {
  return new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.ERROR),
      cf: false,
      telemetry: { enabled: false },
      resourcePersistencePath: folder,
      ...options,
    }),
  );
}

/** Applies all migrations to a new database. The command of wrangler would take seconds. */
export async function migrate(db: Awaited<ReturnType<Miniflare["getD1Database"]>>): Promise<void> {
  // Loaded only here, because it brings much that most processes don't need.
  const { readD1Migrations } = await import("@cloudflare/vitest-pool-workers");
  for (const { queries } of await readD1Migrations(join(ROOT, "migrations")))
    await db.batch(queries.map((query) => db.prepare(query)));
}
