/**
 * The readiness check: whether the control database can work. Without it nothing can, while another database that fails stops only the
 * environments that live there. Anyone may ask, so an isolate asks D1 at most once in 5 seconds and remembers the
 * answer. It remembers plain data, because a promise belongs to its request: after a cancellation it would never settle.
 */
import { logFailure } from "../base/log.ts";
import { msSinceOrLongAgo } from "../base/time.ts";
import { isDatabaseFull, isUnmigrated } from "../database/d1-errors.ts";
import {
  type ArchiveStatus,
  countOther,
  countWaitingUnderOther,
  type DatabaseReport,
  FULL_BYTES,
  hasReport,
  lookAtDatabase,
  NEWEST_SCHEMA,
  NUMBERS_IN_USE,
  numbersInUse,
  type ReportRow,
  readReport,
  SELECT_REPORT,
  writeReport,
} from "../database/database-state.ts";
import { DATABASE_FULL, readD1 } from "../database/read-d1.ts";
import { ApiError } from "../http/errors.ts";
import type { Hops } from "../http/request-context.ts";
import { boundDatabases } from "../settings/databases.ts";
import type { Env } from "../settings/env.ts";
import { keyRing } from "../settings/key-ring.ts";

const REMEMBERED_MS = 5000;
/** How long an answer is used while another request asks D1 again. */
const STALE_MAX_MS = 20_000;
/** When a check counts as cancelled: two reads of 5 s, and a little more. */
const CHECK_MAX_MS = 11_000;
const POLL_MS = 100;
/** Sealed secrets whose key is not ?1, and requests of waiting runs whose key is not ?2. */
const UNDER_OLDER_KEYS = `
  SELECT ${countOther("?1", "key_id", "definitions INDEXED BY definitions_by_key WHERE")} AS secrets,
    ${countWaitingUnderOther("?2")} AS requests`;

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
interface UnderOlderKeys {
  readonly secrets: number;
  readonly requests: number;
}

/** The ids of the keys that seal now. */
interface SealingKeys {
  readonly secrets: string;
  readonly requests: string;
}

/** What D1 says if it can work. */
interface Readiness {
  /** In the control database. */
  readonly older: UnderOlderKeys;
  /** What the cron has seen of other databases; null if there is none, or if it has not looked yet. */
  readonly report: DatabaseReport | null;
  /** The numbers of the databases in which environments live. */
  readonly inUse: readonly number[];
  /** Of the control database. */
  readonly sizeBytes: number | null;
}

const NOTHING_KNOWN: Readiness = { older: { secrets: 0, requests: 0 }, report: null, inUse: [], sizeBytes: null };

/** Per isolate: D1's last answer (`problem` null: all is well), and since when a check runs. */
let last: { readonly answer: Readiness; readonly problem: Problem | null; readonly at: number } | null = null;
let checkingSince: number | null = null;

/** What is asked of the control database. */
interface Asked {
  readonly db: D1Database;
  readonly keys: SealingKeys;
  /** Whether there is more than the control database to report on. */
  readonly withReport: boolean;
}

/**
 * Resolves when D1 can work. Throws `not_ready` or `storage_full`.
 */
export async function requireDatabase(asked: Asked, hops: Hops): Promise<Readiness> {
  for (;;) {
    const now = Date.now();
    const isChecking = checkingSince !== null && msSinceOrLongAgo(checkingSince, now) < CHECK_MAX_MS;
    if (last !== null && msSinceOrLongAgo(last.at, now) < (isChecking ? STALE_MAX_MS : REMEMBERED_MS)) {
      throwProblem(last.problem);
      return last.answer;
    }
    if (!isChecking) return check(asked, hops, now);
    await scheduler.wait(POLL_MS);
  }
}

async function check({ db, keys, withReport }: Asked, hops: Hops, now: number): Promise<Readiness> {
  checkingSince = now;
  let problem: Problem | null = null;
  let cause: unknown;
  let answer = NOTHING_KNOWN;
  try {
    const [schema, counted, used, reported] = await readD1(hops, () =>
      db.batch<UnderOlderKeys | ReportRow | { readonly number: number }>([
        db.prepare(NEWEST_SCHEMA),
        db.prepare(UNDER_OLDER_KEYS).bind(keys.secrets, keys.requests),
        db.prepare(NUMBERS_IN_USE),
        ...(withReport ? [db.prepare(SELECT_REPORT)] : []),
      ]),
    );
    const sizeBytes = schema?.meta.size_after ?? null;
    if ((sizeBytes ?? 0) >= FULL_BYTES) problem = "full";
    const older = counted?.results[0] as UnderOlderKeys | undefined;
    const report = readReport(reported?.results[0] as ReportRow | undefined);
    const inUse = ((used?.results ?? []) as readonly { readonly number: number }[]).map(({ number }) => number);
    answer = { older: older ?? NOTHING_KNOWN.older, report, inUse, sizeBytes };
  } catch (error) {
    cause = (error as ApiError).cause;
    problem = problemOf(cause);
  }
  // Otherwise this check took so long that another one replaced it.
  if (checkingSince === now) {
    last = { problem, answer, at: Date.now() };
    checkingSince = null;
  }
  throwProblem(problem, cause);
  return answer;
}

function problemOf(cause: unknown): Problem {
  if (isDatabaseFull(cause)) return "full";
  return isUnmigrated(cause) ? "unmigrated" : "silent";
}

/** Only the request that ran the check gives the cause, so the log has it once. */
function throwProblem(problem: Problem | null, cause?: unknown): void {
  if (problem === null) return;
  const [code, sentence] = PROBLEMS[problem];
  throw new ApiError(code, sentence, { cause });
}

/**
 * Notes every minute what state the other databases are in, for the readiness check and for `GET /databases`.
 * `lookAtArchive`: must not throw, and answers soon; null without an archive. Never throws.
 */
export async function noteDatabases(
  env: Env,
  now: number,
  lookAtArchive: () => Promise<ArchiveStatus | null>,
): Promise<void> {
  if (!hasReport(env)) return;
  try {
    const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
    const [keyId = ""] = ring.ok ? await ring.value.keyIds("webhooks") : [];
    const archiving = lookAtArchive();
    const numbers = new Set([...boundDatabases(env), ...(await numbersInUse(env.DB))]);
    numbers.delete(0);
    const inOrder = [...numbers].sort((a, b) => a - b);
    const databases = await Promise.all(inOrder.map((number) => lookAtDatabase(env, number, keyId)));
    await writeReport(env.DB, { lookedAt: now, keyId, databases, archive: await archiving }).run();
  } catch (error) {
    logFailure("sweep_failed", error, { step: "note_databases" });
  }
}
