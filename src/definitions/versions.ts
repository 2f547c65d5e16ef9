/**
 * The SQL of versions. `definitions` has the current version, and `definition_versions` has those that a later one
 * replaced. The newest of a definition, and of a kind in an environment, are kept. A definition has null in the place of
 * each secret, so a secret never gets here.
 */

import { type AuditEntry, auditStatement } from "../auth/audit.ts";
import { PAGE_MAX_BYTES, VERSIONS_MAX_BYTES, VERSIONS_MAX_PER_DEFINITION } from "../base/limits.ts";
import type { DefinitionRef } from "./definition-ref.ts";
import type { StoredKind } from "./kind.ts";

/**
 * The version of a change at this instant, in ms, that replaces `previous`; 0 if there was none. Coordinators compare
 * versions, and a restore of D1 takes back the latest ones. So the clock counts, and not the changes: D1 takes fewer than
 * one change in a millisecond, so no version lies ahead of the clock that made it.
 */
export function versionAfter(previous: number, now: number): number {
  return Math.max(previous + 1, now);
}

/**
 * What a change does before it replaces version `replaces`, in the same batch: keeps a copy of that version, if the
 * definition still has it, and removes the versions that no longer have room. Run again, it keeps nothing twice, because
 * the definition then has another version.
 */
export function keepReplaced(
  db: D1Database,
  kind: StoredKind,
  { scope, name }: DefinitionRef,
  replaces: number,
): readonly D1PreparedStatement[] {
  if (replaces === 0) return [];
  return [
    db.prepare(KEEP(kind)).bind(scope, name, replaces),
    db.prepare(TRIM_DEFINITION(kind)).bind(scope, name),
    db.prepare(TRIM_ENVIRONMENT(kind)).bind(scope),
  ];
}

/** SQL: the rows of one definition. */
const HERE = ({ name }: StoredKind) => `scope = ?1 AND kind = '${name}' AND name = ?2`;

const KEEP = (kind: StoredKind) => `
  INSERT INTO definition_versions
    (scope, kind, name, version, changed_at, changed_by, changed_by_name, bytes, definition)
  SELECT scope, kind, name, version, changed_at, changed_by, changed_by_name, bytes, definition
  FROM definitions WHERE ${HERE(kind)} AND version = ?3`;

/** The current version counts, too, so one fewer is kept here. */
const TRIM_DEFINITION = (kind: StoredKind) => `
  DELETE FROM definition_versions WHERE ${HERE(kind)} AND version <= (
    SELECT version FROM definition_versions WHERE ${HERE(kind)}
    ORDER BY version DESC LIMIT 1 OFFSET ${VERSIONS_MAX_PER_DEFINITION - 1})`;

/** Adds up the sizes along an index, from the version that was replaced last. */
const TRIM_ENVIRONMENT = ({ name: kind }: StoredKind) => `
  DELETE FROM definition_versions WHERE seq IN (
    SELECT seq FROM (
      SELECT seq, sum(bytes) OVER (ORDER BY seq DESC ROWS UNBOUNDED PRECEDING) AS total
      FROM definition_versions INDEXED BY definition_versions_by_age WHERE scope = ?1 AND kind = '${kind}')
    WHERE total > ${VERSIONS_MAX_BYTES})`;

/**
 * Removes the versions of a definition that is deleted, before its row goes. Versions never repeat, so a second try
 * leaves those of a later one of this name alone.
 */
export function forgetVersions(
  db: D1Database,
  kind: StoredKind,
  { scope, name }: DefinitionRef,
  current: number,
): D1PreparedStatement {
  return db
    .prepare(
      `DELETE FROM definition_versions WHERE ${HERE(kind)} AND version < ?3
         AND EXISTS (SELECT 1 FROM definitions WHERE ${HERE(kind)} AND version = ?3)`,
    )
    .bind(scope, name, current);
}

/** `definition`: JSON. */
export interface ListedVersion {
  readonly version: number;
  readonly changedAt: number;
  /** The id of the token that stored it, or `root`. */
  readonly actor: string;
  readonly actorName: string;
  readonly definition: string;
}

