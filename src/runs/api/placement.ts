/**
 * Where an environment's runs are read. The coordinator decides, and the table `environments` is its copy. So the home with
 * the highest generation counts: what the coordinator has just said, what this isolate remembers, or the row.
 */

import { lacksDatabase } from "../../database/database-state.ts";
import { OutageCache } from "../../database/outage-cache.ts";
import { readD1, requireDatabaseNumbered } from "../../database/read-d1.ts";
import type { Environment } from "../../http/request-context.ts";
import { hasSeveralDatabases } from "../../settings/databases.ts";
import { noteHome, readHome } from "../d1/environments.ts";
import { FIRST_HOME, type Home, type HomeState, newerHome } from "../home.ts";
import { ask } from "./run-request.ts";

const REMEMBERED_MAX = 10_000;

/**
 * By scope. An entry can be 30 s old, or 10 minutes while the control database is down. A database keeps the rows of an
 * environment that left it for longer than that. The first batch of an environment writes its row, so the absence of a row
 * is never remembered.
 */
const homes = new OutageCache<Home>({
  maxWeight: REMEMBERED_MAX,
  weigh: () => 1,
  namesOf: (_home, scope) => [scope],
  missingMs: 0,
});

/** `said`: what the coordinator has just said. Throws `database_not_bound`, or `database_unavailable`. */
export async function databaseOf(environment: Environment, said: Home | null = null) {
  const { env, hops } = environment;
  const { database: number } =
    hasSeveralDatabases(env) || (await lacksDatabase(env, hops))
      ? await homeAmongSeveral(environment, said)
      : (said ?? FIRST_HOME);
  return { number, db: await requireDatabaseNumbered(env, hops, number) };
}

async function homeAmongSeveral(environment: Environment, said: Home | null): Promise<Home> {
  const { env, hops, scope, waitUntil } = environment;
  const now = Date.now();
  const read = () => readD1(hops, () => readHome(env.DB, scope));
  const remembered = homes.recall(scope, now) ?? null;
  const home = newerHome(remembered, said) ?? (await homes.lookUp({ key: scope, now, read }, waitUntil)) ?? FIRST_HOME;
  await remember(environment, home, now);
  return home;
}

/** If it is newer. The first home means that there is no row, and that is never remembered. */
async function remember({ scope, waitUntil }: Environment, home: Home, now: number): Promise<void> {
  const { generation } = homes.recall(scope, now) ?? FIRST_HOME;
  if (home.generation <= generation) return;
  await homes.lookUp({ key: scope, now, read: () => Promise.resolve(home) }, waitUntil);
}

export interface AskedHome {
  readonly state: HomeState;
  /** Null if nobody has decided, because the environment never had a run. */
  readonly home: Home | null;
}

/** With several databases, the row counts if its generation is higher. Throws 503 if either does not answer. */
export async function askHome(environment: Environment): Promise<AskedHome> {
  const { env, hops, scope } = environment;
  const state = await ask(environment, ({ moves }) => moves.state());
  const said = state.home;
  if (!hasSeveralDatabases(env)) return { state, home: said ?? FIRST_HOME };
  const home = newerHome(said, await readD1(hops, () => readHome(env.DB, scope)));
  if (home !== null) await remember(environment, home, Date.now());
  return { state, home };
}

/** The statement that repairs the row of the control database, in a batch of the caller; none if there is no need. */
export function repairsRow({ env, scope }: Environment, home: Home | null): readonly D1PreparedStatement[] {
  return home !== null && hasSeveralDatabases(env) ? [noteHome(env.DB, scope, home)] : [];
}
