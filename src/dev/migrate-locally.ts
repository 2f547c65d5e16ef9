/** Makes the local databases ready for the service. One start of the runtime is enough for all of them. */

import { join, resolve } from "node:path";
import { CONFIG, databasesIn } from "./databases.ts";
import { ROOT } from "./wrangler.ts";

/** Where `wrangler dev` keeps its state by default. */
const PERSISTED = ".wrangler/state";

export interface Local {
  /** The folder of the databases, if not `.wrangler/state`. */
  readonly persistTo?: string;
  /** What binds them, if not `wrangler.toml`. */
  readonly config?: string;
}

/** Applies all migrations to the local databases, and writes each one's number into it. */
export async function migrateLocally({ persistTo = PERSISTED, config = CONFIG }: Local = {}): Promise<void> {
  const databases = await databasesIn(config);
  if (databases.length === 0) return;
  // Loaded only here, because not every command that may migrate does it.
  const { migrateClosed } = await import("./apply-migrations.ts");
  // The folder in which wrangler has its current format.
  const folder = join(resolve(ROOT, persistTo), "v3");
  const d1Databases = Object.fromEntries(databases.map(({ binding, localId }) => [binding, localId]));
  await migrateClosed(folder, d1Databases, databases);
}
