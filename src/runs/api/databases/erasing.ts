/**
 * …/erase: erases an environment or a project. The cron, and each request, drives the erasures. The rows in D1 go
 * twice, an hour apart, because statements fly and isolates remember longer than a moment. The object is wiped last. Each
 * step is safe to repeat, and its row says which is next, so a driver may die anywhere.
 */
import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { requiresRoot } from "../../../auth/authentication.ts";
import { EMPTY_FILLER, FILL_FREED_PAGES } from "../../../base/freed-pages.ts";
import { PATH_NAME } from "../../../base/limits.ts";
import { log, logFailure } from "../../../base/log.ts";
import { nearest } from "../../../base/near-names.ts";
import { MINUTE_MS, msSinceOrLongAgo, rfc3339, within } from "../../../base/time.ts";
import { readD1 } from "../../../database/read-d1.ts";
import { ApiError, refusalOf } from "../../../http/errors.ts";
import { type AppEnv, environmentOf, projectOf, scopeOf } from "../../../http/request-context.ts";
import { objectOf } from "../../../http/schemas.ts";
import { validBody } from "../../../http/validate.ts";
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
  REST_MS,
  selectErasure,
  takeErasures,
} from "../../d1/erasures.ts";
import { type Coordinator, callCoordinator } from "../../protocol.ts";
import { reasonOf } from "../request-schemas.ts";
import { erasureState } from "../responses/databases.ts";
import { ask, isErasing } from "../run-request.ts";

const HOW_IT_GOES =
  DESCRIBE &&
  "Open runs end without grace. It can't be undone. The rows go at once, and again an hour later. Then the name can be used " +
    "anew. Meanwhile all other requests get 409 `environment_erasing`. Objects of the archive stay. The same request again " +
    "returns the erasure that is under way.";

interface Kind {
  readonly name: "Environment" | "Project";
  readonly one: string;
  readonly content: string;
  readonly scope: RegExp;
  readonly example: string;
}

export const environmentEraseRoutes = eraseRoutes({
  name: "Environment",
  one: "an environment",
  content:
    "Deletes the runs of an environment, its actions, webhook endpoints and pauses. " +
    "Its own tokens with their sessions and its audit go too.",
  scope: new RegExp(`^${PATH_NAME}/${PATH_NAME}/${PATH_NAME}$`),
  example: "acme/shop/production",
});
export const projectEraseRoutes = eraseRoutes({
  name: "Project",
  one: "a project",
  content: "Deletes all environments of a project, its tokens and sessions, and its audit.",
  scope: new RegExp(`^${PATH_NAME}/${PATH_NAME}$`),
  example: "acme/shop",
});

function erasureOrder({ name, scope, example }: Kind) {
  const error = `send the name of what you erase, such as ${example}.`;
  return objectOf(
    {
      confirm: z.string({ error }).check(z.regex(scope, { error })),
      reason: z.optional(
        reasonOf("Why it is erased: one line of well-formed Unicode. The record of the erasure keeps it."),
      ),
    },
    DESCRIBE && {
      id: `${name}Erasure`,
      members: { confirm: "The name of what you erase once more, as the path has it." },
      examples: [{ confirm: example, reason: "the customer has left" }],
    },
  );
}

function eraseRoutes(kind: Kind) {
  const { name, one, content } = kind;
  return new Hono<AppEnv>()
    .post(
      "/",
      requiresRoot(
        DESCRIBE && {
          operationId: `erase${name}`,
          summary: `Erase ${one}`,
          description: `${content} ${HOW_IT_GOES}`,
          responses: { 202: { description: "The erasure is under way", json: erasureState } },
          errors: ["nothing_to_erase"],
        },
      ),
      validBody(erasureOrder(kind)),
      async (c) => {
        const { confirm, reason = null } = c.req.valid("json");
        const scope = erasedScopeOf(c);
        if (confirm !== scope) {
          const message = `is not the name of what this request erases; send ${scope}.`;
          throw refusalOf("invalid_body", [{ path: ["confirm"], message }]);
        }
        return c.json(await toWire(c, await erase(c, scope, reason)), 202);
      },
    )
    .get(
      "/",
      requiresRoot(
        DESCRIBE && {
          operationId: `get${name}Erasure`,
          summary: `Get the erasure of ${one}`,
          description: `Returns how far the last erasure of ${one} is.`,
          responses: { 200: { description: "How far the erasure is", json: erasureState } },
          errors: ["erasure_not_found"],
        },
      ),
      async (c) => {
        const scope = erasedScopeOf(c);
        const erasure = await readD1(c.get("hops"), () => selectErasure(c.env.DB, scope));
        if (erasure === null) throw new ApiError("erasure_not_found", `${scope} was never erased.`);
        return c.json(await toWire(c, erasure));
      },
    );
}

