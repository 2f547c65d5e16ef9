/** What anyone may ask without a token: what this service is, the health check, the readiness check. */

import { Hono } from "hono";
import { accepts } from "hono/accepts";
import * as z from "zod";
import { logFailure } from "../base/log.ts";
import { msSinceOrLongAgo } from "../base/time.ts";
import { isDatabaseFull, isUnmigrated } from "../database/d1-errors.ts";
import {
  type ArchiveStatus,
  countOther,
  countWaitingUnderOther,
  type DatabaseReport,
  degradedOf,
  FULL_BYTES,
  hasReport,
  lookAtDatabase,
  NEWEST_SCHEMA,
  NOT_READY,
  NUMBERS_IN_USE,
  numbersIn,
  numbersInUse,
  OLDER_MAX,
  readReport,
  SELECT_REPORT,
  unboundAmong,
  WARNINGS,
  waitingElsewhere,
  warningsIn,
  writeReport,
} from "../database/database-state.ts";
import { DATABASE_FULL, readD1 } from "../database/read-d1.ts";
import { sealingKeyIds } from "../definitions/sealing.ts";
import { ApiError } from "../http/errors.ts";
import { type Described, forAnyone } from "../http/operation.ts";
import type { AppEnv, Hops } from "../http/request-context.ts";
import { databaseNumber } from "../http/response-schemas.ts";
import { settingFaults } from "../settings/config.ts";
import { boundDatabases } from "../settings/databases.ts";
import type { Env } from "../settings/env.ts";
import { keyRing } from "../settings/key-ring.ts";

const JSON_TYPE = "application/json";
const PAGE_TYPE = "text/html";

export const healthRoutes = new Hono<AppEnv>();

const DESCRIBE_SERVICE: Described = DESCRIBE && {
  operationId: "describeService",
  summary: "Describe the service",
  description:
    "Returns the service's name and the paths of its endpoints. Requires no token. If `Accept` prefers " +
    "`text/html`, as in a browser, the response redirects to the console.",
  responses: {
    200: {
      description: "The service's name and endpoints",
      json: z.record(z.string(), z.unknown()).meta({ examples: [{ name: "action-runs", explorer: "/docs" }] }),
    },
    302: { description: "The console, for a browser", location: "/console" },
  },
};
healthRoutes.get(
  "/",
  forAnyone(DESCRIBE_SERVICE, (c) => {
    c.header("Vary", "Accept", { append: true });
    const type = accepts(c, { header: "Accept", supports: [JSON_TYPE, PAGE_TYPE], default: JSON_TYPE });
    // A browser puts pages first. The person before it wants the console.
    if (type === PAGE_TYPE) return c.redirect("/console");
    c.header("Cache-Control", "public, max-age=300");
    return c.json({
      name: "action-runs",
      description: "Records action runs. A platform creates a run, and an external workflow reports its end.",
      runs: "/{o}/{p}/envs/{envName}/action-runs",
      changes: "/{o}/{p}/envs/{envName}/action-runs/changes",
      actions: "/{o}/{p}/envs/{envName}/actions",
      concurrencyGroups: "/{o}/{p}/envs/{envName}/concurrency-groups",
      pauses: "/{o}/{p}/envs/{envName}/pauses",
      bulkOperations: "/{o}/{p}/envs/{envName}/bulk-operations",
      webhookEndpoints: "/{o}/{p}/envs/{envName}/webhook-endpoints",
      metrics: "/{o}/{p}/envs/{envName}/metrics",
      tokens: "/{o}/{p}/tokens",
      sessions: "/{o}/{p}/sessions",
      audit: "/{o}/{p}/audit",
      whoami: "/whoami",
      places: "/places",
      session: "/session",
      databases: "/databases",
      health: ["/healthz", "/readyz"],
      document: "/openapi.json",
      explorer: "/docs",
      console: "/console",
      next: "Open /console to watch runs or /docs to try the API, or POST a run with an API token.",
    });
  }),
);

