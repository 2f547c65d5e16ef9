/** The files of a local server: the rows in D1 and the coordinators' journals. */

import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Schemas } from "../../src/client/index.ts";

const D1 = "v3/d1/miniflare-D1DatabaseObject";
export const JOURNALS = "v3/do/action-runs-RunCoordinator";
const KEPT_FOR_MS = 86_400_000;
const BUSY_TIMEOUT_MS = 10_000;

export interface Row {
  readonly version: number;
  readonly body: string;
}

/** The raw bytes of every file in these folders, including the -wal and -shm of a database. */
export function bytesOf(...folders: readonly string[]): Buffer[] {
  return filesOf(...folders).map((file) => readFileSync(file));
}

export function filesOf(...folders: readonly string[]): string[] {
  return folders
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

function databasesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))
    .map((name) => join(folder, name));
}

/** The journals. An object that was only asked has none. */
function journalsIn(state: string): string[] {
  return databasesIn(join(state, JOURNALS)).filter(
    (file) => read(file, "SELECT 1 FROM sqlite_schema WHERE name = 'metadata'").length > 0,
  );
}

function d1File(state: string): string {
  const [file, ...others] = databasesIn(join(state, D1));
  if (file === undefined || others.length > 0) throw new Error("there should be one D1 database");
  return file;
}

function read<T>(file: string, sql: string): T[] {
  // A server that has just started again is recovering the database for a moment.
  const db = new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    return db.prepare(sql).all() as T[];
  } finally {
    db.close();
  }
}

export function rowsInD1(state: string): Map<string, Row> {
  const rows = read<Row & { id: string }>(d1File(state), "SELECT id, version, body FROM runs");
  return new Map(rows.map((row) => [row.id, row]));
}

/** The runs of each scope, by the number of the database that has them. */
export function idsByDatabase(state: string): ReadonlyMap<number, ReadonlyMap<string, readonly string[]>> {
  const files = databasesIn(join(state, D1));
  return new Map(
    files.map((file) => {
      const [own] = read<{ number: number }>(file, "SELECT number FROM database_number");
      const rows = read<{ scope: string; id: string }>(file, "SELECT scope, id FROM runs");
      const scopes = Map.groupBy(rows, ({ scope }) => scope);
      return [own?.number ?? -1, new Map([...scopes].map(([scope, all]) => [scope, all.map(({ id }) => id)]))];
    }),
  );
}

/** The id and version of every run in every journal. */
export function journaled(state: string): Map<string, number> {
  const rows = journalsIn(state).flatMap((file) =>
    read<{ id: string; version: number }>(file, "SELECT id, version FROM runs"),
  );
  return new Map(rows.map(({ id, version }) => [id, version]));
}

export interface Dispatch {
  readonly runId: string;
  /** When its attempt counts as lost; null if none is under way. */
  readonly leaseUntil: number | null;
}

/** The bulk operations in every journal, with their states. */
export function bulkStates(state: string): { readonly id: string; readonly state: string }[] {
  return journalsIn(state).flatMap((file) =>
    read<{ id: string; state: string }>(file, "SELECT id, state FROM bulk_operations ORDER BY id"),
  );
}

/** The schedules in every journal: what became of their last time. */
export function scheduleOutcomes(state: string): { readonly name: string; readonly outcome: string | null }[] {
  return journalsIn(state).flatMap((file) =>
    read<{ name: string; outcome: string | null }>(file, "SELECT name, outcome FROM schedules ORDER BY name"),
  );
}

/** The keys of the creates of all runs in every journal. */
export function createKeys(state: string): string[] {
  return journalsIn(state).flatMap((file) =>
    read<{ key: string }>(file, "SELECT create_key AS key FROM runs").map(({ key }) => key),
  );
}

/** All dispatches whose webhook request is still stored. */
export function dispatchesIn(state: string): Dispatch[] {
  return journalsIn(state).flatMap((file) =>
    read<Dispatch>(file, "SELECT run_id AS runId, lease_until AS leaseUntil FROM dispatches"),
  );
}

/**
 * Makes dispatches, the occupied queues of ended runs, schedules and alarms due `ms` sooner, as if the server had been down for so
 * much longer. No server may run meanwhile. The runtime keeps an alarm twice, in nanoseconds.
 */
