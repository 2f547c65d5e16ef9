/** What state a database is in: whether it answers, is migrated, has its number, and has room. */

import { within } from "../base/time.ts";
import { type Databases, databaseNumbered } from "../settings/databases.ts";
import { isDatabaseFull, isUnmigrated } from "./d1-errors.ts";

/** D1 holds 10 GB. This warns a little before D1 refuses every write. */
export const FULL_BYTES = 9_900_000_000;
/** A database that hangs must hold up nobody who looks at the others. */
const LOOK_MAX_MS = 5000;

/**
 * Names something of every table but `definitions`, which another query of the readiness check reads. A later migration
 * adds what it brings. Reads no row.
 */
export const NEWEST_SCHEMA = `
  SELECT (SELECT waiting FROM runs LIMIT 0), (SELECT id FROM run_labels LIMIT 0), (SELECT old_hash FROM tokens LIMIT 0),
         (SELECT due_at FROM coordinators LIMIT 0), (SELECT target_name FROM audit LIMIT 0),
         (SELECT version FROM deleted_definitions LIMIT 0), (SELECT seq FROM definition_versions LIMIT 0),
         (SELECT token_hash FROM sessions LIMIT 0), (SELECT hash FROM sign_in_codes LIMIT 0),
         (SELECT number FROM database_number LIMIT 0), (SELECT generation FROM environments LIMIT 0),
         (SELECT looked_at FROM database_report LIMIT 0), (SELECT at FROM revoked_tokens LIMIT 0)`;

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

export type DatabaseStatus =
  | "ready"
  | "full"
  | "not_migrated"
  | "not_answering"
  /** The database says that it has another number than its binding. */
  | "wrong_number"
  | "not_bound";

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
    return { ...unknown, status: statusOf(error) };
  }
}

function statusOf(error: unknown): DatabaseStatus {
  if (isDatabaseFull(error)) return "full";
  return isUnmigrated(error) ? "not_migrated" : "not_answering";
}
