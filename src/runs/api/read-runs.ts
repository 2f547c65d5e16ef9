/**
 * One run comes from the isolate's memory if it has ended, otherwise from its coordinator. D1 says whether a run exists if
 * its id can't be verified, and D1's row is the answer if the coordinator can't be reached. Lists come from D1.
 */

import type { Context } from "hono";
import { BoundedMap } from "../../base/bounded-map.ts";
import { utf8Bytes } from "../../base/limits.ts";
import { msSinceOrLongAgo, within } from "../../base/time.ts";
import { readD1 } from "../../database/read-d1.ts";
import { ApiError } from "../../http/errors.ts";
import { type AppEnv, type Environment, environmentOf } from "../../http/request-context.ts";
import { withDetails } from "../action-run.ts";
import { type ListedRun, listRuns, type WalkBounds } from "../d1/list.ts";
import type { Home } from "../home.ts";
import type { Lacking } from "../protocol.ts";
import type { Inclusion } from "../run-calls.ts";
import { mergedPage, type Page, type RunPageQuery, type TextQuery } from "../run-filters.ts";
import { databaseOf } from "./placement.ts";
import { ask, isErasing, isGenuine, refusalError, subscriptionFor } from "./run-request.ts";

interface ReadRun {
  readonly actionRun: string;
  /** The JSON of `details`, if they were asked for. */
  readonly details?: string;
  /** Whether this is D1's row, which can lack the newest changes. Default: no. */
  readonly isStale?: boolean;
}

/**
 * With `waitMs`, as soon as it has ended, or as it is after that time. Throws `run_not_found`, `coordinator_unavailable`,
 * `database_unavailable`, and after a wait what `authorize` throws.
 */
export async function readRun(c: Context<AppEnv>, id: string, inclusion: Inclusion, waitMs?: number): Promise<ReadRun> {
  const environment = environmentOf(c);
  const remembered = recallEnded(environment.scope, id, Date.now());
  if (remembered !== null && inclusion.include === undefined) return { actionRun: remembered.actionRun };
  if (remembered?.details !== undefined) return remembered;
  if (!(await mayBeKnown(environment, id))) throw new ApiError("run_not_found");
  const waited = waitMs === undefined ? null : await waitForEnd(c, environment, id, inclusion, waitMs);
  const run = waited ?? (await readFromCoordinator(environment, id, inclusion));
  if (run === null) throw new ApiError("run_not_found");
  return run;
}

/** Whether a coordinator may know this run: the id is genuine, or D1 has a row. Otherwise no object may be woken. */
export async function mayBeKnown(environment: Environment, id: string): Promise<boolean> {
  return (await isGenuine(environment, id)) || (await selectRun(environment, id)) !== null;
}

interface AnsweredRun extends ReadRun {
  readonly isOver: boolean;
  readonly isRetryPlanned?: true;
  readonly purgeAt: number;
}

function rememberIfOver({ scope }: Environment, id: string, answer: AnsweredRun): void {
  if (answer.isOver && !answer.isRetryPlanned) rememberEnded(scope, id, answer, answer.purgeAt, Date.now());
}

async function readFromCoordinator(
  environment: Environment,
  id: string,
  { include }: Inclusion,
): Promise<ReadRun | null> {
  try {
    const answer = await ask(environment, ({ runs }) => runs.read(id, include && { include }));
    if (!answer.ok) return null;
    rememberIfOver(environment, id, answer);
    return answer;
  } catch (unreachable) {
    // D1's row does not know the last heartbeat.
    if (include === "details" || isErasing(unreachable)) throw unreachable;
    const row = await selectRun(environment, id).catch(() => null);
    if (row === null) throw unreachable;
    return { actionRun: row, isStale: true };
  }
}

async function selectRun(environment: Environment, id: string): Promise<string | null> {
  const { hops, scope } = environment;
  const { db } = await databaseOf(environment);
  const select = db
    .withSession("first-primary")
    .prepare("SELECT body FROM runs WHERE scope = ? AND id = ?")
    .bind(scope, id);
  const [row] = await readD1(hops, () => select.raw<[body: string]>());
  return row?.[0] ?? null;
}

const MAX_BYTES = 16 * 1024 * 1024;
export const MAX_AGE_MS = 60_000;
const ENTRY_OVERHEAD_BYTES = 256;

interface Entry extends ReadRun {
  readonly bytes: number;
  readonly readAt: number;
  readonly purgeAt: number;
}

/** Ended runs that this isolate remembers, because they never change again. Who reads from here must have authorized. */
const entries = new BoundedMap<Entry>(MAX_BYTES, ({ bytes }) => bytes);

export function recallEnded(scope: string, id: string, now: number): ReadRun | null {
  const entry = entries.get(`${scope}/${id}`);
  if (entry === undefined || now >= entry.purgeAt || msSinceOrLongAgo(entry.readAt, now) >= MAX_AGE_MS) return null;
  return entry;
}

export function rememberEnded(
  scope: string,
  id: string,
  { actionRun, details }: ReadRun,
  purgeAt: number,
  now: number,
): void {
  const bytes = utf8Bytes(actionRun) + utf8Bytes(details ?? "") + ENTRY_OVERHEAD_BYTES;
  entries.set(`${scope}/${id}`, { actionRun, ...(details && { details }), bytes, readAt: now, purgeAt });
  // All entries live equally long, so the expired ones come first.
  entries.evictWhile((entry) => msSinceOrLongAgo(entry.readAt, now) >= MAX_AGE_MS);
}

