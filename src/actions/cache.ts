/**
 * What an isolate remembers of stored actions, so that a run seldom reads D1. Secrets stay sealed here.
 * A change takes effect within 30 s: in the isolate that made it at once, in the others when their memory is stale.
 */

import { BoundedMap } from "../bounded-map.ts";
import { msSince } from "../elapsed.ts";
import { ApiError } from "../http/errors.ts";
import type { Hops } from "../http/hops.ts";
import { readD1 } from "../http/read-d1.ts";
import type { ActionDefinition } from "./definition.ts";
import { type CheckedSchema, checkSchema } from "./schema/check-schema.ts";
import { type ActionPlace, type StoredAction, selectAction } from "./store.ts";

const KNOWN_MS = 30_000;
/** Runs of a known action go on while D1 is down, because changing the action needs D1 as well. */
const KNOWN_IN_OUTAGE_MS = 600_000;
/** The timeout of a remembered action's look-up, and the time until D1 is asked again. */
const LOOK_UP_MAX_MS = 1000;
const LOOK_UP_AGAIN_MS = 5000;
const REMEMBERED_MAX_BYTES = 16 * 1024 * 1024;

/** An action as a run needs it, with its secrets still sealed. */
export interface KnownAction {
  readonly version: number;
  readonly definition: ActionDefinition;
  readonly schema: CheckedSchema | null;
  readonly sealed: Uint8Array<ArrayBuffer> | null;
}

interface Remembered {
  readonly action: KnownAction;
  readonly bytes: number;
  /** When D1 answered. */
  readonly readAt: number;
  /** When D1 answered or failed to, and how long the entry is used without asking again. */
  readonly askedAt: number;
  readonly freshMs: number;
}

/** Per isolate, by scope and name. "Not found" is never remembered. */
const remembered = new BoundedMap<Remembered>(REMEMBERED_MAX_BYTES, ({ bytes }) => bytes);
/** Per isolate: counts what was forgotten. A look-up that began before a change must not bring the old version back. */
let forgotten = 0;

/** Makes a change take effect in this isolate at once. Call this after the change, even if the change seems to have failed. */
export function forgetAction(place: ActionPlace): void {
  forgotten++;
  remembered.delete(keyOf(place));
}

/**
 * The action, or null if there is none. Reads D1's primary at most once. Throws `database_unavailable`.
 * `waitUntil` lets a late answer of D1 still count. Otherwise a slow database would keep an old version in use.
 */
export async function knownAction(
  db: D1Database,
  hops: Hops,
  place: ActionPlace,
  now: number,
  waitUntil: (work: Promise<unknown>) => void,
): Promise<KnownAction | null> {
  const known = remembered.get(keyOf(place));
  if (known !== undefined && msSince(known.askedAt, now) < known.freshMs) return known.action;
  const before = forgotten;
  const lookUp = readD1(hops, () => selectAction(db, place)).then((stored) =>
    remember(place, stored, now, before),
  );
  if (known === undefined || msSince(known.readAt, now) >= KNOWN_IN_OUTAGE_MS) return lookUp;
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), LOOK_UP_MAX_MS);
  const found = await Promise.race([lookUp.catch(lateIfDown), late]);
  clearTimeout(timer);
  if (found !== "late") return found;
  if (forgotten === before) {
    remembered.set(keyOf(place), { ...known, askedAt: now, freshMs: LOOK_UP_AGAIN_MS });
  }
  waitUntil(lookUp.catch(() => null));
  return known.action;
}

/** Only an outage lets an old version stay in use. A bug must not. */
function lateIfDown(error: unknown): "late" {
  if (error instanceof ApiError) return "late";
  throw error;
}

function remember(
  place: ActionPlace,
  stored: StoredAction | null,
  now: number,
  before: number,
): KnownAction | null {
  const action = stored === null ? null : toKnown(stored);
  if (forgotten !== before) return action;
  if (action === null || stored === null) remembered.delete(keyOf(place));
  else {
    const bytes = (stored.sealed?.byteLength ?? 0) + heapBytes(action);
    remembered.set(keyOf(place), { action, bytes, readAt: now, askedAt: now, freshMs: KNOWN_MS });
  }
  return action;
}

export function toKnown({ version, definition: text, sealed }: StoredAction): KnownAction {
  const definition = JSON.parse(text) as ActionDefinition;
  const checked = definition.parametersSchema === undefined ? null : checkSchema(definition.parametersSchema);
  // Only if a later release accepts less. Runs without the check would be worse than no runs.
  if (checked !== null && !checked.ok) throw new Error(`a stored schema is refused: ${checked.error.path}`);
  return { version, definition, schema: checked?.value ?? null, sealed };
}

const OBJECT_BYTES = 64;
const MEMBER_BYTES = 16;

/** About how much memory a value takes: a checked schema can take far more than its JSON. */
function heapBytes(value: unknown): number {
  let bytes = 0;
  const seen = new Set<object>();
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next === "string") bytes += 2 * next.length;
    if (typeof next !== "object" || next === null || ArrayBuffer.isView(next) || seen.has(next)) continue;
    seen.add(next);
    const members = next instanceof Map || next instanceof Set ? [...next].flat() : Object.values(next);
    bytes += OBJECT_BYTES + MEMBER_BYTES * members.length;
    for (const member of members)
      if (typeof member === "string" || typeof member === "object") open.push(member);
  }
  return bytes;
}

function keyOf({ scope, name }: ActionPlace): string {
  return `${scope}/${name}`;
}
