/**
 * The SQL for stored definitions and their versions. `definitions` has the current version, and `definition_versions` has
 * those that a later one replaced. A change is one batch that may run twice, because the first run may have committed
 * although its answer was lost. So each change carries the id of its audit entry, and each batch ends by reading whether
 * that entry exists.
 */
import { type AuditEntry, auditStatement, batchWrote, logAudit, newServiceEntry } from "../auth/audit.ts";
import type { Proven } from "../base/ids.ts";
import {
  AGENT_TOOL_BYTES,
  AGENT_TOOLS_MAX,
  AGENT_TOOLS_MAX_BYTES,
  PAGE_MAX_BYTES,
  utf8Bytes,
  VERSIONS_MAX_BYTES,
  VERSIONS_MAX_PER_DEFINITION,
} from "../base/limits.ts";
import { within } from "../base/time.ts";
import type { DefinitionRef, StoredKind } from "./kind.ts";
import type { SealedSecrets } from "./sealing.ts";

/** Who stored a definition last. `lineage`: see `lineageOf`. */
export interface StoredBy {
  readonly lineage: string;
  readonly tokenName: string;
  readonly person: string | null;
  /** What a proof said of them. Left out if nothing did. */
  readonly proven?: Proven;
}

/** `definition`: JSON with null in the place of each secret. Instants in ms. */
export interface StoredDefinition {
  readonly name: string;
  readonly version: number;
  readonly createdVersion: number;
  readonly createdBy: string;
  readonly changedAt: number;
  /** When and why the service has disabled this version; null if it has not. */
  readonly disabledAt: number | null;
  readonly disabledReason: string | null;
  readonly definition: string;
  readonly features: readonly string[];
  readonly storedBy: StoredBy;
  readonly sealed: Uint8Array<ArrayBuffer> | null;
}

/** From D1's primary; null if there is none. */
export async function selectDefinition(
  db: D1Database,
  kind: StoredKind,
  ref: DefinitionRef,
): Promise<StoredDefinition | null> {
  return (await selectForChange(db, kind, ref)).stored;
}

/** A definition, and the highest version that a deleted one of its kind and environment had, or 0. */
export interface Changeable {
  readonly stored: StoredDefinition | null;
  readonly lastDeleted: number;
}

export async function selectForChange(db: D1Database, kind: StoredKind, ref: DefinitionRef): Promise<Changeable> {
  return toChangeable(await selectRow(db, kind, ref).first<ReadRow>());
}

/** The statement that reads a definition, for `toChangeable`. */
export function selectRow(db: D1Database, { name: kind }: StoredKind, { scope, name }: DefinitionRef) {
  const select = `
    SELECT name, version, created_version AS createdVersion, created_by_name AS createdBy, changed_at AS changedAt,
           definition, features, secrets, changed_lineage AS lineage, changed_by_name AS tokenName,
           changed_person AS person, changed_proof AS proof,
           iif(disabled_version = version, disabled_at, NULL) AS disabledAt,
           iif(disabled_version = version, disabled_reason, NULL) AS disabledReason,
           coalesce((SELECT version FROM deleted_definitions WHERE scope = ?1 AND kind = '${kind}'), 0) AS lastDeleted
    FROM (SELECT 1) LEFT JOIN definitions ON scope = ?1 AND kind = '${kind}' AND name = ?2`;
  return db.prepare(select).bind(scope, name);
}

/** Without a version if there is no such definition. D1 gives a BLOB as an array of numbers. */
export type ReadRow = Omit<StoredDefinition, "version" | "features" | "storedBy" | "sealed"> &
  Omit<StoredBy, "proven"> & {
    readonly proof: string | null;
    readonly version: number | null;
    readonly features: string | null;
    readonly secrets: number[] | null;
    readonly lastDeleted: number;
  };

export function toChangeable(row: ReadRow | null): Changeable {
  if (row === null || row.version === null) return { stored: null, lastDeleted: row?.lastDeleted ?? 0 };
  const { version, features, secrets, lineage, tokenName, person, proof, lastDeleted, ...others } = row;
  const stored = {
    ...others,
    version,
    features: JSON.parse(features ?? "[]") as readonly string[],
    storedBy: { lineage, tokenName, person, ...(proof !== null && { proven: JSON.parse(proof) as Proven }) },
    sealed: secrets === null ? null : new Uint8Array(secrets),
  };
  return { stored, lastDeleted };
}

