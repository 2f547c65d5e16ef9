/**
 * Repairs one database after it was restored: resyncs the environments that live there, and deletes the rows of those
 * that live elsewhere, which the restore has brought back. A request does a bounded part of that.
 */

import type { Context } from "hono";
import { newAuditEntry } from "../../../auth/audit.ts";
import { requireNamedDatabase } from "../../../database/numbered-database.ts";
import { readD1 } from "../../../database/read-d1.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { environmentsIn, scopesWithRows } from "../../d1/environments-in.ts";
import { deleteLeftovers } from "../../d1/leftover-rows.ts";
import { FIRST_HOME } from "../../home.ts";
import { isUnderWay } from "../../move-calls.ts";
import { ask, environmentIn, type RunEnvironment } from "../run-environment.ts";
import { type AskedHome, askHome } from "./placement.ts";
import { resyncEnvironment } from "./resync-environment.ts";

/** How many environments a request resyncs. Each takes three calls of its coordinator at most. */
const ENVIRONMENTS_MAX = 25;
/** How many deletions a request makes, of 500 rows each. */
const DELETIONS_MAX = 40;

export interface ResyncedDatabase {
  /** How many environments are resynced. */
  readonly environments: number;
  /** How many of their runs are left. */
  readonly remaining: number;
  /** The scope after which the next request goes on; null if this one was the last. */
  readonly next: string | null;
}

/** Throws `database_unknown`, `database_unavailable`, or `coordinator_unavailable`. It is safe to repeat. */
export async function resyncDatabase(c: Context<AppEnv>, number: number, after: string): Promise<ResyncedDatabase> {
  const db = await requireNamedDatabase(c.env, c.get("hops"), number);
  const { scopes, next } = await scopesOf(c, db, number, after);
  let [environments, remaining, deletions, done] = [0, 0, 0, after];
  for (const scope of scopes) {
    const environment = environmentIn(c, scope);
    const asked = await askHome(environment);
    if (livesIn(asked, number)) {
      environments++;
      remaining += await resync(c, environment, asked, number);
    } else if (!hasMoveOf(asked, number)) {
      while (await readD1(environment.hops, () => deleteLeftovers(db, scope))) {
        if (++deletions >= DELETIONS_MAX) return { environments, remaining, next: done };
      }
      // The deletion can have taken rows of a move that began meanwhile. So the runs are replicated again.
      if (hasMoveOf(await askHome(environment), number))
        await ask(environment, (coordinator) => coordinator.upkeep.resync(asked.home));
    }
    done = scope;
  }
  return { environments, remaining, next };
}

/** The next environments that live in the database, or have rows there. */
async function scopesOf(c: Context<AppEnv>, db: D1Database, number: number, after: string) {
  const hops = c.get("hops");
  const [page, withRows] = await Promise.all([
    readD1(hops, () => environmentsIn(c.env.DB, number, after, ENVIRONMENTS_MAX)),
    readD1(hops, () => scopesWithRows(db, after, ENVIRONMENTS_MAX + 1)),
  ]);
  const all = new Set([...page.environments.map(({ scope }) => scope), ...withRows]);
  // After the last scope of this page there can be more that live here. So scopes behind it wait for the next page.
  const known = [...all].filter((scope) => page.next === null || scope <= page.next).sort();
  const scopes = known.slice(0, ENVIRONMENTS_MAX);
  return { scopes, next: known.length > ENVIRONMENTS_MAX ? (scopes.at(-1) ?? null) : page.next };
}

/** Whether the environment's runs are replicated to this database. During a move they are replicated to two. */
function livesIn({ home, state }: AskedHome, number: number): boolean {
  const isTarget = state.moves.some((move) => isUnderWay(move) && move.target.database === number);
  return isTarget || (home ?? FIRST_HOME).database === number;
}

/** While a move is not over, its driver deletes the rows of the database that the environment has left. */
function hasMoveOf({ state }: AskedHome, number: number): boolean {
  return state.moves.some(({ from, target }) => [from.database, target.database].includes(number));
}

function resync(c: Context<AppEnv>, environment: RunEnvironment, { home }: AskedHome, number: number) {
  const [o, p, envName = ""] = environment.scope.split("/");
  const target = `database/${number}`;
  const what = { project: `${o}/${p}`, envName, action: "resync_requested", target } as const;
  const entry = newAuditEntry(c, what, Date.now());
  return resyncEnvironment(environment, home, entry, c.get("requestId"));
}
