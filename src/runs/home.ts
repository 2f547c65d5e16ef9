/** Where an environment's runs are in D1: in which database, and since which move. PURE. */

/** The primary database of an environment. Of two homes, the one with the higher generation counts. */
export interface Home {
  /** Its number: 0 is the control database. */
  readonly database: number;
  readonly generation: number;
}

/** The home of an environment for which nobody has chosen one: all were here before there was a second database. */
export const FIRST_HOME: Home = { database: 0, generation: 0 };

/** The one with the higher generation; null if there is none. */
export function newerHome(a: Home | null, b: Home | null): Home | null {
  if (a === null || b === null) return a ?? b;
  return b.generation > a.generation ? b : a;
}