interface NewVersion {
  readonly ref: DefinitionRef;
  /** The version that this one replaces; 0 if there must be no such definition. */
  readonly replaces: number;
  readonly version: number;
  readonly definition: string;
  /** What the kind's own queries read instead of the definition; null if it has none. */
  readonly filter: string | null;
  readonly features?: readonly string[];
  readonly sealed: SealedSecrets | null;
  /** Whether a version that the service has disabled stays so. */
  readonly staysDisabled?: boolean;
}

/** `full`: there is no room for another. `crowded`: agents are offered the maximum. `changed`: it is another version. */
type Putting = "put" | "full" | "crowded" | "changed";

/** Compares the version and writes the next one, in one statement that also enforces the limits. */
const PUT_DEFINITION = (stored: StoredKind, kind = stored.name) => `
  INSERT INTO definitions (scope, kind, name, version, created_version, change_id, created_by, created_by_name,
                           changed_at, changed_by, changed_by_name, changed_person, changed_proof, changed_lineage, key_id, bytes, filter,
                           features, secrets, definition)
  SELECT ?1, '${kind}', ?2, ?3, ?3, ?4, ?11, ?12, ?5, ?11, ?12, ?17, ?18, ?16, ?6, ?7, ?14, ?15, ?8, ?9
  WHERE coalesce((SELECT version FROM definitions WHERE scope = ?1 AND kind = '${kind}' AND name = ?2), 0) = ?10
    AND ?3 > coalesce((SELECT version FROM deleted_definitions WHERE scope = ?1 AND kind = '${kind}'), 0) * (?10 = 0)
    AND (?10 > 0 OR (${hasRoom(stored, "?1", "?19")}))
    AND (${mayOffer("?9", "?1", "?2", "?7")})
  ON CONFLICT (scope, kind, name) DO UPDATE SET
    version = excluded.version, change_id = excluded.change_id, changed_at = excluded.changed_at,
    changed_by = excluded.changed_by, changed_by_name = excluded.changed_by_name,
    changed_person = excluded.changed_person, changed_proof = excluded.changed_proof,
    changed_lineage = excluded.changed_lineage,
    key_id = excluded.key_id, resealed_at = 0, bytes = excluded.bytes, filter = excluded.filter,
    features = excluded.features, secrets = excluded.secrets,
    disabled_version = iif(?13 AND disabled_version = version, excluded.version, NULL),
    definition = excluded.definition`;

/** SQL: whether there is room for another definition in this scope of this project. */
function hasRoom({ name, maxPerEnvironment, maxPerProject }: StoredKind, scope: string, project: string): string {
  const inScope = `(SELECT count(*) FROM definitions WHERE scope = ${scope} AND kind = '${name}') < ${maxPerEnvironment}`;
  if (maxPerProject === undefined) return inScope;
  const ofProject = `kind = '${name}' AND scope BETWEEN ${project} || '/' AND ${project} || '/~'`;
  const inProject = `(SELECT count(*) FROM definitions INDEXED BY ${name}s_by_scope WHERE ${ofProject})`;
  return `${inScope} AND ${inProject} < ${maxPerProject}`;
}

/** SQL: whether the environment may offer agents this action besides its others. Only actions have `agents`. */
function mayOffer(definition: string, scope: string, name: string, bytes: string): string {
  return `json_type(${definition}, '$.agents') IS NULL OR (
    SELECT count(*) < ${AGENT_TOOLS_MAX} AND (count(*) + 1) * ${AGENT_TOOL_BYTES} + total(bytes) + ${bytes} <= ${AGENT_TOOLS_MAX_BYTES}
    FROM definitions INDEXED BY actions_for_agents
    WHERE scope = ${scope} AND kind = 'action' AND json_type(definition, '$.agents') IS NOT NULL AND name <> ${name})`;
}

