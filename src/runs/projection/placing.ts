/** Decides in which database a new environment lives. Only the first flight of a coordinator asks. */

import { type Databases, databasesForNew } from "../../settings/databases.ts";
import type { Env } from "../../settings/env.ts";
import { callCoordinator } from "../coordinator-client.ts";
import { placeEnvironment, readHome, settleHome } from "../d1/environments.ts";
import { type Home, newestHome } from "../home.ts";
import { COORDINATORS, type Owner } from "../run-id.ts";

/** What is needed to ask the control database and the other coordinators. */
export type Placing = Databases & Pick<Env, "COORDINATORS">;

/**
 * The home of the environment. A missing row does not prove that the environment is new, because a restore of the
 * control database loses rows. So the other coordinators are asked before anything is placed. Throws if one of them or
 * the control database can't be reached.
 */
export async function placeOf(env: Placing, { scope, n }: Owner): Promise<Home> {
  const noted = await readHome(env.DB, scope);
  if (noted !== null) return noted;
  const others = Array.from({ length: COORDINATORS }, (_, other) => other).filter((other) => other !== n);
  const placements = await Promise.all(
    others.map((other) => callCoordinator(env, { coordinator: 0 }, scope, other, (one) => one.placement())),
  );
  const known = newestHome(placements.map(({ home }) => home));
  if (known !== null) return settleHome(env.DB, scope, known);
  const databases = databasesForNew(env);
  return placeEnvironment(env.DB, scope, databases[hashOf(scope) % databases.length] ?? 0);
}

/** FNV-1a, 32 bits. It spreads environments over databases, and all coordinators of one get the same number. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
