/** Decides in which database a new environment lives. Only the first flight of its coordinator asks. */

import { type Databases, databasesForNew } from "../../settings/databases.ts";
import { placeEnvironment } from "../d1/environments.ts";
import type { Home } from "../home.ts";

/**
 * Where it lives. If the control database names a home, that one counts: the operator may have placed the environment
 * before its first run. Throws if the control database can't be reached.
 */
export function placeOf(env: Databases, scope: string): Promise<Home> {
  const databases = databasesForNew(env);
  return placeEnvironment(env.DB, scope, databases[hashOf(scope) % databases.length] ?? 0);
}

/** FNV-1a, 32 bits. It spreads environments over databases. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