/** A page holds at most `limit` versions and 4 MiB of definitions. `nextBefore`: the last version, if there are more. */
export interface VersionPage {
  readonly versions: readonly ListedVersion[];
  readonly nextBefore: number | null;
}

/** The versions before `cursor`, newest first. There are none if there is no such definition. */
export async function listVersions(
  db: D1Database,
  kind: StoredKind,
  { scope, name }: DefinitionRef,
  cursor: number | undefined,
  limit: number,
): Promise<VersionPage> {
  const { results } = await db
    .prepare(LIST(kind))
    .bind(scope, name, cursor ?? Number.MAX_SAFE_INTEGER, limit + 1)
    .all<ListedRow>();
  const versions = results.slice(0, limit).filter((row): row is ListedVersion => row.definition !== null);
  const isLonger = results.length > versions.length;
  return { versions, nextBefore: isLonger ? (versions.at(-1)?.version ?? null) : null };
}

type ListedRow = Omit<ListedVersion, "definition"> & { readonly definition: string | null };

const BOTH = (kind: StoredKind, columns: string, where: string) => `
  SELECT NULL AS seq, ${columns} FROM definitions WHERE ${HERE(kind)} AND ${where}
  UNION ALL
  SELECT seq, ${columns} FROM definition_versions WHERE ${HERE(kind)} AND ${where}`;

/** Reads definitions last, and only those that fit. One definition always fits. */
const LIST = (kind: StoredKind) => `
  SELECT version, changed_at AS changedAt, changed_by AS actor, changed_by_name AS actorName,
         iif(total <= ${PAGE_MAX_BYTES}, coalesce(
           (SELECT definition FROM definition_versions WHERE definition_versions.seq = looked.seq),
           (SELECT definition FROM definitions WHERE ${HERE(kind)})), NULL) AS definition
  FROM (
    SELECT *, sum(bytes) OVER (ORDER BY version DESC ROWS UNBOUNDED PRECEDING) AS total
    FROM (${BOTH(kind, "version, changed_at, changed_by, changed_by_name, bytes", "version < ?3")}
      ORDER BY version DESC LIMIT ?4)) AS looked
  ORDER BY version DESC`;

/** The definition of a version as JSON; null if it is not kept. */
export async function selectVersion(
  db: D1Database,
  kind: StoredKind,
  { scope, name }: DefinitionRef,
  version: number,
): Promise<string | null> {
  const statement = db.prepare(BOTH(kind, "definition", "version = ?3")).bind(scope, name, version);
  const row = await statement.first<{ definition: string }>();
  return row?.definition ?? null;
}

export type VersionDeleting = "deleted" | "current" | "missing";

/** Deletes a version that a later one replaced. `current`: no later one did. */
export async function deleteVersion(
  db: D1Database,
  kind: StoredKind,
  { scope, name }: DefinitionRef,
  version: number,
  entry: AuditEntry,
): Promise<VersionDeleting> {
  const isThere = `EXISTS (
    SELECT 1 FROM definition_versions
    WHERE scope = ?1 || '/' || ?3 AND kind = '${kind.name}' AND name = ?9 AND version = ${Math.trunc(version)})`;
  const remove = db
    .prepare(`DELETE FROM definition_versions WHERE ${HERE(kind)} AND version = ?3`)
    .bind(scope, name, version);
  const outcome = db
    .prepare(
      `SELECT CASE WHEN EXISTS (SELECT 1 FROM audit WHERE project = ?1 AND id = ?2) THEN 'deleted'
                   WHEN EXISTS (
                     SELECT 1 FROM definitions
                     WHERE scope = ?3 AND kind = '${kind.name}' AND name = ?4 AND version = ?5)
                   THEN 'current' ELSE 'missing' END AS deleting`,
    )
    .bind(entry.project, entry.id, scope, name, version);
  const results = await db.batch<{ deleting: VersionDeleting }>([auditStatement(db, entry, isThere), remove, outcome]);
  return results.at(-1)?.results[0]?.deleting ?? "missing";
}
