/** Reading D1 within bounds: counted, timed out, and its errors kept out of answers. */

import { isDatabaseFull } from "./d1-errors.ts";
import { databaseFull, unavailable } from "./errors.ts";
import type { Hops } from "./hops.ts";

const READ_MAX_MS = 5000;
const BOOKMARK = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/;

/** What is prepared and what is bound to it. */
export interface Statement {
  readonly sql: string;
  readonly bindings: readonly (string | number)[];
}

/**
 * Runs a read; one that takes over 5 s is tried once more. Throws `database_unavailable`, or `storage_full` for a write
 * that finds no room.
 */
export async function readD1<T>(hops: Hops, read: () => Promise<T>): Promise<T> {
  try {
    try {
      return await timed(hops, read);
    } catch (error) {
      if (!(error instanceof ReadTimeout)) throw error;
      return await timed(hops, read);
    }
  } catch (error) {
    if (isDatabaseFull(error)) throw databaseFull(error);
    throw unavailable(
      "database_unavailable",
      "The database did not answer: try again in a few seconds.",
      error,
    );
  }
}

/** Where a read may be served from: a malformed bookmark is ignored, as if none had been sent. */
export function sessionFor(db: D1Database, bookmark: string | undefined): D1DatabaseSession {
  return db.withSession(bookmark !== undefined && BOOKMARK.test(bookmark) ? bookmark : "first-unconstrained");
}

class ReadTimeout extends Error {}

async function timed<T>(hops: Hops, read: () => Promise<T>): Promise<T> {
  hops.d1++;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new ReadTimeout(`no answer within ${READ_MAX_MS} ms`)), READ_MAX_MS);
  try {
    return await Promise.race([read(), promise]);
  } finally {
    clearTimeout(timer);
  }
}
