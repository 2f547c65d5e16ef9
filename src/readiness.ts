/**
 * Whether D1 can work. Anyone may ask, so an isolate asks D1 at most once in a few seconds and remembers what it heard.
 * It remembers plain data: a promise belongs to the request that made it, and a cancelled one would never settle.
 */

import { msSince } from "./elapsed.ts";
import { isDatabaseFull } from "./http/d1-errors.ts";
import { type ApiError, databaseFull, unavailable } from "./http/errors.ts";
import type { Hops } from "./http/hops.ts";
import { readD1 } from "./http/read-d1.ts";

const REMEMBERED_MS = 5000;
/** For so long an answer stands while D1 is being asked for the next. */
const STANDS_MS = 20_000;
/** After so long a check counts as cancelled: two reads of 5 s, and a little more. */
const CHECK_MAX_MS = 11_000;
const LOOK_AGAIN_MS = 100;
/** D1 takes 10 GB. This much says so a little before it refuses every write. */
const FULL_BYTES = 9_900_000_000;

/** Names something of the newest migration, and reads nothing. */
const NEWEST_SCHEMA = `
  SELECT (SELECT purge_at FROM runs LIMIT 0), (SELECT parent_id FROM tokens LIMIT 0),
         (SELECT seen_at FROM coordinators LIMIT 0), (SELECT revoked FROM audit LIMIT 0)`;

type Problem = "silent" | "unmigrated" | "full";

/** Per isolate: what D1 answered last (`problem` null: all is well), and since when it is being asked again. */
const memory: {
  last: { readonly problem: Problem | null; readonly at: number } | null;
  checkingSince: number | null;
} = { last: null, checkingSince: null };

/** Resolves when D1 can work. Throws what is wrong with it: `not_ready` or `storage_full`. */
export async function requireDatabase(db: D1Database, hops: Hops): Promise<void> {
  for (;;) {
    const now = Date.now();
    const { last, checkingSince } = memory;
    const age = last === null ? Number.POSITIVE_INFINITY : msSince(last.at, now);
    const isChecking = checkingSince !== null && msSince(checkingSince, now) < CHECK_MAX_MS;
    if (last !== null && age < (isChecking ? STANDS_MS : REMEMBERED_MS)) {
      if (last.problem !== null) throw toError(last.problem);
      return;
    }
    if (!isChecking) return check(db, hops, now);
    await scheduler.wait(LOOK_AGAIN_MS);
  }
}

async function check(db: D1Database, hops: Hops, now: number): Promise<void> {
  memory.checkingSince = now;
  let problem: Problem | null;
  let cause: unknown;
  try {
    const { meta } = await readD1(hops, () => db.prepare(NEWEST_SCHEMA).all());
    problem = meta.size_after >= FULL_BYTES ? "full" : null;
  } catch (error) {
    cause = (error as ApiError).cause;
    problem = isDatabaseFull(cause)
      ? "full"
      : /no such (table|column)/.test(String(cause))
        ? "unmigrated"
        : "silent";
  }
  // A check that counted as cancelled and came back after all has nothing new to say.
  if (memory.checkingSince === now) {
    memory.last = { problem, at: Date.now() };
    memory.checkingSince = null;
  }
  if (problem !== null) throw toError(problem, cause);
}

/** The cause goes to the log once, with the request that met it. */
function toError(problem: Problem, cause?: unknown): ApiError {
  switch (problem) {
    case "full":
      return databaseFull(cause);
    case "unmigrated":
      return unavailable("not_ready", "The database is not migrated: run `npm run migrate`.", cause);
    case "silent":
      return unavailable("not_ready", "The database does not answer.", cause);
  }
}