export function letTimePass(state: string, ms: number): void {
  const folder = join(state, JOURNALS);
  const ns = `${ms} * 1000000`;
  for (const file of journalsIn(state)) {
    change(
      file,
      `UPDATE dispatches SET next_at = next_at - ${ms}, lease_until = lease_until - ${ms};
       UPDATE runs SET due_at = due_at - ${ms} WHERE id IN (SELECT run_id FROM dispatches);
       UPDATE runs SET occupied_until = occupied_until - ${ms} WHERE occupied_until IS NOT NULL;
       UPDATE runs SET grace_until = grace_until - ${ms} WHERE grace_until IS NOT NULL;
       UPDATE schedules SET next_at = next_at - ${ms};
       UPDATE _cf_METADATA SET value = value - ${ns} WHERE key = 1`,
    );
  }
  change(join(folder, "metadata.sqlite"), `UPDATE _cf_ALARM SET scheduled_time = scheduled_time - ${ns}`);
}

/** Makes the runs of an action so much older, with all their instants. No server may run meanwhile. */
export function letRunsAge(state: string, actionName: string, ms: number): void {
  const instants = ["created_at", "started_at", "completed_at", "deadline_at", "purge_at", "due_at"];
  const older = instants.map((instant) => `${instant} = ${instant} - ${ms}`);
  for (const file of journalsIn(state)) {
    change(file, `UPDATE runs SET ${older.join(", ")} WHERE action_name = '${actionName}'`);
  }
}

/** Copies the objects of a bucket into a folder, each under its key. Returns the keys. */
export function copyObjects(state: string, bucket: string, folder: string): readonly string[] {
  const files = databasesIn(join(state, "v3/r2/miniflare-R2BucketObject"));
  const objects = files.flatMap((file) =>
    read<{ key: string; blob: string }>(file, "SELECT key, blob_id AS blob FROM _mf_objects ORDER BY key"),
  );
  for (const { key, blob } of objects) {
    mkdirSync(dirname(join(folder, key)), { recursive: true });
    copyFileSync(join(state, "v3/r2", bucket, "blobs", blob), join(folder, key));
  }
  return objects.map(({ key }) => key);
}

function change(file: string, sql: string): void {
  const db = new DatabaseSync(file);
  try {
    db.exec(`BEGIN; ${sql}; COMMIT`);
  } finally {
    db.close();
  }
}

/** A run as its row in D1 has it, with the body as JSON text. */
export interface RunInD1 extends Pick<Schemas["ActionRun"], "id" | "actionName" | "status" | "triggeredBy"> {
  readonly body: string;
  readonly labels?: readonly string[];
  readonly title?: string;
  readonly subject?: string;
}

/** Puts runs into D1 as if coordinators had replicated them. No server may run meanwhile. */
export function putInD1(state: string, scope: string, runs: readonly RunInD1[]): void {
  const db = new DatabaseSync(d1File(state));
  try {
    const insert = db.prepare(`
      INSERT INTO runs (scope, id, version, status, action_name, subject, triggered_by, purge_at, bytes, body, details)
      VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)`);
    const label = db.prepare("INSERT INTO run_labels (scope, label, id) VALUES (?, ?, ?)");
    db.exec("BEGIN");
    for (const { id, status, actionName, triggeredBy, body, labels = [], title = null, subject = null } of runs) {
      const bytes = Buffer.byteLength(body);
      const details = labels.length === 0 ? null : JSON.stringify({ title, subject, labels });
      insert.run(scope, id, status, actionName, subject, triggeredBy, Date.now() + KEPT_FOR_MS, bytes, body, details);
      for (const one of labels) label.run(scope, one, id);
    }
    db.exec("COMMIT");
  } finally {
    db.close();
  }
}

/** Takes D1's write lock, so that every write of the server fails. Returns the function that releases it. */
export function lockD1(state: string): () => void {
  const db = new DatabaseSync(d1File(state), { timeout: BUSY_TIMEOUT_MS });
  db.exec("BEGIN IMMEDIATE");
  return () => {
    if (db.isOpen) db.close();
  };
}