const IS_ALIVE: Described = DESCRIBE && {
  operationId: "isAlive",
  summary: "Health check",
  description: "Returns 200 whenever the service runs. It checks neither the settings nor the database.",
  responses: {
    200: {
      description: "The service runs",
      json: z.object({ status: z.literal("alive") }).meta({ examples: [{ status: "alive" }] }),
    },
  },
};
healthRoutes.get(
  "/healthz",
  forAnyone(IS_ALIVE, (c) => c.json({ status: "alive" })),
);

const IS_READY: Described = DESCRIBE && {
  operationId: "isReady",
  summary: "Readiness check",
  description:
    "Checks the settings, the database and its migrations. The service asks the database at most once in " +
    "5 seconds and caches the result. `secretsUnderOlderKeys` counts the actions and webhook endpoints, up to 10000, " +
    "whose secrets the first signing key has not sealed yet. `waitingRunsUnderOlderKeys` counts the runs that wait with a " +
    "request which an older key sealed, up to 10000. Keep the older keys until both are 0. With several databases, the second " +
    "count is null while it is not known. `degraded` lists other databases that are not ready, and the archive if it " +
    "does not answer. It also lists a database that is not bound although an environment lives there. The service looks at " +
    "them every minute. They affect only the environments that live there. `warnings` lists the databases that are over 80 % full.",
  responses: {
    200: {
      description: "The service is ready",
      json: z
        .object({
          status: z.literal("ready"),
          secretsUnderOlderKeys: z.int().meta({ wire: { type: "integer", minimum: 0 } }),
          waitingRunsUnderOlderKeys: z.nullable(z.int()).meta({ wire: { type: ["integer", "null"], minimum: 0 } }),
          degraded: z
            .array(
              z.union([
                z.object({ database: databaseNumber, status: z.enum(NOT_READY) }).meta({ id: "DegradedDatabase" }),
                z.object({ archive: z.literal("not_answering") }).meta({ id: "DegradedArchive" }),
              ]),
            )
            .optional(),
          warnings: z.array(
            z
              .object({ database: databaseNumber, warning: z.enum(WARNINGS) })
              .meta({ id: "DatabaseWarning", examples: [{ database: 0, warning: "nearly_full" }] }),
          ),
        })
        .meta({
          examples: [{ status: "ready", secretsUnderOlderKeys: 0, waitingRunsUnderOlderKeys: 0, warnings: [] }],
        }),
    },
  },
  errors: ["not_ready", "storage_full"],
};
healthRoutes.get(
  "/readyz",
  forAnyone(IS_READY, async (c) => {
    const ring = keyRing(c.env.CALLBACK_SIGNING_KEYS);
    const faults = [...(ring.ok ? [] : [ring.error]), ...settingFaults(c.env, new URL(c.req.url).origin)];
    if (!ring.ok || faults.length > 0) {
      throw new ApiError("not_ready", faults.join(" "), { headers: { "Retry-After": "60" } });
    }
    const [[secrets = ""], [requests = ""]] = await Promise.all([
      sealingKeyIds(ring.value),
      ring.value.keyIds("webhooks"),
    ]);
    const withReport = hasReport(c.env);
    const asked = { db: c.env.DB, keys: { secrets, requests }, withReport };
    const { older, report, inUse, sizeBytes } = await requireDatabase(asked, c.get("hops"));
    const unbound = unboundAmong(c.env, inUse);
    const numbers = [...boundDatabases(c.env), ...unbound];
    const elsewhere = waitingElsewhere(report, numbers, requests, Date.now());
    const degraded = degradedOf(report, unbound);
    return c.json({
      status: "ready",
      secretsUnderOlderKeys: older.secrets,
      waitingRunsUnderOlderKeys: elsewhere === null ? null : Math.min(older.requests + elsewhere, OLDER_MAX),
      ...((withReport || degraded.length > 0) && { degraded }),
      warnings: warningsIn([{ number: 0, sizeBytes }, ...(report?.databases ?? [])]),
    });
  }),
);

