/**
 * The SQL that serves requests for stored actions. The cron that seals secrets again has its own, in `reseal.ts`. A
 * change is one batch that may run twice, because the first run may have committed although its answer was lost. So
 * each change carries the id of its audit entry, and each batch ends by reading whether that entry exists.
 */

import { type AuditEntry, auditStatement } from "../auth/audit.ts";
import { ACTIONS_MAX_PER_ENVIRONMENT, PAGE_MAX_BYTES, utf8Bytes } from "../base/limits.ts";
import type { ActionRef } from "./action-ref.ts";
import type { SealedSecrets } from "./sealing.ts";
import { forgetVersions, keepReplaced } from "./versions.ts";

/** `definition`: JSON with null in the place of each secret. */
export interface StoredAction {
  readonly version: number;
  readonly definition: string;
  readonly sealed: Uint8Array<ArrayBuffer> | null;
}

/** From D1's primary; null if there is none. */
export async function selectAction(db: D1Database, ref: ActionRef): Promise<StoredAction | null> {
  return (await selectForChange(db, ref)).action;
}

/** An action, and the highest version that a deleted action of its environment had, or 0. */
export interface Changeable {
  readonly action: StoredAction | null;
  readonly lastDeleted: number;
}

export async function selectForChange(db: D1Database, { scope, name }: ActionRef): Promise<Changeable> {
  type Row = {
    version: number | null;
    definition: string;
    secrets: ArrayBuffer | number[] | null;
    lastDeleted: number;
  };
  const row = await db
    .prepare(
      `SELECT version, definition, secrets,
              coalesce((SELECT version FROM deleted_actions WHERE scope = ?1), 0) AS lastDeleted
       FROM (SELECT 1) LEFT JOIN actions ON scope = ?1 AND name = ?2`,
    )
    .bind(scope, name)
    .first<Row>();
  const { version = null, definition = "", secrets = null, lastDeleted = 0 } = row ?? {};
  const action = version === null ? null : { version, definition, sealed: toBytes(secrets) };
  return { action, lastDeleted };
}

/** D1 gives a BLOB as an array of numbers. */
function toBytes(blob: ArrayBuffer | number[] | null): Uint8Array<ArrayBuffer> | null {
  return blob === null ? null : new Uint8Array(blob);
}

export interface NewVersion {
  readonly ref: ActionRef;
  /** The version that this one replaces; 0 if there must be no such action. */
  readonly replaces: number;
  readonly version: number;
  readonly definition: string;
  readonly sealed: SealedSecrets | null;
}

/** `full`: the environment has the maximum number of actions. `changed`: another change came first. */
export type Putting = "put" | "full" | "changed";

/** Compares the version and writes the next one, in one statement that also enforces the limit of actions. */
const PUT = `
  INSERT INTO actions (scope, name, version, change_id, changed_at, changed_by, changed_by_name, key_id, bytes,
                       secrets, definition)
  SELECT ?1, ?2, ?3, ?4, ?5, ?11, ?12, ?6, ?7, ?8, ?9
  WHERE coalesce((SELECT version FROM actions WHERE scope = ?1 AND name = ?2), 0) = ?10
    AND ?3 > coalesce((SELECT version FROM deleted_actions WHERE scope = ?1), 0) * (?10 = 0)
    AND (?10 > 0 OR (SELECT count(*) FROM actions WHERE scope = ?1) < ${ACTIONS_MAX_PER_ENVIRONMENT})
  ON CONFLICT (scope, name) DO UPDATE SET
    version = excluded.version, change_id = excluded.change_id, changed_at = excluded.changed_at,
    changed_by = excluded.changed_by, changed_by_name = excluded.changed_by_name,
    key_id = excluded.key_id, resealed_at = 0, bytes = excluded.bytes, secrets = excluded.secrets,
    definition = excluded.definition`;

/** SQL: whether the change with this audit entry is the one that wrote the action's version. */
const WROTE = `EXISTS (
  SELECT 1 FROM actions WHERE scope = ?1 || '/' || ?3 AND name = ?8 AND change_id = ?2)`;

