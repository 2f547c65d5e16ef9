/**
 * What an isolate remembers of rows in D1, so that a request seldom reads D1, and still works while D1 is down. A value
 * is *fresh* for FRESH_MS. After that, D1 is asked, and the value is an *outage copy*: it is used if D1 does not answer
 * in time, for OUTAGE_MS at most. The price: while D1 does not answer this isolate, a change that another isolate makes
 * takes effect here only after OUTAGE_MS.
 *
 * The result of a lookup that began before a call of `forget` never counts, whenever it comes. The order is counted and
 * not timed, because the clock can step back, and it stands still while a Worker computes.
 */

import { BoundedMap } from "../base/bounded-map.ts";
import { msSinceOrLongAgo, Timeout, within } from "../base/time.ts";
import { ApiError } from "../http/errors.ts";

const FRESH_MS = 30_000;
const OUTAGE_MS = 600_000;
/** The timeout of a lookup that has an outage copy. */
const LOOK_UP_MAX_MS = 1000;
/** How long after such a timeout D1 is asked again. */
const LOOK_UP_AGAIN_MS = 5000;
const MISSING_MAX = 1000;
const FORGOTTEN_MAX = 1000;
const LATE = Symbol("late");

interface OutageCacheOptions<V> {
  /** The weight of all values together. The value whose last lookup is longest ago is evicted first. */
  readonly maxWeight: number;
  /** Called once for a value. */
  readonly weigh: (value: V) => number;
  /** The names by which `forget` finds the value. Empty if the value is null and its names can't be known. */
  readonly namesOf: (value: V | null, key: string) => readonly string[];
  /** How long "no such row" is remembered. `forget` does not clear it. Use 0 if a row can reappear under its key. */
  readonly missingMs: number;
}

interface Remembered<V> {
  readonly value: V;
  readonly weight: number;
  /** The number of the event at which the lookup that found it began. */
  readonly began: number;
  /** The `now` of the lookup that found it. */
  readonly readAt: number;
  /** When D1 was last asked, with or without success, and how long the value is used before D1 is asked again. */
  readonly askedAt: number;
  readonly freshMs: number;
}

interface LookUp<V> {
  readonly key: string;
  readonly now: number;
  /** Reads D1's primary; null if there is no such row. An ApiError is an outage. Any other error is a bug. */
  readonly read: () => Promise<V | null>;
}

export class OutageCache<V> {
  readonly #options: OutageCacheOptions<V>;
  readonly #remembered: BoundedMap<Remembered<V>>;
  /** In a map of its own, so that made-up keys evict nothing that exists. */
  readonly #missing = new BoundedMap<{ readonly began: number; readonly readAt: number }>(MISSING_MAX);
  /** Names, and the number of the event at which each was forgotten, the oldest first. */
  readonly #forgotten = new Map<string, number>();
  /** Names that were forgotten up to this event are no longer in `#forgotten`. */
  #forgottenUpTo = 0;
  /** Counts lookups that began and calls of `forget`. */
  #events = 0;

  constructor(options: OutageCacheOptions<V>) {
    this.#options = options;
    this.#remembered = new BoundedMap(options.maxWeight, ({ weight }) => weight);
  }

  /** The value, null if there is none, undefined if D1 must be asked. */
  recall(key: string, now: number): V | null | undefined {
    const found = this.#remembered.get(key);
    if (found !== undefined && msSinceOrLongAgo(found.askedAt, now) < found.freshMs) return found.value;
    const missing = this.#missing.get(key);
    return missing !== undefined && msSinceOrLongAgo(missing.readAt, now) < this.#options.missingMs ? null : undefined;
  }

  /** The value that is remembered or that D1 has, null if there is none. See `lookUp`. */
  async get(wanted: LookUp<V>, waitUntil: (work: Promise<unknown>) => void): Promise<V | null> {
    const known = this.recall(wanted.key, wanted.now);
    return known === undefined ? this.lookUp(wanted, waitUntil) : known;
  }

  hasOutageCopy(key: string, now: number): boolean {
    return this.#outageCopy(key, now) !== undefined;
  }

  /**
   * Reads D1, and again as often as the value is forgotten meanwhile. Throws what `read` throws. If D1 does not answer
   * in time, the result is the outage copy, and `waitUntil` lets the late answer still count.
   */
  async lookUp(lookUp: LookUp<V>, waitUntil: (work: Promise<unknown>) => void): Promise<V | null> {
    const { key, now } = lookUp;
    const copy = this.#outageCopy(key, now);
    const answer = this.#ask(lookUp);
    if (copy === undefined) return answer;
    const inTime = await within(LOOK_UP_MAX_MS, answer).catch((error: unknown): typeof LATE => {
      // Only an outage lets an old value stay in use. A bug must not.
      if (error instanceof Timeout || error instanceof ApiError) return LATE;
      throw error;
    });
    if (inTime !== LATE) return inTime;
    const current = this.#remembered.get(key);
    // Forgotten meanwhile, so only D1 knows the current value.
    if (current === undefined) return answer;
    if (current === copy) {
      this.#remembered.set(key, { ...copy, askedAt: now, freshMs: LOOK_UP_AGAIN_MS });
    }
    waitUntil(answer.catch(() => null));
    return current.value;
  }

  /** The names of the remembered values that pass. */
  namesOf(passes: (value: V) => boolean): string[] {
    return [...this.#remembered.entries()].flatMap(([key, { value }]) =>
      passes(value) ? this.#options.namesOf(value, key) : [],
    );
  }

  /** Call this when the rows have changed, even if the change seems to have failed. */
  forget(names: readonly string[]): void {
    const at = ++this.#events;
    const gone = new Set(names);
    for (const [key, { value }] of this.#remembered.entries()) {
      if (this.#options.namesOf(value, key).some((name) => gone.has(name))) this.#remembered.delete(key);
    }
    for (const name of gone) {
      this.#forgotten.delete(name);
      this.#forgotten.set(name, at);
    }
    for (const [name, forgottenAt] of this.#forgotten) {
      if (this.#forgotten.size <= FORGOTTEN_MAX) break;
      this.#forgotten.delete(name);
      this.#forgottenUpTo = forgottenAt;
    }
  }

  #outageCopy(key: string, now: number): Remembered<V> | undefined {
    const found = this.#remembered.get(key);
    return found !== undefined && msSinceOrLongAgo(found.readAt, now) < OUTAGE_MS ? found : undefined;
  }

  async #ask(lookUp: LookUp<V>): Promise<V | null> {
    const began = ++this.#events;
    const value = await lookUp.read();
    // This value may be older than the change, so D1 is asked again.
    if (this.#isForgottenSince(began, this.#options.namesOf(value, lookUp.key))) return this.#ask(lookUp);
    this.#note(lookUp, value, began);
    return value;
  }

  #isForgottenSince(began: number, names: readonly string[]): boolean {
    return names.some((name) => began < Math.max(this.#forgottenUpTo, this.#forgotten.get(name) ?? 0));
  }

  /** Two lookups of a key can be under way. The answer of the one that began last counts. */
  #note({ key, now }: LookUp<V>, value: V | null, began: number): void {
    const last = Math.max(this.#remembered.get(key)?.began ?? 0, this.#missing.get(key)?.began ?? 0);
    if (began < last) return;
    if (value === null) {
      this.#remembered.delete(key);
      this.#missing.set(key, { began, readAt: now });
      return;
    }
    this.#missing.delete(key);
    const weight = this.#options.weigh(value);
    this.#remembered.set(key, { value, weight, began, readAt: now, askedAt: now, freshMs: FRESH_MS });
  }
}
