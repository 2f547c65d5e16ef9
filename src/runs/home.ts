/** Where an environment's runs are in D1: in which database, and since which move. PURE. */

import { DATABASE_MAX } from "../settings/databases.ts";

/** The database where an environment's runs land. Of two homes, the one with the higher generation counts. */
export interface Home {
  /** Its number: 0 is the control database. */
  readonly database: number;
  readonly generation: number;
}

/** The home of an environment that was never placed anywhere: all were here before there was a second database. */
export const FIRST_HOME: Home = { database: 0, generation: 0 };

/** The one with the higher generation; null if there is none. */
export function newerHome(a: Home | null, b: Home | null): Home | null {
  if (a === null || b === null) return a ?? b;
  return b.generation > a.generation ? b : a;
}

/** A bookmark of the database with this number. */
export interface DatabaseBookmark {
  readonly database: number;
  /** As D1 gave it. Of two bookmarks of one database, the greater text is the later one. */
  readonly bookmark: string;
}

const NUMBERED = /^(0|[1-9]\d?):([0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32})$/;

/** D1's bookmark with the number of its database, because bookmarks of two databases can't be compared. */
export function numberedBookmark(database: number, bookmark: string): string {
  return `${database}:${bookmark}`;
}

/** What `numberedBookmark` has made; null for any other text. Callers send texts that they made up. */
export function parseNumberedBookmark(text: string): DatabaseBookmark | null {
  const [, number, bookmark] = NUMBERED.exec(text) ?? [];
  const database = Number(number);
  return bookmark === undefined || database > DATABASE_MAX ? null : { database, bookmark };
}