export async function putAction(db: D1Database, put: NewVersion, entry: AuditEntry): Promise<Putting> {
  const { ref, replaces, version, definition, sealed } = put;
  const { scope, name } = ref;
  const write = db
    .prepare(PUT)
    .bind(
      ...[scope, name, version, entry.id, entry.at, sealed?.keyId ?? null, utf8Bytes(definition)],
      ...[sealed?.bytes ?? null, definition, replaces, entry.actor, entry.actorName],
    );
  const outcome = db
    .prepare(
      `SELECT CASE WHEN EXISTS (SELECT 1 FROM audit WHERE project = ?1 AND id = ?2) THEN 'put'
                   WHEN ?5 = 0 AND NOT EXISTS (SELECT 1 FROM actions WHERE scope = ?3 AND name = ?4)
                        AND (SELECT count(*) FROM actions WHERE scope = ?3) >= ${ACTIONS_MAX_PER_ENVIRONMENT}
                   THEN 'full' ELSE 'changed' END AS putting`,
    )
    .bind(entry.project, entry.id, scope, name, replaces);
  const results = await db.batch<{ putting: Putting }>([
    ...keepReplaced(db, ref, replaces),
    write,
    auditStatement(db, entry, WROTE),
    outcome,
  ]);
  return results.at(-1)?.results[0]?.putting ?? "changed";
}

/** Deletes the action and its versions if it still has this version. False if another change came first. */
export async function deleteAction(
  db: D1Database,
  ref: ActionRef,
  version: number,
  entry: AuditEntry,
): Promise<boolean> {
  const { scope, name } = ref;
  const here = "scope = ?1 AND name = ?2 AND version = ?3";
  const remember = db
    .prepare(
      `INSERT INTO deleted_actions (scope, version) SELECT scope, version FROM actions WHERE ${here}
       ON CONFLICT (scope) DO UPDATE SET version = max(deleted_actions.version, excluded.version)`,
    )
    .bind(scope, name, version);
  // A version never repeats, so a second try finds nothing that this change must not delete.
  const isThere = `EXISTS (
    SELECT 1 FROM actions WHERE scope = ?1 || '/' || ?3 AND name = ?8 AND version = ${Math.trunc(version)})`;
  const remove = db.prepare(`DELETE FROM actions WHERE ${here}`).bind(scope, name, version);
  const outcome = db
    .prepare("SELECT EXISTS (SELECT 1 FROM audit WHERE project = ?1 AND id = ?2) AS done")
    .bind(entry.project, entry.id);
  const results = await db.batch<{ done: number }>([
    remember,
    auditStatement(db, entry, isThere),
    forgetVersions(db, ref, version),
    remove,
    outcome,
  ]);
  return results.at(-1)?.results[0]?.done === 1;
}

export interface ListedAction {
  readonly name: string;
  readonly version: number;
  readonly changedAt: number;
  readonly definition: string;
}

/** A page holds at most `limit` actions and 4 MiB of definitions. `nextAfter`: the last name, if there are more. */
export interface ActionPage {
  readonly actions: readonly ListedAction[];
  readonly nextAfter: string | null;
}

/** The actions after the name `cursor`, by name. Definitions are read last, and only those that fit. */
export async function listActions(
  db: D1Database,
  scope: string,
  cursor: string | undefined,
  limit: number,
): Promise<ActionPage> {
  const { results } = await db
    .prepare(LIST)
    .bind(scope, cursor ?? "", limit + 1)
    .all<ListedRow>();
  const fitting = results.slice(0, limit).filter((row): row is ListedAction => row.definition !== null);
  const isLonger = results.length > fitting.length;
  return { actions: fitting, nextAfter: isLonger ? (fitting.at(-1)?.name ?? null) : null };
}

type ListedRow = Omit<ListedAction, "definition"> & { readonly definition: string | null };

/**
 * Adds up the sizes along the index of names, and reads the rows themselves last. One definition always fits. The
 * windows number the rows in the order of the join, so nothing is sorted.
 */
const LIST = `
  SELECT name, version, changed_at AS changedAt, iif(total <= ${PAGE_MAX_BYTES}, definition, NULL) AS definition
  FROM (
    SELECT row, sum(bytes) OVER (ROWS UNBOUNDED PRECEDING) AS total
    FROM (SELECT rowid AS row, bytes FROM actions WHERE scope = ?1 AND name > ?2 ORDER BY name LIMIT ?3)
  ) AS looked CROSS JOIN actions ON actions.rowid = looked.row`;
