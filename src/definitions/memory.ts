/**
 * What an isolate remembers of one kind of stored definition, so that a run or an attempt seldom reads D1. Secrets stay
 * sealed. A change takes effect at once in its isolate, and within 30 s in others (10 minutes while D1 is down).
 */

import { OutageCache } from "../database/outage-cache.ts";
import { readD1 } from "../database/read-d1.ts";
import type { Hops } from "../http/request-context.ts";
import type { DefinitionRef, StoredKind } from "./kind.ts";
import { type StoredDefinition, selectDefinition } from "./store.ts";

const REMEMBERED_MAX_BYTES = 16 * 1024 * 1024;

/** A definition as it is used, with its secrets still sealed. */
export interface Known<D> extends Omit<StoredDefinition, "definition"> {
  readonly definition: D;
}

/** By scope and name. A definition can come back under its name, so "not found" is never remembered. */
export class DefinitionMemory<D, K extends Known<D> = Known<D>> {
  readonly #complete: (known: Known<D>) => K;
  readonly #known = new OutageCache<K>({
    maxWeight: REMEMBERED_MAX_BYTES,
    weigh: (known) => (known.sealed?.byteLength ?? 0) + heapBytes(known),
    namesOf: (_known, key) => [key],
    missingMs: 0,
  });

  /** `complete`: adds what follows from the definition, so that it is computed once and not for each run. */
  constructor(complete: (known: Known<D>) => K) {
    this.#complete = complete;
  }

  /** Makes a change take effect in this isolate at once. Call this after a change, even if it seems to have failed. */
  forget(ref: DefinitionRef): void {
    this.#known.forget([keyOf(ref)]);
  }

  /**
   * Null if there is no such definition. Throws `database_unavailable`. `waitUntil`: lets a late answer still count.
   */
  look(
    db: D1Database,
    hops: Hops,
    kind: StoredKind,
    ref: DefinitionRef,
    waitUntil: (work: Promise<unknown>) => void,
    now: number,
  ): Promise<K | null> {
    const read = async () => {
      const stored = await readD1(hops, () => selectDefinition(db, kind, ref));
      return stored && this.#complete({ ...stored, definition: JSON.parse(stored.definition) as D });
    };
    return this.#known.get({ key: keyOf(ref), now, read }, waitUntil);
  }
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
    for (const member of members) if (typeof member === "string" || typeof member === "object") open.push(member);
  }
  return bytes;
}

function keyOf({ scope, name }: DefinitionRef): string {
  return `${scope}/${name}`;
}
