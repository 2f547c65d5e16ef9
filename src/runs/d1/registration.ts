/**
 * Tells the sweep that a coordinator exists and when to look at it. A flight carries the registration, but only if the
 * sweep would otherwise look too late.
 */

import { MINUTE_MS } from "../../base/time.ts";
import { COORDINATORS, type Owner } from "../run-id.ts";

/** The sweep looks at a coordinator this long after a flight, in case the flight or its repair was lost. */
export const LOOK_AGAIN_MS = 10 * MINUTE_MS;
/**
 * How long a past registration stays valid. The sweep looks a minute after the registered instant, so a busy
 * coordinator registers again before that. A coordinator that always has something due registers twice a minute at
 * most.
 */
const PASSED_MAX_MS = 30_000;

/** Keeps an instant that is sooner and still ahead, so that an object that is often evicted seldom writes. */
const REGISTER = `
  INSERT INTO coordinators (scope, n, due_at) VALUES (?1, ?2, ?3)
  ON CONFLICT (scope, n) DO UPDATE SET due_at = excluded.due_at
  WHERE coordinators.due_at > excluded.due_at OR coordinators.due_at < ?4`;

const NUMBERS = "SELECT n FROM coordinators WHERE scope = ?1 ORDER BY n";
const REGISTER_ALL = `
  INSERT OR IGNORE INTO coordinators (scope, n, due_at) SELECT ?1, value, ?2 FROM json_each(?3)`;

/** The numbers of the scope's coordinators. Reads the primary, because a replica can lack what another one has. */
export async function registeredNumbers(db: D1Database, scope: string): Promise<number[]> {
  const rows = await db.withSession("first-primary").prepare(NUMBERS).bind(scope).raw<[n: number]>();
  return rows.map(([n]) => n);
}

/**
 * Registers all coordinators of a scope, because a restore of D1 can lose their rows. The sweep calls each and removes
 * those that keep nothing.
 */
export function registerAll(db: D1Database, scope: string, now: number): D1PreparedStatement {
  const numbers = Array.from({ length: COORDINATORS }, (_, n) => n);
  return db.prepare(REGISTER_ALL).bind(scope, now, JSON.stringify(numbers));
}

/** Registers one coordinator that has something to do now. */
export function registerOne(
  db: D1Database,
  { scope, n }: Pick<Owner, "scope" | "n">,
  now: number,
): D1PreparedStatement {
  return db.prepare(REGISTER).bind(scope, n, now, now);
}

export class Registration {
  readonly #owner: Pick<Owner, "scope" | "n">;
  readonly #nextDueAt: (now: number) => number;
  /** The instant that this instance has registered; null if unknown. */
  #dueAt: number | null = null;

  constructor(owner: Pick<Owner, "scope" | "n">, nextDueAt: (now: number) => number) {
    this.#owner = owner;
    this.#nextDueAt = nextDueAt;
  }

  /** The instant that a flight must register; null if the registered one serves. */
  wanted(now: number): number | null {
    const dueAt = Math.min(Math.max(this.#nextDueAt(now), now), now + LOOK_AGAIN_MS);
    const isKnown = this.#dueAt !== null && this.#dueAt <= dueAt && this.#dueAt > now - PASSED_MAX_MS;
    return isKnown ? null : dueAt;
  }

  statement(session: D1DatabaseSession, dueAt: number, now: number): D1PreparedStatement {
    const { scope, n } = this.#owner;
    return session.prepare(REGISTER).bind(scope, n, dueAt, now);
  }

  registered(dueAt: number): void {
    this.#dueAt = dueAt;
  }

  /** The next flight registers again. */
  forget(): void {
    this.#dueAt = null;
  }
}