/**
 * Without the control database nothing works, while another one that fails stops only the environments that live there.
 * Anyone may ask, so an isolate asks D1 at most once in 5 seconds. It remembers plain data, because a promise belongs to its
 * request: after a cancellation it would never settle.
 */
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

/** What another key than the first sealed, at most 10000 of each. */
interface UnderOlderKeys {
  /** Of how many actions and webhook endpoints. */
  readonly secrets: number;
  /** Of how many waiting runs. */
  readonly requests: number;
}

/** What D1 says if it can work. */
interface Readiness {
  readonly older: UnderOlderKeys;
  /** What the cron has seen of other databases; null if there is none, or if it has not looked yet. */
  readonly report: DatabaseReport | null;
  /** The numbers of the databases in which environments live. */
  readonly inUse: readonly number[];
  /** Of the control database. */
  readonly sizeBytes: number | null;
}

/** Per isolate: D1's last answer, and since when a check runs. */
let last: { readonly answer: Readiness | Problem; readonly at: number } | null = null;
let checkingSince: number | null = null;

interface Asked {
  readonly db: D1Database;
  /** The ids of the keys that seal now. */
  readonly keys: Readonly<Record<keyof UnderOlderKeys, string>>;
  /** Whether there is more than the control database to report on. */
  readonly withReport: boolean;
}

/** Resolves when D1 can work. Throws `not_ready` or `storage_full`. */
export async function requireDatabase(asked: Asked, hops: Hops): Promise<Readiness> {
  for (;;) {
    const now = Date.now();
    const isChecking = checkingSince !== null && msSinceOrLongAgo(checkingSince, now) < CHECK_MAX_MS;
    if (last !== null && msSinceOrLongAgo(last.at, now) < (isChecking ? STALE_MAX_MS : REMEMBERED_MS)) {
      return readinessIn(last.answer);
    }
    if (!isChecking) return check(asked, hops, now);
    await scheduler.wait(POLL_MS);
  }
}

async function check({ db, keys, withReport }: Asked, hops: Hops, now: number): Promise<Readiness> {
  checkingSince = now;
  let answer: Readiness | Problem;
  let cause: unknown;
  try {
    const [schema, counted, used, reported] = await readD1(hops, () =>
      db.batch([
        db.prepare(NEWEST_SCHEMA),
        db.prepare(UNDER_OLDER_KEYS).bind(keys.secrets, keys.requests),
        db.prepare(NUMBERS_IN_USE),
        ...(withReport ? [db.prepare(SELECT_REPORT)] : []),
      ]),
    );
    const sizeBytes = schema?.meta.size_after ?? null;
    const [older = { secrets: 0, requests: 0 }] = (counted?.results ?? []) as UnderOlderKeys[];
    const isFull = (sizeBytes ?? 0) >= FULL_BYTES;
    answer = isFull ? "full" : { older, report: readReport(reported), inUse: numbersIn(used), sizeBytes };
  } catch (error) {
    cause = (error as ApiError).cause;
    answer = problemOf(cause);
  }
  // Otherwise this check took so long that another one replaced it.
  if (checkingSince === now) {
    last = { answer, at: Date.now() };
    checkingSince = null;
  }
  return readinessIn(answer, cause);
}

function problemOf(cause: unknown): Problem {
  if (isDatabaseFull(cause)) return "full";
  return isUnmigrated(cause) ? "unmigrated" : "silent";
}

/** Throws the problem. Only the request that ran the check gives the cause, so the log has it once. */
function readinessIn(answer: Readiness | Problem, cause?: unknown): Readiness {
  if (typeof answer !== "string") return answer;
  const [code, sentence] = PROBLEMS[answer];
  throw new ApiError(code, sentence, { cause });
}

/** For the readiness check and `GET /databases`, every minute. `lookAtArchive`: must not throw. Never throws. */
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
