/** The table `environments` is a copy of what each coordinator knows of its home. */
import type { Home } from "../home.ts";

const SELECT = "SELECT database, generation FROM environments WHERE scope = ?1";
/** A copy never replaces a newer one, so writers may be late and in any order. */
const NOTE = `
  INSERT INTO environments (scope, database, generation) VALUES (?1, ?2, ?3)
  ON CONFLICT (scope) DO UPDATE SET database = excluded.database, generation = excluded.generation
  WHERE excluded.generation > environments.generation`;

export function noteHome(session: D1Database | D1DatabaseSession, scope: string, home: Home): D1PreparedStatement {
  return session.prepare(NOTE).bind(scope, home.database, home.generation);
}

export function readHome(control: D1Database, scope: string): Promise<Home | null> {
  return control.withSession("first-primary").prepare(SELECT).bind(scope).first<Home>();
}

const LOOKED_AT_MAX = 5000;

const WITH_HOME_HERE = `
  SELECT scope, generation FROM environments INDEXED BY environments_by_database
  WHERE database = ?1 AND scope > ?2 ORDER BY scope LIMIT ?3`;
const LOOKED_AT = `
  SELECT scope FROM coordinators WHERE scope > ?1 ORDER BY scope LIMIT ${LOOKED_AT_MAX}`;
/** An environment from before there was a second database has no row, and lives in database 0. */
const WITHOUT_HOME = `
  SELECT scope, 0 AS generation FROM (${LOOKED_AT}) AS registered
  WHERE NOT EXISTS (SELECT 1 FROM environments WHERE environments.scope = registered.scope)
  ORDER BY scope LIMIT ?2`;
const LAST_LOOKED_AT = `SELECT scope FROM (${LOOKED_AT}) LIMIT 1 OFFSET ${LOOKED_AT_MAX - 1}`;

/** The next scope with rows, by a seek in the index of each table. */
const next = (from: string) => `(
  SELECT min(scope) FROM (
    SELECT min(scope) AS scope FROM runs WHERE scope > ${from}
    UNION ALL
    SELECT min(scope) FROM run_labels WHERE scope > ${from}))`;
const WITH_ROWS = `
  WITH RECURSIVE found (scope) AS (
    SELECT ${next("?1")}
    UNION ALL
    SELECT ${next("found.scope")} FROM found WHERE found.scope IS NOT NULL LIMIT ?2
  )
  SELECT scope FROM found WHERE scope IS NOT NULL`;

/** The environments that live in this database, after the scope `after`. A page can be short and have a next one. */
export async function environmentsIn(control: D1Database, database: number, after: string, limit: number) {
  const session = control.withSession("first-primary");
  const [withHome, withoutHome, last] = await session.batch<{ readonly scope: string; readonly generation: number }>([
    session.prepare(WITH_HOME_HERE).bind(database, after, limit + 1),
    ...(database === 0
      ? [session.prepare(WITHOUT_HOME).bind(after, limit + 1), session.prepare(LAST_LOOKED_AT).bind(after)]
      : []),
  ]);
  const all = [...(withHome?.results ?? []), ...(withoutHome?.results ?? [])].sort((a, b) =>
    a.scope < b.scope ? -1 : 1,
  );
  const end = last?.results[0]?.scope ?? null;
  // Behind the last registration that was looked at, there can be others before the next environment of this database.
  const known = end === null ? all : all.filter(({ scope }) => scope <= end);
  const environments = known.slice(0, limit);
  const next = known.length > limit ? (environments.at(-1)?.scope ?? null) : end;
  return { environments, next };
}

export async function scopesWithRows(db: D1Database, after: string, limit: number): Promise<readonly string[]> {
  const rows = await db.withSession("first-primary").prepare(WITH_ROWS).bind(after, limit).raw<[string]>();
  return rows.map(([scope]) => scope);
}

/** How many rows a statement deletes. D1 runs one statement at a time, so others wait for each. */
const ROWS_MAX = 500;

const SOME_RUNS = `rowid IN (
  SELECT rowid FROM runs INDEXED BY sqlite_autoindex_runs_1 WHERE scope = ?1 LIMIT ${ROWS_MAX})`;
const DELETE_RUNS = `DELETE FROM runs WHERE ${SOME_RUNS}`;
const blank = (column: string) => `${column} = '{}' || printf('%*s', octet_length(${column}) - 2, '')`;
const OVERWRITE_RUNS = `UPDATE runs SET ${blank("body")}, ${blank("details")} WHERE ${SOME_RUNS}`;
const DELETE_LABELS = `
  DELETE FROM run_labels WHERE (scope, label, id) IN (
    SELECT scope, label, id FROM run_labels WHERE scope = ?1 LIMIT ${ROWS_MAX})`;

/** Deletes up to 500 runs and 500 labels of an environment that has left. Returns whether there may be more. */
export async function deleteLeftovers(db: D1Database, scope: string): Promise<boolean> {
  const statements = [DELETE_LABELS, DELETE_RUNS].map((sql) => db.prepare(sql).bind(scope));
  const results = await db.batch(statements);
  return results.some(({ meta }) => meta.changes > 0);
}

/** First commits blank texts, because SQLite does not write to a page that it frees. */
export async function eraseRows(db: D1Database, scope: string): Promise<boolean> {
  await db.prepare(OVERWRITE_RUNS).bind(scope).run();
  return deleteLeftovers(db, scope);
}