function erasedScopeOf(c: Context<AppEnv>): string {
  return c.req.param("envName") === undefined ? projectOf(c) : scopeOf(c);
}

/** Begins one if none is under way. Throws `nothing_to_erase`, or `database_unavailable`. */
async function erase(c: Context<AppEnv>, scope: string, reason: string | null): Promise<Erasure> {
  const { env } = c;
  const { project, envName } = partsOf(scope);
  const select = () => readD1(c.get("hops"), () => selectErasure(env.DB, scope));
  let erasure = await select();
  if (erasure === null || erasure.completedAt !== null) {
    const names = await readD1(c.get("hops"), () => scopesOfProject(env, project));
    const isThere = envName === undefined ? names.length > 0 : names.includes(scope) || (await isMarked(c));
    if (!isThere) throw new ApiError("nothing_to_erase", nothingIs(scope, names));
    const scopes = envName === undefined ? [project, ...names] : [scope];
    await readD1(c.get("hops"), () => askErasure(env.DB, scopes, Date.now(), reason).run());
    erasure = await select();
    if (erasure === null) throw new Error("there is no erasure, although it was written a moment ago");
    const { id: actor } = c.get("principal");
    log("info", "audit", { requestId: c.get("requestId"), actor, action: "erase_requested", target: scope, scope });
  }
  if (envName !== undefined && erasure.secondPassAt === null) {
    await beginErasing(env, erasure).catch((error) => logFailure("erase_failed", error, { scope }));
  }
  c.executionCtx.waitUntil(driveErasures(env, Date.now()));
  return erasure;
}

/** After a restore of D1, only the coordinator may know of an erasure. Without another, it refuses the name for ever. */
async function isMarked(c: Context<AppEnv>): Promise<boolean> {
  try {
    await ask(environmentOf(c), ({ moves }) => moves.state());
    return false;
  } catch (error) {
    if (isErasing(error)) return true;
    throw error;
  }
}

function nothingIs(scope: string, names: readonly string[]): string {
  const near = nearest(scope, names);
  const meant = near === undefined ? "Check the spelling." : `Did you mean ${near}?`;
  return `There is no ${scope}: no run, definition, token or audit entry has this name. ${meant}`;
}

async function toWire(c: Context<AppEnv>, erasure: Erasure) {
  const { scope, askedAt, reason, firstPassAt, completedAt } = erasure;
  const { project, envName } = partsOf(scope);
  return {
    scope,
    status: statusOf(erasure, Date.now()),
    reason,
    requestedAt: rfc3339(askedAt),
    deletesAgainAt: rfc3339(firstPassAt === null ? null : firstPassAt + REST_MS),
    completedAt: rfc3339(completedAt),
    environments: envName === undefined ? await readD1(c.get("hops"), () => openEnvironments(c.env.DB, project)) : null,
    archivePrefix: c.env.ARCHIVE === undefined ? null : `v1/${scope}/`,
  };
}

function statusOf({ firstPassAt, secondPassAt, completedAt }: Erasure, now: number) {
  if (completedAt !== null) return "erased";
  if (secondPassAt !== null) return "wiping";
  if (firstPassAt === null) return "deleting";
  return now < firstPassAt + REST_MS ? "resting" : "deleting_again";
}

/** What a driver does at most. It leaves D1 to others, and room for the sweep in its invocation (see sweep.ts). */
const ERASURES_MAX = 30;
const STATEMENTS_MAX = 150;
const WORK_MAX_MS = 20_000;
const STATEMENT_MAX_MS = 8000;
const SCOPES_PER_PAGE = 100;
/** Between two statements, others get at the database. And an object ends a moment after its wipe. */
const PAUSE_MS = 10;

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

/** Whether the rows may go. Marked for the first pass only, because later the environment can have a new life. */
async function mark(env: Env, erasure: Erasure): Promise<boolean> {
  const { scope, secondPassAt } = erasure;
  if (partsOf(scope).envName === undefined || secondPassAt !== null) return true;
  if (await within(STATEMENT_MAX_MS, beginErasing(env, erasure))) return true;
  await noteErasure(env.DB, erasure, "second_pass_at", Date.now());
  return false;
}

/** Returns whether the environment's object is in this erasure. */
function beginErasing(env: Env, { scope, askedAt, firstPassAt }: Erasure): Promise<boolean> {
  return call(env, scope, ({ erasing }) => erasing.begin(askedAt, firstPassAt !== null));
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
    const wipe = () => budget.spend(call(env, scope, ({ erasing }) => erasing.wipe(askedAt)));
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
async function scopesOfProject(env: Env, project: string): Promise<readonly string[]> {
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
