/** Where the coordinator of an environment says that its runs are. The row counts if it has a higher generation. */

import { readD1 } from "../../../database/read-d1.ts";
import { hasSeveralDatabases } from "../../../settings/databases.ts";
import { noteHome, readHome } from "../../d1/environments.ts";
import { FIRST_HOME, type Home, newerHome } from "../../home.ts";
import type { HomeState } from "../../move-calls.ts";
import { rememberHome } from "../../placement/database-of.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";

export interface AskedHome {
  readonly state: HomeState;
  /** Null if nobody has decided, because the environment never had a run. */
  readonly home: Home | null;
}

/**
 * Asks the coordinator, and reads the row if there are several databases. Throws `coordinator_unavailable`, or
 * `database_unavailable`.
 */
export async function askHome(environment: RunEnvironment): Promise<AskedHome> {
  const { env, hops, scope } = environment;
  const state = await ask(environment, (coordinator) => coordinator.moves.state());
  const said = state.home;
  if (!hasSeveralDatabases(env)) return { state, home: said ?? FIRST_HOME };
  const home = newerHome(said, await readD1(hops, () => readHome(env.DB, scope)));
  if (home !== null) await rememberHome(environment, home);
  return { state, home };
}

/** The statement that repairs the row of the control database, in a batch of the caller; none if there is no need. */
export function repairsRow({ env, scope }: RunEnvironment, home: Home | null): readonly D1PreparedStatement[] {
  return home !== null && hasSeveralDatabases(env) ? [noteHome(env.DB, scope, home)] : [];
}
