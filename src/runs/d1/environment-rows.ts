/**
 * The table `environments` of the control database: in which database the runs of an environment are. It is a copy of
 * what the coordinators know. So a row is replaced only by one with a higher generation.
 */

import type { Home } from "../home.ts";

const SELECT = "SELECT database, generation FROM environments WHERE scope = ?1";
const PLACE = `
  INSERT INTO environments (scope, database, generation) VALUES (?1, ?2, ?3)
  ON CONFLICT (scope) DO UPDATE SET database = excluded.database, generation = excluded.generation
  WHERE excluded.generation > environments.generation`;

/** What the row says; null if the scope has none. Reads the primary, because a replica can lack a move. */
export async function selectHome(control: D1Database, scope: string): Promise<Home | null> {
  return control.withSession("first-primary").prepare(SELECT).bind(scope).first<Home>();
}

/** Writes the home unless the row has one that is as new. */
export function placeStatement(control: D1Database, scope: string, home: Home): D1PreparedStatement {
  return control.prepare(PLACE).bind(scope, home.database, home.generation);
}
