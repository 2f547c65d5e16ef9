/**
 * Ended runs that this isolate remembers, because they never change again. Bounded by bytes and by age. A run is found
 * only under its scope. Whoever reads from here must have authorized the request.
 */

import { BoundedMap } from "../../../base/bounded-map.ts";
import { utf8Bytes } from "../../../base/limits.ts";
import { msSinceOrLongAgo } from "../../../base/time.ts";

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_AGE_MS = 60_000;
const ENTRY_OVERHEAD_BYTES = 256;

/** As a ReadRun. */
interface EndedRun {
  readonly actionRun: string;
  /** Undefined if nobody has asked for them yet. */
  readonly details?: string;
}

interface Entry extends EndedRun {
  readonly bytes: number;
  readonly readAt: number;
  readonly purgeAt: number;
}

const entries = new BoundedMap<Entry>(MAX_BYTES, ({ bytes }) => bytes);

export function recallEnded(scope: string, id: string, now: number): EndedRun | null {
  const entry = entries.get(`${scope}/${id}`);
  if (entry === undefined || now >= entry.purgeAt || msSinceOrLongAgo(entry.readAt, now) >= MAX_AGE_MS) return null;
  return entry;
}

export function rememberEnded(
  scope: string,
  id: string,
  { actionRun, details }: EndedRun,
  purgeAt: number,
  now: number,
): void {
  const bytes = utf8Bytes(actionRun) + utf8Bytes(details ?? "") + ENTRY_OVERHEAD_BYTES;
  const detailed = details === undefined ? {} : { details };
  entries.set(`${scope}/${id}`, { actionRun, ...detailed, bytes, readAt: now, purgeAt });
  // All entries live equally long, so the expired ones come first. Otherwise they would take up memory until the bytes
  // run out.
  entries.evictWhile((entry) => msSinceOrLongAgo(entry.readAt, now) >= MAX_AGE_MS);
}