const ofDefinition = ({ name }: StoredKind) => `scope = ?1 AND kind = '${name}' AND name = ?2`;

/** SQL for `auditStatement`: whether the entry is about a definition for which this holds. */
export function isAbout({ name }: StoredKind, condition: string, table = "definitions"): string {
  return `EXISTS (
    SELECT 1 FROM ${table} WHERE scope = ?1 || '/' || ?3 AND kind = '${name}' AND name = ?9 AND ${condition})`;
}

export async function putDefinition(db: D1Database, kind: StoredKind, put: NewVersion, entry: AuditEntry) {
  const { ref, replaces, version, definition, filter, features = [], sealed, staysDisabled = false } = put;
  const { scope, name } = ref;
  const bytes = utf8Bytes(definition);
  const write = db
    .prepare(PUT_DEFINITION(kind))
    .bind(
      scope,
      name,
      version,
      entry.id,
      entry.at,
      sealed?.keyId ?? null,
      bytes,
      sealed?.bytes ?? null,
      definition,
      replaces,
      entry.actor,
      entry.actorName,
      staysDisabled ? 1 : 0,
      filter,
      features.length === 0 ? null : JSON.stringify(features),
      entry.asker?.lineage ?? "",
      entry.person,
      entry.proven && JSON.stringify(entry.proven),
      ...(kind.maxPerProject === undefined ? [] : [entry.project]),
    );
  const ofKind = `kind = '${kind.name}'`;
  const outcome = db
    .prepare(
      `SELECT CASE WHEN EXISTS (SELECT 1 FROM audit WHERE project = ?1 AND id = ?2) THEN 'put'
                   WHEN ?5 = 0 AND NOT EXISTS (SELECT 1 FROM definitions WHERE scope = ?3 AND ${ofKind} AND name = ?4)
                        AND NOT (${hasRoom(kind, "?3", "?1")})
                   THEN 'full'
                   WHEN NOT (${mayOffer("?6", "?3", "?4", "?7")}) THEN 'crowded' ELSE 'changed' END AS putting`,
    )
    .bind(entry.project, entry.id, scope, name, replaces, definition, bytes);
  const results = await db.batch<{ putting: Putting }>([
    ...keepReplaced(db, kind, put),
    write,
    auditStatement(db, entry, isAbout(kind, "change_id = ?2")),
    outcome,
  ]);
  return results.at(-1)?.results[0]?.putting ?? "changed";
}

/** Deletes the definition and its versions if it still has this version. False if another change came first. */
export async function deleteDefinition(
  db: D1Database,
  kind: StoredKind,
  ref: DefinitionRef,
  version: number,
  entry: AuditEntry,
): Promise<boolean> {
  const { scope, name } = ref;
  const here = `${ofDefinition(kind)} AND version = ?3`;
  // A version never repeats, so a second try finds nothing that this change must not delete.
  const isThere = isAbout(kind, `version = ${Math.trunc(version)}`);
  const statements = [
    `INSERT INTO deleted_definitions (scope, kind, version) SELECT scope, kind, version FROM definitions WHERE ${here}
     ON CONFLICT (scope, kind) DO UPDATE SET version = max(deleted_definitions.version, excluded.version)`,
    `DELETE FROM definition_versions WHERE ${ofDefinition(kind)} AND version < ?3
       AND EXISTS (SELECT 1 FROM definitions WHERE ${here})`,
    `DELETE FROM definitions WHERE ${here}`,
  ].map((sql) => db.prepare(sql).bind(scope, name, version));
  return batchWrote(db, entry, [auditStatement(db, entry, isThere), ...statements]);
}

export interface ListedDefinition {
  readonly name: string;
  readonly version: number;
  readonly changedAt: number;
  /** 1 if the service has disabled this version. */
  readonly isDisabled: number;
  readonly definition: string;
}

/**
 * At most `limit` rows and 4 MiB of definitions. `next`: what the next page starts after, if there is one. The statement
 * reads `limit + 1`, with null for a definition that does not fit the page.
 */
