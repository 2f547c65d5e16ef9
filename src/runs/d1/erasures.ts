/** A project's erasure has a row for each of its environments beside its own, so each is driven alone. */
import { HOUR_MS } from "../../base/time.ts";

export interface Erasure {
  readonly scope: string;
  readonly askedAt: number;
  readonly reason: string | null;
  readonly firstPassAt: number | null;
  readonly secondPassAt: number | null;
  readonly completedAt: number | null;
}

const COLUMNS = `scope, asked_at AS askedAt, reason, first_pass_at AS firstPassAt, second_pass_at AS secondPassAt,
  completed_at AS completedAt`;

/** What still flies or is remembered when the rows go is over by then. */
export const REST_MS = HOUR_MS;
/** A driver has an erasure alone for this long. It is less than the cron's minute, and longer than one driver works. */
const DRIVER_MS = 50_000;

export function partsOf(scope: string): { readonly project: string; readonly envName: string | undefined } {
  const [o, p, envName] = scope.split("/");
  return { project: `${o}/${p}`, envName };
}

/** The scopes of all environments of a project are behind the first text and before the second. */
export function boundsOf(project: string): readonly [after: string, before: string] {
  // The character behind the slash.
  return [`${project}/`, `${project}0`];
}

const SCOPED = ["coordinators", "environments", "definitions", "deleted_definitions"];
/** In their index, so that the audit's texts are not read. */
const OF_PROJECT = ["tokens", "audit INDEXED BY audit_by_env"];
const WITHOUT_ENVIRONMENT = ["sessions", "revoked_tokens"];
const KNOWN = [
  ...SCOPED.map((table) => `SELECT DISTINCT scope FROM ${table} WHERE scope > ?1 || '/' AND scope < ?1 || '0'`),
  ...OF_PROJECT.map(
    (table) => `SELECT DISTINCT ifnull(?1 || '/' || env_name, ?1) AS scope FROM ${table} WHERE project = ?1`,
  ),
  ...WITHOUT_ENVIRONMENT.map((table) => `SELECT ?1 AS scope FROM ${table} WHERE project = ?1 LIMIT 1`),
  "SELECT ?1 AS scope FROM sign_in_codes WHERE about ->> 'project' = ?1 LIMIT 1",
];

/** The project, if it has rows of its own, and the environments that have some. Runs are in other databases, too. */
export async function knownScopes(control: D1Database, project: string): Promise<readonly string[]> {
  const session = control.withSession("first-primary");
  const found = await session.batch<{ readonly scope: string }>(KNOWN.map((sql) => session.prepare(sql).bind(project)));
  return found.flatMap(({ results }) => results.map(({ scope }) => scope));
}

export function askErasure(
  control: D1Database,
  scopes: readonly string[],
  askedAt: number,
  reason: string | null,
): D1PreparedStatement {
  return control
    .prepare(
      "INSERT OR IGNORE INTO erasures (scope, asked_at, reason) SELECT value, ?2, ?3 FROM json_each(?1) WHERE true",
    )
    .bind(JSON.stringify(scopes), askedAt, reason);
}

/** The one under way, or else the last one; null if there was none. The clock can have stepped back since. */
export function selectErasure(control: D1Database, scope: string): Promise<Erasure | null> {
  return control
    .withSession("first-primary")
    .prepare(
      `SELECT ${COLUMNS} FROM erasures WHERE scope = ? ORDER BY completed_at IS NULL DESC, asked_at DESC LIMIT 1`,
    )
    .bind(scope)
    .first<Erasure>();
}

export async function openEnvironments(control: D1Database, project: string): Promise<number> {
  const count = control
    .prepare("SELECT count(*) AS n FROM erasures WHERE completed_at IS NULL AND scope > ?1 AND scope < ?2")
    .bind(...boundsOf(project));
  return (await count.first<number>("n")) ?? 0;
}

/** Two machines' clocks differ by no more than this, unless one has stepped back. */
const CLOCKS_DIFFER_MS = 60_000;

/** Those that do not rest, and that nobody drives. A driver beyond ?4 was noted before the clock stepped back. */
const DUE = `
  SELECT scope, asked_at FROM erasures INDEXED BY open_erasures
  WHERE completed_at IS NULL AND driven_at NOT BETWEEN ?1 AND ?4 AND (first_pass_at IS NULL OR first_pass_at <= ?2)`;

/** Takes erasures that are due, those first that waited longest. Nobody else gets them for DRIVER_MS. */
export async function takeErasures(control: D1Database, now: number, limit: number): Promise<readonly Erasure[]> {
  const due = [now - DRIVER_MS, now - REST_MS, now, now + CLOCKS_DIFFER_MS] as const;
  const first = control.prepare(`${DUE} LIMIT 1`).bind(...due);
  if ((await first.first()) === null) return [];
  const take = control.prepare(
    `UPDATE erasures SET driven_at = ?3 WHERE (scope, asked_at) IN (${DUE} ORDER BY driven_at, scope LIMIT ?5)
     RETURNING ${COLUMNS}`,
  );
  const { results } = await take.bind(...due, limit).all<Erasure>();
  return [...results].sort((a, b) => (a.scope < b.scope ? -1 : 1));
}

export async function noteErasure(
  control: D1Database,
  { scope, askedAt }: Erasure,
  column: "first_pass_at" | "second_pass_at" | "completed_at",
  now: number,
): Promise<void> {
  const note = `UPDATE erasures SET ${column} = ?3 WHERE scope = ?1 AND asked_at = ?2 AND ${column} IS NULL`;
  await control.prepare(note).bind(scope, askedAt, now).run();
}

const ROWS_MAX = 500;

const some = (table: string, key: string, where: string) =>
  `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE ${where} LIMIT ${ROWS_MAX})`;

const OF_ENVIRONMENT = [
  some("definitions", "rowid", "scope = ?1"),
  some("definition_versions", "seq", "scope = ?1"),
  "DELETE FROM deleted_definitions WHERE scope = ?1",
  "DELETE FROM environments WHERE scope = ?1",
  "DELETE FROM coordinators WHERE scope = ?1",
];
/** ?1: the project, ?2: the environment. The sessions first, because they are found by their tokens. */
const OF_ITS_TOKENS = [
  some("sessions", "hash", "project = ?1 AND token_id IN (SELECT id FROM tokens WHERE project = ?1 AND env_name = ?2)"),
  `${some("tokens", "project, id", "project = ?1 AND env_name = ?2")}
     AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.project = ?1 AND token_id = tokens.id)`,
  some("audit", "rowid", "project = ?1 AND env_name = ?2"),
];
const OF_ALL_TOKENS = [
  some("sessions", "hash", "project = ?1"),
  some("tokens", "project, id", "project = ?1"),
  some("revoked_tokens", "project, id", "project = ?1"),
  some("audit", "rowid", "project = ?1"),
  "DELETE FROM sign_in_codes WHERE about ->> 'project' = ?1",
];

/** Up to 500 rows of each table. Returns whether there may be more. */
export async function deleteRows(control: D1Database, scope: string): Promise<boolean> {
  const { project, envName } = partsOf(scope);
  const statements =
    envName === undefined
      ? OF_ALL_TOKENS.map((sql) => control.prepare(sql).bind(project))
      : [
          ...OF_ENVIRONMENT.map((sql) => control.prepare(sql).bind(scope)),
          ...OF_ITS_TOKENS.map((sql) => control.prepare(sql).bind(project, envName)),
        ];
  const results = await control.batch(statements);
  return results.some(({ meta }) => meta.changes > 0);
}
