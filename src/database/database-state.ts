/** What state each database is in, which numbers are in use, and the cron's report for the readiness check. */
import { MINUTE_MS, msSinceOrLongAgo, within } from "../base/time.ts";
import type { Hops } from "../http/request-context.ts";
import { type Databases, databaseNumbered, hasSeveralDatabases } from "../settings/databases.ts";
import type { Env } from "../settings/env.ts";
import { isDatabaseFull, isUnmigrated } from "./d1-errors.ts";
import { readD1 } from "./read-d1.ts";

/** What D1 holds, and what an object holds. */
export const STORAGE_BYTES = 10_000_000_000;
/** A little before D1 refuses every write. */
export const FULL_BYTES = 9_900_000_000;
const NEARLY_FULL_BYTES = 8_000_000_000;

/** What the operator should look at before it becomes a problem. */
export const WARNINGS = ["nearly_full"] as const;

export function warningsOf(sizeBytes: number | null): readonly (typeof WARNINGS)[number][] {
  return (sizeBytes ?? 0) >= NEARLY_FULL_BYTES ? WARNINGS : [];
}
/** A database that hangs must hold up nobody who looks at the others. */
const LOOK_MAX_MS = 5000;

/** Names something of every table but `definitions`, which another query of the readiness check reads. Reads no row. */
export const NEWEST_SCHEMA = `
  SELECT (SELECT waiting FROM runs LIMIT 0), (SELECT id FROM run_labels LIMIT 0), (SELECT old_hash FROM tokens LIMIT 0),
         (SELECT due_at FROM coordinators LIMIT 0), (SELECT target_name FROM audit LIMIT 0),
         (SELECT version FROM deleted_definitions LIMIT 0), (SELECT seq FROM definition_versions LIMIT 0),
         (SELECT identity FROM sessions LIMIT 0), (SELECT value FROM people_trusts LIMIT 0), (SELECT about FROM sign_in_codes LIMIT 0),
         (SELECT number FROM database_number LIMIT 0), (SELECT generation FROM environments LIMIT 0),
         (SELECT looked_at FROM database_report LIMIT 0), (SELECT at FROM revoked_tokens LIMIT 0),
         (SELECT n FROM filler LIMIT 0), (SELECT asked_at FROM erasures LIMIT 0)`;

/** Counting what is under older keys stops here, because anyone may ask. */
export const OLDER_MAX = 10_000;

/** SQL: how many rows have another value than `key`. Two ranges of an index, because `<>` would walk all of it. */
export function countOther(key: string, column: string, from: string): string {
  return `(SELECT count(*) FROM (
    SELECT 1 FROM ${from} ${column} < ${key} UNION ALL SELECT 1 FROM ${from} ${column} > ${key} LIMIT ${OLDER_MAX}))`;
}

/** SQL: how many runs wait with a request that another key than `key` sealed. */
export function countWaitingUnderOther(key: string): string {
  return countOther(key, "waiting_key_id", "runs INDEXED BY waiting_runs_by_key WHERE status = 'pending' AND");
}

/** In which states a database can be besides `ready`. `wrong_number`: it says that it has another than its binding. */
export const NOT_READY = ["full", "not_migrated", "not_answering", "wrong_number", "not_bound"] as const;
export type DatabaseStatus = "ready" | (typeof NOT_READY)[number];

export interface DatabaseState {
  readonly number: number;
  readonly status: DatabaseStatus;
  readonly sizeBytes: number | null;
  /** How many runs wait with a request that another key than the newest sealed, up to OLDER_MAX; null if unknown. */
  readonly waitingUnderOlderKeys: number | null;
}

/** Asks the database. `keyId`: the key that seals requests now. Never throws, and takes 5 s at most. */
export async function lookAtDatabase(env: Databases, number: number, keyId: string): Promise<DatabaseState> {
  const unknown = { number, sizeBytes: null, waitingUnderOlderKeys: null };
  const db = databaseNumbered(env, number);
  if (db === null) return { ...unknown, status: "not_bound" };
  const asking = db.batch<{ readonly number?: number; readonly runs?: number }>([
    db.prepare("SELECT number FROM database_number"),
    db.prepare(NEWEST_SCHEMA),
    db.prepare(`SELECT ${countWaitingUnderOther("?1")} AS runs`).bind(keyId),
  ]);
  try {
    const [says, schema, counted] = await within(LOOK_MAX_MS, asking);
    const said = says?.results[0]?.number;
    if (said === undefined) return { ...unknown, status: "not_migrated" };
    if (said !== number) return { ...unknown, status: "wrong_number" };
    const sizeBytes = schema?.meta.size_after ?? null;
    const status = (sizeBytes ?? 0) >= FULL_BYTES ? "full" : "ready";
    return { number, status, sizeBytes, waitingUnderOlderKeys: counted?.results[0]?.runs ?? null };
  } catch (error) {
    const status = isUnmigrated(error) ? "not_migrated" : "not_answering";
    return { ...unknown, status: isDatabaseFull(error) ? "full" : status };
  }
}

