/** Makes the local databases ready for the service. One start of the runtime is enough for all of them. */

import { CONFIG, databasesIn, requireAllBound } from "./databases.ts";
import { privateState } from "./prepare.ts";

export interface Local {
  /** The folder of the databases, if not `.wrangler/state`. */
  readonly persistTo?: string;
  /** What binds them, if not `wrangler.toml`. */
  readonly config?: string;
  /** Whether it fails if an environment lives in a database that is not bound. The service starts even then. */
  readonly mustBindAll?: boolean;
}

/** Applies all migrations to the local databases, and writes each one's number into it. */
export async function migrateLocally(local: Local = {}): Promise<void> {
  const { persistTo, config = CONFIG, mustBindAll = false } = local;
  const databases = await databasesIn(config);
  if (databases.length === 0) return;
  // Loaded only here, because not every command that may migrate does it.
  const { migrateClosed } = await import("./apply-migrations.ts");
  const d1Databases = Object.fromEntries(databases.map(({ binding, localId }) => [binding, localId]));
  const inUse = await migrateClosed(privateState(persistTo), d1Databases, databases);
  if (mustBindAll) requireAllBound(databases, inUse);
}