async function pageOf<Row extends { readonly definition: string }, After>(
  statement: D1PreparedStatement,
  limit: number,
  afterOf: (last: Row) => After,
) {
  const { results } = await statement.all<Omit<Row, "definition"> & { readonly definition: string | null }>();
  const rows = results.slice(0, limit).filter((row) => row.definition !== null) as unknown as readonly Row[];
  const last = rows.at(-1);
  return { rows, next: results.length > rows.length && last !== undefined ? afterOf(last) : null };
}

/**
 * The definitions after the name `cursor`, by name. Adds up the sizes along the index of names, and reads last, and
 * only those that fit. One always fits. The windows number the rows in the order of the join: nothing is sorted.
 */
export async function listDefinitions(
  db: D1Database,
  { name: kind }: StoredKind,
  scope: string,
  cursor = "",
  limit: number,
) {
  const select = `
    SELECT name, version, changed_at AS changedAt, disabled_version IS version AS isDisabled,
           iif(total <= ${PAGE_MAX_BYTES}, definition, NULL) AS definition
    FROM (
      SELECT row, sum(bytes) OVER (ROWS UNBOUNDED PRECEDING) AS total
      FROM (
        SELECT rowid AS row, bytes FROM definitions
        WHERE scope = ?1 AND kind = '${kind}' AND name > ?2 ORDER BY name LIMIT ?3)
    ) AS looked CROSS JOIN definitions ON definitions.rowid = looked.row`;
  const statement = db.prepare(select).bind(scope, cursor, limit + 1);
  return pageOf<ListedDefinition, string>(statement, limit, ({ name }) => name);
}

/**
 * The version of a change at this instant, in ms, that replaces `previous`; 0 if there was none. Coordinators compare
 * versions, and a restore of D1 takes back the latest ones. So the clock counts, and not the changes: D1 takes fewer
 * than one change in a millisecond, so no version lies ahead of the clock that made it.
 */
export function versionAfter(previous: number, now: number): number {
  return Math.max(previous + 1, now);
}

/**
 * What a change does before it replaces version `replaces`, in the same batch: keeps a copy of that version, and removes
 * the versions beyond what a definition, and a kind in an environment, may keep. Run again, it keeps nothing twice,
 * because the definition then has another version.
 */
function keepReplaced(
  db: D1Database,
  kind: StoredKind,
  { ref: { scope, name }, replaces, definition }: NewVersion,
): readonly D1PreparedStatement[] {
  if (replaces === 0) return [];
  const keep = `
    INSERT INTO definition_versions
      (scope, kind, name, version, changed_at, changed_by, changed_by_name, bytes, definition)
    SELECT scope, kind, name, version, changed_at, changed_by, changed_by_name, bytes, definition
    FROM definitions WHERE ${ofDefinition(kind)} AND version = ?3 AND (${mayOffer("?4", "?1", "?2", "?5")})`;
  // The current version counts, too, so one fewer is kept here.
  const trimDefinition = `
    DELETE FROM definition_versions WHERE ${ofDefinition(kind)} AND version <= (
      SELECT version FROM definition_versions WHERE ${ofDefinition(kind)}
      ORDER BY version DESC LIMIT 1 OFFSET ${VERSIONS_MAX_PER_DEFINITION - 1})`;
  // Adds up the sizes along an index, from the version that was replaced last.
  const trimEnvironment = `
    DELETE FROM definition_versions WHERE seq IN (
      SELECT seq FROM (
        SELECT seq, sum(bytes) OVER (ORDER BY seq DESC ROWS UNBOUNDED PRECEDING) AS total
        FROM definition_versions INDEXED BY definition_versions_by_age WHERE scope = ?1 AND kind = '${kind.name}')
      WHERE total > ${VERSIONS_MAX_BYTES})`;
  return [
    db.prepare(keep).bind(scope, name, replaces, definition, utf8Bytes(definition)),
    db.prepare(trimDefinition).bind(scope, name),
    db.prepare(trimEnvironment).bind(scope),
  ];
}

export interface ListedVersion {
  readonly version: number;
  readonly changedAt: number;
  /** The id of the token that stored it, or `root`. */
  readonly actor: string;
  readonly actorName: string;
  readonly definition: string;
}

