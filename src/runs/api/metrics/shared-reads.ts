/**
 * Shares one read among the requests of an isolate: those that wait for it, and those of the next 10 s. Only requests
 * that waited share a failure. A waiting request polls plain data and does not await the other request's promise,
 * because that promise never settles if the other request is cancelled.
 */

import { BoundedMap } from "../../../base/bounded-map.ts";
import { msSinceOrLongAgo } from "../../../base/time.ts";
import { ApiError, toApiError } from "../../../http/errors.ts";

/**
 * Counted from the beginning of the read. So of two requests that are further apart, the later one never gets an older
 * text, even if two isolates answer them.
 */
const SHARED_MS = 10_000;
/** When a read that is not over counts as cancelled. */
const READ_MAX_MS = 20_000;
const POLL_MS = 50;
const MAX_KEYS = 500;

/** `result` is null while the read is under way. */
interface Read {
  readonly at: number;
  result: string | ApiError | null;
}

export class SharedReads {
  readonly #reads = new BoundedMap<Read>(MAX_KEYS);

  /** What `read` returns, or another request's read has returned. Throws an ApiError. */
  async get(key: string, read: () => Promise<string>): Promise<string> {
    const last = this.#reads.get(key);
    const maxMs = last?.result === null ? READ_MAX_MS : SHARED_MS;
    if (last === undefined || msSinceOrLongAgo(last.at, Date.now()) >= maxMs) return this.#read(key, read);
    while (last.result === null) {
      await scheduler.wait(POLL_MS);
      if (last.result === null && msSinceOrLongAgo(last.at, Date.now()) >= READ_MAX_MS) return this.get(key, read);
    }
    if (typeof last.result === "string") return last.result;
    // Without the cause, so that the log has it once.
    throw new ApiError(last.result.code, last.result.message);
  }

  async #read(key: string, read: () => Promise<string>): Promise<string> {
    const now = Date.now();
    const entry: Read = { at: now, result: null };
    this.#reads.set(key, entry);
    // The oldest come first.
    this.#reads.evictWhile(({ at }) => msSinceOrLongAgo(at, now) >= READ_MAX_MS);
    try {
      const text = await read();
      entry.result = text;
      return text;
    } catch (thrown) {
      const error = toApiError(thrown);
      entry.result = error;
      // Later requests read again.
      if (this.#reads.get(key) === entry) this.#reads.delete(key);
      throw error;
    }
  }
}
