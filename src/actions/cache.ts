/**
 * What an isolate remembers of stored actions, so that a run seldom reads D1. Secrets stay sealed here. A change takes
 * effect at once in the isolate that made it, and within 30 s in the others (10 minutes while D1 is down).
 */

import { OutageCache } from "../database/outage-cache.ts";
import { readD1 } from "../database/read-d1.ts";
import type { Hops } from "../http/app-env.ts";
import { type CheckedSchema, checkSchema } from "../json-schema/check-schema.ts";
import type { ActionRef } from "./action-ref.ts";
import type { ActionDefinition } from "./definition.ts";
import { type StoredAction, selectAction } from "./store.ts";

const REMEMBERED_MAX_BYTES = 16 * 1024 * 1024;

/** An action as a run needs it, with its secrets still sealed. */
export interface KnownAction {
  readonly version: number;
  readonly definition: ActionDefinition;
  readonly schema: CheckedSchema | null;
  readonly sealed: Uint8Array<ArrayBuffer> | null;
}

/** Per isolate, by scope and name. An action can come back under its name, so "not found" is never remembered. */
const known = new OutageCache<KnownAction>({
  maxWeight: REMEMBERED_MAX_BYTES,
  weigh: (action) => (action.sealed?.byteLength ?? 0) + heapBytes(action),
  namesOf: (_action, key) => [key],
  missingMs: 0,
});

/** Makes a change take effect in this isolate at once. Call this after a change, even if it seems to have failed. */
export function forgetAction(ref: ActionRef): void {
  known.forget([keyOf(ref)]);
}

/**
 * The action, or null if there is none. Reads D1's primary at most once, and again after each change that this isolate
 * makes meanwhile. Throws `database_unavailable`. `waitUntil`: lets a late answer of D1 still count.
 */
export async function knownAction(
  db: D1Database,
  hops: Hops,
  ref: ActionRef,
  now: number,
  waitUntil: (work: Promise<unknown>) => void,
): Promise<KnownAction | null> {
  const key = keyOf(ref);
  const action = known.recall(key, now);
  if (action !== undefined) return action;
  const read = async () => {
    const stored = await readD1(hops, () => selectAction(db, ref));
    return stored === null ? null : toKnown(stored);
  };
  return known.lookUp({ key, now, read }, waitUntil);
}

function toKnown({ version, definition: text, sealed }: StoredAction): KnownAction {
  const definition = JSON.parse(text) as ActionDefinition;
  const checked = definition.parametersSchema === undefined ? null : checkSchema(definition.parametersSchema);
  // Only if a later release accepts less. Runs without the check would be worse than no runs.
  if (checked !== null && !checked.ok)
    throw new Error(`a stored schema is refused: ${checked.error.pointer}`);
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

function keyOf({ scope, name }: ActionRef): string {
  return `${scope}/${name}`;
}
