/**
 * Drives the erasures of environments and projects, by the cron and right after a request. The rows in D1 go twice, an
 * hour apart, because statements fly and isolates remember longer than a moment. The object is wiped last. Each step is
 * safe to repeat, and its row says which is next, so a driver may die anywhere.
 */
import { EMPTY_FILLER, FILL_FREED_PAGES } from "../../../base/freed-pages.ts";
import { logFailure } from "../../../base/log.ts";
import { MINUTE_MS, msSinceOrLongAgo, within } from "../../../base/time.ts";
import { boundDatabase, boundDatabases } from "../../../settings/databases.ts";
import type { Env } from "../../../settings/env.ts";
import { eraseRows, readHome, scopesWithRows } from "../../d1/environments.ts";
import {
  askErasure,
  boundsOf,
  deleteRows,
  type Erasure,
  knownScopes,
  noteErasure,
  openEnvironments,
  partsOf,
  takeErasures,
} from "../../d1/erasures.ts";
import { type Coordinator, callCoordinator } from "../../protocol.ts";

/** What a driver does at most. It leaves D1 to others, and room for the sweep in its invocation (see sweep.ts). */
const ERASURES_MAX = 30;
const STATEMENTS_MAX = 150;
const WORK_MAX_MS = 20_000;
const STATEMENT_MAX_MS = 8000;
const SCOPES_PER_PAGE = 100;
/** Between two statements, others get at the database. And an object ends a moment after its wipe. */
const PAUSE_MS = 10;

/** What one driver may still do. */
class Budget {
  readonly #beganAt = Date.now();
  #statements = STATEMENTS_MAX;

  get isSpent(): boolean {
    return this.#statements <= 0 || msSinceOrLongAgo(this.#beganAt, Date.now()) >= WORK_MAX_MS;
  }

  spend<T>(work: Promise<T>): Promise<T> {
    this.#statements--;
    return within(STATEMENT_MAX_MS, work);
  }
}

/** Takes all erasures that are due a bounded step further. Never throws. */
export async function driveErasures(env: Env, now: number): Promise<void> {
  const failed = (erasure?: Erasure) => (error: unknown) => {
    logFailure("erase_failed", error, { scope: erasure?.scope });
    return false;
  };
  const due = await takeErasures(env.DB, now, ERASURES_MAX).catch((error: unknown) => {
    failed()(error);
    return [];
  });
  // Another one is first in each minute, because a few that never answer can take all the time.
  const first = Math.floor(now / MINUTE_MS) % due.length;
  const taken = [...due.slice(first), ...due.slice(0, first)];
  // Every environment refuses creates, before the rows of the first one take all the time.
  const areMarked = await Promise.all(taken.map((erasure) => mark(env, erasure).catch(failed(erasure))));
  const budget = new Budget();
  for (const [i, erasure] of taken.entries()) {
    if (budget.isSpent) return;
    if (areMarked[i]) await drive(env, erasure, budget).catch(failed(erasure));
  }
}

/**
 * Whether the rows may go. An environment is marked for the first pass only, because later it can have a new life: D1 can
 * have been restored to a time before the erasure was over.
 */
async function mark(env: Env, erasure: Erasure): Promise<boolean> {
  const { scope, secondPassAt } = erasure;
  if (partsOf(scope).envName === undefined || secondPassAt !== null) return true;
  if (await within(STATEMENT_MAX_MS, beginErasing(env, erasure))) return true;
  await noteErasure(env.DB, erasure, "second_pass_at", Date.now());
  return false;
}

/** Marks the environment's object. Returns whether it is in this erasure. */
export function beginErasing(env: Env, { scope, askedAt, firstPassAt }: Erasure): Promise<boolean> {
  return call(env, scope, (coordinator) => coordinator.erasing.begin(askedAt, firstPassAt !== null));
}

function call<T>(env: Env, scope: string, ask: (coordinator: Coordinator) => Promise<T>): Promise<T> {
  return callCoordinator(env, { coordinator: 0 }, scope, ask);
}

async function drive(env: Env, erasure: Erasure, budget: Budget): Promise<void> {
  const { scope, askedAt, reason, firstPassAt, secondPassAt } = erasure;
  const { project, envName } = partsOf(scope);
  const note = (column: Parameters<typeof noteErasure>[2]) => noteErasure(env.DB, erasure, column, Date.now());
  if (secondPassAt === null) {
    if (envName === undefined) {
      // A request that was under way can have made another environment.
      const scopes = await budget.spend(scopesOfProject(env, project));
      await askErasure(env.DB, scopes, askedAt, reason).run();
    }
    if (await areGone(env, scope, budget)) await note(firstPassAt === null ? "first_pass_at" : "second_pass_at");
  } else if (envName !== undefined) {
    const wipe = () => budget.spend(call(env, scope, (coordinator) => coordinator.erasing.wipe(askedAt)));
    while (!(await wipe())) {
      if (budget.isSpent) return;
      await scheduler.wait(PAUSE_MS);
    }
    await note("completed_at");
  } else if ((await openEnvironments(env.DB, project)) === 0) {
    await note("completed_at");
  }
}

/** Deletes rows, and returns whether none is left. Throws NotBound, and deletes nothing, if the runs can't be reached. */
async function areGone(env: Env, scope: string, budget: Budget): Promise<boolean> {
  const home = await budget.spend(readHome(env.DB, scope));
  const numbers =
    partsOf(scope).envName === undefined ? [] : new Set([...boundDatabases(env), ...(home ? [home.database] : [])]);
  const databases = await Promise.all([...numbers].map((number) => boundDatabase(env, number)));
  const deletions = [[env.DB, deleteRows] as const, ...databases.map((db) => [db, eraseRows] as const)];
  for (const [db, deleteSome] of deletions) {
    let isAnyGone = false;
    while (await budget.spend(deleteSome(db, scope))) {
      if (budget.isSpent) return false;
      isAnyGone = true;
      await scheduler.wait(PAUSE_MS);
    }
    if (!isAnyGone) continue;
    await budget.spend(db.prepare(FILL_FREED_PAGES).run());
    await budget.spend(db.prepare(EMPTY_FILLER).run());
  }
  return true;
}

/** The project itself, if it has rows of its own, and all its environments that have anything. */
export async function scopesOfProject(env: Env, project: string): Promise<readonly string[]> {
  const found = boundDatabases(env).map(async (number) => runScopes(await boundDatabase(env, number), project));
  const all = await Promise.all([knownScopes(env.DB, project), ...found]);
  return [...new Set(all.flat())];
}

async function runScopes(db: D1Database, project: string): Promise<readonly string[]> {
  const [after, before] = boundsOf(project);
  const scopes = [after];
  for (;;) {
    const page = await scopesWithRows(db, scopes.at(-1) ?? after, SCOPES_PER_PAGE);
    const own = page.filter((scope) => scope < before);
    scopes.push(...own);
    if (own.length < SCOPES_PER_PAGE) return scopes.slice(1);
  }
}