/** Call this when the texts of an ended run were erased. Other isolates remember it for MAX_AGE_MS. */
export function forgetEnded(scope: string, id: string): void {
  entries.delete(`${scope}/${id}`);
}

/** A longer wait takes several calls of the coordinator. */
const CALL_MAX_MS = 25_000;

/** Null if the coordinator can't be reached. */
async function waitForEnd(
  c: Context<AppEnv>,
  environment: Environment,
  id: string,
  { include }: Inclusion,
  waitMs: number,
): Promise<ReadRun | null> {
  const startedAt = Date.now();
  const { subscriber, expiresAt, isGone, authorizeAgain, leave } = subscriptionFor(c, environment);
  const leftMs = () => waitMs - msSinceOrLongAgo(startedAt, Date.now());
  const callMaxMs = () => Math.min(CALL_MAX_MS, expiresAt - Date.now());
  try {
    for (;;) {
      const isLast = leftMs() <= callMaxMs();
      const call = ask(environment, (coordinator) => {
        // Computed in here because the call may be repeated, and no wait may last longer than the client asked for.
        const maxMs = Math.max(Math.min(leftMs(), callMaxMs()), 0);
        return coordinator.watches.waitForEnd(id, subscriber, { maxMs, isLast, include });
      });
      const answer = await call.catch(() => null);
      await authorizeAgain();
      if (answer === null) return null;
      if (!answer.ok) throw refusalError(answer.reason);
      rememberIfOver(environment, id, answer);
      if (answer.isOver || isLast || isGone()) return answer;
    }
  } catch (error) {
    leave();
    throw error;
  }
}

export const LACKING_MAX_MS = 2500;

interface ListedRuns {
  /** As JSON text, with their details if the query includes them. */
  readonly actionRuns: readonly string[];
  /** The id after which the next page starts; null on the last page. */
  readonly nextAfter: string | null;
  /** Whether the list can lack changes: the object gave no answer in time, or the database is being rebuilt. */
  readonly isStale: boolean;
}

/**
 * A list is what the database has, without the runs that the environment's object knows better, and those runs. The object
 * is asked first, so no run is missing or twice if it is replicated between the two reads. Throws `database_unavailable`.
 */
export async function listRunsOf(environment: Environment, query: RunPageQuery): Promise<ListedRuns> {
  const lacking = await lackingOf(environment, query);
  const { home = null, ids: without = [], runs = [], completeTo = null, isStale = true } = lacking ?? {};
  const own = runs.map(({ id, body, details }) => ({
    id,
    text: details === undefined ? body : withDetails(body, details),
  }));
  const bounds = { without, completeTo: completeTo ?? undefined };
  const { number, page } = lacking?.home === null ? NO_DATABASE : await readStored(environment, query, home, bounds);
  const { items, endsAt } = mergedPage({ items: own, endsAt: completeTo }, page, query);
  // What the object said is about another database if the environment moves now, or if the object was restored.
  const isOther = home !== null && home.database !== number;
  return { actionRuns: items.map(({ text }) => text), nextAfter: endsAt, isStale: isStale || isOther };
}

/** The object waits for its turn and for the database. */
const SEARCH_MAX_MS = 12_000;

/** The object reads both places, because it alone bounds how many such queries run at a time. */
export async function searchRunsOf(environment: Environment, query: TextQuery): Promise<ListedRuns> {
  const asked = ask(environment, ({ upkeep }) => upkeep.search(query));
  const reply = await within(SEARCH_MAX_MS, asked).catch((error: unknown) => {
    throw error instanceof ApiError ? error : new ApiError("coordinator_unavailable", undefined, { cause: error });
  });
  if (!reply.ok) throw new ApiError(reply.reason);
  const { home, runs: actionRuns, nextAfter, isStale } = reply;
  // An object that was restored can lack a move, and then reads a database that the environment has left.
  const isOther = home !== null && (await databaseOf(environment, home)).number !== home.database;
  return { actionRuns, nextAfter, isStale: isStale || isOther };
}

/** While nobody has decided where the environment lives, it has no run. */
const NO_DATABASE = { number: null, page: { items: [], endsAt: null } } as const;

/** From the primary of D1, because a replica of D1 can lack what the object says is replicated. */
async function readStored(
  environment: Environment,
  query: RunPageQuery,
  home: Home | null,
  bounds: WalkBounds,
): Promise<{ readonly number: number; readonly page: Page<ListedRun> }> {
  const { number, db } = await databaseOf(environment, home);
  const { hops, scope } = environment;
  const page = await readD1(hops, () => listRuns(db.withSession("first-primary"), scope, query, bounds));
  return { number, page };
}

/** Reads from any replica of D1, which can be seconds behind. Throws `database_unavailable`. */
export async function readReplica<Asked, T>(
  environment: Environment,
  read: (session: D1DatabaseSession, scope: string, asked: Asked) => Promise<T>,
  asked: Asked,
): Promise<T> {
  const { db } = await databaseOf(environment);
  return readD1(environment.hops, () => read(db.withSession("first-unconstrained"), environment.scope, asked));
}

/** Null if the object can't be reached in time, or has too many lists to answer. */
async function lackingOf(environment: Environment, query: RunPageQuery): Promise<Lacking | null> {
  const asked = ask(environment, ({ upkeep }) => upkeep.lacking(query));
  const reply = await within(LACKING_MAX_MS, asked).catch((error: unknown) => {
    if (isErasing(error)) throw error;
    return null;
  });
  return reply?.ok ? reply : null;
}