/** In which environments live. Seeks the next number in the index, so its cost does not depend on their number. */
export const NUMBERS_IN_USE = `
  SELECT number FROM (
    WITH RECURSIVE used (number) AS (
      SELECT min(database) FROM environments
      UNION ALL
      SELECT (SELECT min(database) FROM environments WHERE database > used.number) FROM used
      WHERE used.number IS NOT NULL
    )
    SELECT number FROM used WHERE number IS NOT NULL)`;

/** What `NUMBERS_IN_USE` has read. */
export function numbersIn(read: D1Result | undefined): readonly number[] {
  return ((read?.results ?? []) as readonly { readonly number: number }[]).map(({ number }) => number);
}

export async function numbersInUse(control: D1Database): Promise<readonly number[]> {
  return numbersIn(await control.prepare(NUMBERS_IN_USE).all());
}

/** Those of these numbers that are not bound. */
export function unboundAmong(env: Databases, inUse: readonly number[]): readonly number[] {
  return inUse.filter((number) => databaseNumbered(env, number) === null);
}

/** Per isolate; null until it has asked once. Bindings never change, and only a bound number comes into use. */
let isLacking: boolean | null = null;

/** Whether an environment lives in a database that is not bound. Throws `database_unavailable`. */
export async function lacksDatabase(env: Databases, hops: Hops): Promise<boolean> {
  isLacking ??= unboundAmong(env, await readD1(hops, () => numbersInUse(env.DB))).length > 0;
  return isLacking;
}

/** For tests, which have several deployments in one isolate. */
export function forgetLacking(): void {
  isLacking = null;
}

/** The cron writes it every minute. An older report says nothing of now. */
const REPORT_MAX_MS = 5 * MINUTE_MS;

export type ArchiveStatus = "ready" | "not_answering";

/** What the cron has seen of the databases and of the archive: one row of the control database. */
export interface DatabaseReport {
  /** When the cron looked, in ms. */
  readonly lookedAt: number;
  /** The key that sealed requests then. */
  readonly keyId: string;
  /** All but number 0, in order: those that are bound, and those in which an environment lives. */
  readonly databases: readonly DatabaseState[];
  /** Null without an archive. */
  readonly archive: ArchiveStatus | null;
}

/** The warnings of these databases, by number. */
export function warningsIn(databases: readonly Pick<DatabaseState, "number" | "sizeBytes">[]) {
  return databases.flatMap(({ number, sizeBytes }) =>
    warningsOf(sizeBytes).map((warning) => ({ database: number, warning })),
  );
}

export const SELECT_REPORT = "SELECT looked_at AS lookedAt, report FROM database_report";

const WRITE_REPORT = `
  INSERT INTO database_report (id, looked_at, report) VALUES (1, ?1, ?2)
  ON CONFLICT (id) DO UPDATE SET looked_at = excluded.looked_at, report = excluded.report`;

/** Whether there is anything to report on. Otherwise nobody writes or reads the row. */
export function hasReport(env: Databases & Pick<Env, "ARCHIVE">): boolean {
  return hasSeveralDatabases(env) || env.ARCHIVE !== undefined;
}

/** What `SELECT_REPORT` has read. Null if the cron has never looked. */
export function readReport(read: D1Result | undefined): DatabaseReport | null {
  const row = read?.results[0] as { readonly lookedAt: number; readonly report: string } | undefined;
  return row === undefined ? null : { ...JSON.parse(row.report), lookedAt: row.lookedAt };
}

export function writeReport(control: D1Database, { lookedAt, ...report }: DatabaseReport): D1PreparedStatement {
  return control.prepare(WRITE_REPORT).bind(lookedAt, JSON.stringify(report));
}

/** A database that is not ready, or the archive if it does not answer. */
type Degraded = { readonly database: number; readonly status: DatabaseStatus } | { readonly archive: ArchiveStatus };

/** What the cron has seen that is not well. `unbound`: what the control database says now, without the cron. */
export function degradedOf(report: DatabaseReport | null, unbound: readonly number[]): readonly Degraded[] {
  const { databases = [], archive = null } = report ?? {};
  const seen = databases.filter(({ status, number }) => status !== "ready" && !unbound.includes(number));
  const states = [...seen, ...unbound.map((number) => ({ number, status: "not_bound" as const }))];
  return [
    ...states.sort((a, b) => a.number - b.number).map(({ number, status }) => ({ database: number, status })),
    ...(archive === "not_answering" ? [{ archive }] : []),
  ];
}

/** Null if it is not known of each: no key must be removed because of a count that lacks a database. */
export function waitingElsewhere(
  report: DatabaseReport | null,
  bound: readonly number[],
  keyId: string,
  now: number,
): number | null {
  const others = bound.filter((number) => number !== 0);
  if (others.length === 0) return 0;
  if (report === null || report.keyId !== keyId || msSinceOrLongAgo(report.lookedAt, now) > REPORT_MAX_MS) return null;
  const seen = new Map(report.databases.map((state) => [state.number, state.waitingUnderOlderKeys]));
  let sum = 0;
  // A database that is not bound can hold runs that wait.
  for (const number of new Set([...others, ...seen.keys()])) {
    const runs = seen.get(number) ?? null;
    if (runs === null) return null;
    sum += runs;
  }
  return Math.min(sum, OLDER_MAX);
}
