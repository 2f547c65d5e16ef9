/**
 * What the isolate remembers of runs that have ended, for they never change again. Per isolate, bounded by bytes
 * and by age, keyed by scope and id, and asked only after the caller was found to be allowed. No shared cache.
 */

import { msSince } from "../../elapsed.ts";
import { utf8Bytes } from "../../http/limits.ts";

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_AGE_MS = 60_000;
const ENTRY_OVERHEAD_BYTES = 256;

interface Entry {
  readonly actionRun: string;
  readonly bytes: number;
  readonly readAt: number;
  readonly purgeAt: number;
}

const entries = new Map<string, Entry>();
let heldBytes = 0;

export function recallEnded(scope: string, id: string, now: number): string | null {
  const entry = entries.get(`${scope}/${id}`);
  if (entry === undefined || now >= entry.purgeAt || msSince(entry.readAt, now) >= MAX_AGE_MS) return null;
  return entry.actionRun;
}

export function rememberEnded(
  scope: string,
  id: string,
  actionRun: string,
  purgeAt: number,
  now: number,
): void {
  const key = `${scope}/${id}`;
  drop(key);
  const bytes = utf8Bytes(actionRun) + ENTRY_OVERHEAD_BYTES;
  entries.set(key, { actionRun, bytes, readAt: now, purgeAt });
  heldBytes += bytes;
  // Expired entries come first, because all live equally long. Kept until the bytes run out, they only take up memory.
  for (const [oldest, entry] of entries) {
    if (heldBytes <= MAX_BYTES && msSince(entry.readAt, now) < MAX_AGE_MS) break;
    drop(oldest);
  }
}

function drop(key: string): void {
  const entry = entries.get(key);
  if (entry === undefined) return;
  entries.delete(key);
  heldBytes -= entry.bytes;
}
