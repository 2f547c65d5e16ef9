/** The table `environments` of the control database: a copy of what each coordinator knows of its home. */

import type { Home } from "../home.ts";

const SELECT = "SELECT database, generation FROM environments WHERE scope = ?1";
/** A copy never replaces a newer one, so writers may be late and in any order. */
const NOTE = `
  INSERT INTO environments (scope, database, generation) VALUES (?1, ?2, ?3)
  ON CONFLICT (scope) DO UPDATE SET database = excluded.database, generation = excluded.generation
  WHERE excluded.generation > environments.generation`;

type Session = D1Database | D1DatabaseSession;

/** Selects the home. The row is a Home; there is none if nobody has chosen it. */
export function selectHome(session: Session, scope: string): D1PreparedStatement {
  return session.prepare(SELECT).bind(scope);
}

/** Notes the home unless a newer one is known. */
export function noteHome(session: Session, scope: string, home: Home): D1PreparedStatement {
  return session.prepare(NOTE).bind(scope, home.database, home.generation);
}

/** From the primary; null if nobody has chosen it. */
export function readHome(control: D1Database, scope: string): Promise<Home | null> {
  return selectHome(control.withSession("first-primary"), scope).first<Home>();
}
