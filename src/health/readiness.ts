/**
 * Whether D1 can work. Anyone may ask, so an isolate asks D1 at most once in 5 seconds and remembers the answer. It
 * remembers plain data, because a promise belongs to its request: after a cancellation it would never settle.
 */

import { msSince } from "../base/time.ts";
import { isDatabaseFull } from "../database/d1-errors.ts";
import { DATABASE_FULL, readD1 } from "../database/read-d1.ts";
import type { Hops } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";

const REMEMBERED_MS = 5000;
/** How long an answer is used while another request asks D1 again. */
const STALE_MAX_MS = 20_000;
/** When a check counts as cancelled: two reads of 5 s, and a little more. */
const CHECK_MAX_MS = 11_000;
const POLL_MS = 100;
/** D1 holds 10 GB. This warns a little before D1 refuses every write. */
const FULL_BYTES = 9_900_000_000;

/**
 * Names something of every table but `definitions`, which the other query reads. A later migration adds what it brings.
 * Reads no row.
 */
const NEWEST_SCHEMA = `
  SELECT (SELECT waiting FROM runs LIMIT 0), (SELECT id FROM run_labels LIMIT 0), (SELECT old_hash FROM tokens LIMIT 0),
         (SELECT due_at FROM coordinators LIMIT 0), (SELECT target_name FROM audit LIMIT 0),
         (SELECT version FROM deleted_definitions LIMIT 0), (SELECT seq FROM definition_versions LIMIT 0),
         (SELECT token_hash FROM sessions LIMIT 0), (SELECT hash FROM sign_in_codes LIMIT 0),
         (SELECT number FROM database_number LIMIT 0), (SELECT generation FROM environments LIMIT 0),
         (SELECT looked_at FROM database_report LIMIT 0)`;

/** Counting stops here, because anyone may ask. */
const OLDER_MAX = 10_000;

/** Two ranges of an index, because `<>` would walk all of it. */
const otherThan = (key: string, column: string, from: string) => `(SELECT count(*) FROM (
    SELECT 1 FROM ${from} ${column} < ${key} UNION ALL SELECT 1 FROM ${from} ${column} > ${key} LIMIT ${OLDER_MAX}))`;

/** Sealed secrets whose key is not ?1, and requests of waiting runs whose key is not ?2. */
const UNDER_OLDER_KEYS = `
  SELECT ${otherThan("?1", "key_id", "definitions INDEXED BY definitions_by_key WHERE")} AS secrets,
    ${otherThan("?2", "waiting_key_id", "runs INDEXED BY waiting_runs_by_key WHERE status = 'pending' AND")} AS requests`;

const PROBLEMS = {
  full: ["storage_full", DATABASE_FULL],
  unmigrated: ["not_ready", "The database is not migrated. Run `npm run migrate`."],
  silent: ["not_ready", "The database does not answer. Try again in a few seconds."],
} as const;
type Problem = keyof typeof PROBLEMS;

/**
 * What was sealed under another key than the first, at most 10000 of each: how many actions and webhook endpoints have
 * such secrets, and how many waiting runs such requests.
 */
export interface UnderOlderKeys {
  readonly secrets: number;
  readonly requests: number;
}

/** The ids of the keys that seal now. */
export interface SealingKeys {
  readonly secrets: string;
  readonly requests: string;
}

const NOTHING_OLDER: UnderOlderKeys = { secrets: 0, requests: 0 };

/** Per isolate: D1's last answer (`problem` null: all is well), and since when a check runs. */
let last: { readonly older: UnderOlderKeys; readonly problem: Problem | null; readonly at: number } | null =
  null;
let checkingSince: number | null = null;

/**
 * Resolves when D1 can work. Throws `not_ready` or `storage_full`.
 */
export async function requireDatabase(
  db: D1Database,
  hops: Hops,
  keys: SealingKeys,
): Promise<UnderOlderKeys> {
  for (;;) {
    const now = Date.now();
    const isChecking = checkingSince !== null && msSince(checkingSince, now) < CHECK_MAX_MS;
    if (last !== null && msSince(last.at, now) < (isChecking ? STALE_MAX_MS : REMEMBERED_MS)) {
      throwProblem(last.problem);
      return last.older;
    }
    if (!isChecking) return check(db, hops, keys, now);
    await scheduler.wait(POLL_MS);
  }
}

async function check(db: D1Database, hops: Hops, keys: SealingKeys, now: number): Promise<UnderOlderKeys> {
  checkingSince = now;
  let problem: Problem | null = null;
  let cause: unknown;
  let older = NOTHING_OLDER;
  try {
    const [schema, counted] = await readD1(hops, () =>
      db.batch<UnderOlderKeys>([
        db.prepare(NEWEST_SCHEMA),
        db.prepare(UNDER_OLDER_KEYS).bind(keys.secrets, keys.requests),
      ]),
    );
    if ((schema?.meta.size_after ?? 0) >= FULL_BYTES) problem = "full";
    older = counted?.results[0] ?? NOTHING_OLDER;
  } catch (error) {
    cause = (error as ApiError).cause;
    problem = problemOf(cause);
  }
  // Otherwise this check took so long that another one replaced it.
  if (checkingSince === now) {
    last = { problem, older, at: Date.now() };
    checkingSince = null;
  }
  throwProblem(problem, cause);
  return older;
}

function problemOf(cause: unknown): Problem {
  if (isDatabaseFull(cause)) return "full";
  return /no such (table|column)/.test(String(cause)) ? "unmigrated" : "silent";
}

/** Only the request that ran the check gives the cause, so the log has it once. */
function throwProblem(problem: Problem | null, cause?: unknown): void {
  if (problem === null) return;
  const [code, sentence] = PROBLEMS[problem];
  throw new ApiError(code, sentence, { cause });
}