/** SQL: the rows of a definition's versions, the current one and those that it replaced. */
const ofAnyVersion = (kind: StoredKind, columns: string, where: string) => `
  SELECT NULL AS seq, ${columns} FROM definitions WHERE ${ofDefinition(kind)} AND ${where}
  UNION ALL
  SELECT seq, ${columns} FROM definition_versions WHERE ${ofDefinition(kind)} AND ${where}`;

/** The versions before `cursor`, newest first. Reads definitions last, and only those that fit. */
export async function listVersions(
  db: D1Database,
  kind: StoredKind,
  { scope, name }: DefinitionRef,
  cursor = Number.MAX_SAFE_INTEGER,
  limit: number,
) {
  const select = `
    SELECT version, changed_at AS changedAt, changed_by AS actor, changed_by_name AS actorName,
           iif(total <= ${PAGE_MAX_BYTES}, coalesce(
             (SELECT definition FROM definition_versions WHERE definition_versions.seq = looked.seq),
             (SELECT definition FROM definitions WHERE ${ofDefinition(kind)})), NULL) AS definition
    FROM (
      SELECT *, sum(bytes) OVER (ORDER BY version DESC ROWS UNBOUNDED PRECEDING) AS total
      FROM (${ofAnyVersion(kind, "version, changed_at, changed_by, changed_by_name, bytes", "version < ?3")}
        ORDER BY version DESC LIMIT ?4)) AS looked
    ORDER BY version DESC`;
  const statement = db.prepare(select).bind(scope, name, cursor, limit + 1);
  return pageOf<ListedVersion, number>(statement, limit, ({ version }) => version);
}

/** The definition of a version as JSON; null if it is not kept. */
export function selectVersion(
  db: D1Database,
  kind: StoredKind,
  { scope, name }: DefinitionRef,
  version: number,
): Promise<string | null> {
  const statement = db.prepare(ofAnyVersion(kind, "definition", "version = ?3")).bind(scope, name, version);
  return statement.first<string>("definition");
}

/** Deletes a version that a later one replaced. False if there is none: it is not kept, or it is the current one. */
export async function deleteVersion(
  db: D1Database,
  kind: StoredKind,
  { scope, name }: DefinitionRef,
  version: number,
  entry: AuditEntry,
): Promise<boolean> {
  const isThere = isAbout(kind, `version = ${Math.trunc(version)}`, "definition_versions");
  const remove = db
    .prepare(`DELETE FROM definition_versions WHERE ${ofDefinition(kind)} AND version = ?3`)
    .bind(scope, name, version);
  return batchWrote(db, entry, [auditStatement(db, entry, isThere), remove]);
}

/** An attempt whose receiver answered 410 waits for this write, and holds its permit meanwhile. */
const DISABLE_MAX_MS = 5000;

/**
 * The service's own switch of a version. `reason`: a sentence without secrets. False if the definition is gone, has
 * another version, or is disabled already. Throws errors of D1, and a Timeout after 5 s. It may be disabled then.
 */
export async function disableDefinition(
  db: D1Database,
  kind: StoredKind,
  { scope, name, version, reason, at }: DefinitionRef & { version: number; reason: string; at: number },
): Promise<boolean> {
  const [o, p, envName = ""] = scope.split("/");
  if (kind.name === "action") throw new Error("the service disables no action");
  const what = { project: `${o}/${p}`, envName, action: `${kind.name}_disabled`, target: name } as const;
  const entry = newServiceEntry(what, at);
  const isThere = isAbout(kind, `version = ${Math.trunc(version)} AND disabled_version IS NOT version`);
  const disable = db
    .prepare(
      `UPDATE definitions SET disabled_version = version, disabled_at = ?4, disabled_reason = ?5
       WHERE ${ofDefinition(kind)} AND version = ?3 AND disabled_version IS NOT version`,
    )
    .bind(scope, name, version, at, reason);
  const writing = batchWrote(db, entry, [auditStatement(db, entry, isThere), disable]);
  const isDone = await within(DISABLE_MAX_MS, writing).finally(() => kind.memory.forget({ scope, name }));
  if (isDone) logAudit(entry, undefined, { version });
  return isDone;
}
