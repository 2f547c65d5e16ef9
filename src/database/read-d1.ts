/** Reads D1 within bounds. Reads are counted and time out, and D1's own errors never reach a response. */

import { Timeout, within } from "../base/time.ts";
import type { Hops } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { isDatabaseFull } from "./d1-errors.ts";

const READ_MAX_MS = 5000;

export const DATABASE_FULL =
  "The database is full. Lower RETENTION_DAYS, or move some organizations to a second deployment.";

/**
 * Runs a read, and retries it once if it takes over 5 s. Throws `database_unavailable`, or `storage_full` for a write to
 * a full database.
 */
export async function readD1<T>(hops: Hops, read: () => Promise<T>): Promise<T> {
  try {
    return await timed(hops, read).catch((error: unknown) => {
      if (error instanceof Timeout) return timed(hops, read);
      throw error;
    });
  } catch (error) {
    if (isDatabaseFull(error)) throw new ApiError("storage_full", DATABASE_FULL, { cause: error });
    throw new ApiError("database_unavailable", undefined, { cause: error });
  }
}

function timed<T>(hops: Hops, read: () => Promise<T>): Promise<T> {
  hops.d1++;
  return within(READ_MAX_MS, read());
}
