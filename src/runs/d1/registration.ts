/**
 * Tells the sweep that a coordinator exists and when to look at it, and where its runs are if there are several
 * databases. A flight to the control database carries the registration, but only if the sweep would otherwise look too
 * late. Beside a flight to another database, the registration goes alone.
 */

import { logFailure } from "../../base/log.ts";
import { MINUTE_MS, within } from "../../base/time.ts";
import type { Home } from "../home.ts";
import { COORDINATORS, type Owner } from "../run-id.ts";
import { noteHome, selectHome } from "./environments.ts";

/** The sweep looks at a coordinator this long after a flight, in case the flight or its repair was lost. */
export const LOOK_AGAIN_MS = 10 * MINUTE_MS;
/**
 * How long a past registration stays valid. The sweep looks a minute after the registered instant, so a busy
 * coordinator registers again before that. A coordinator that always has something due registers twice a minute at
 * most.
 */
const PASSED_MAX_MS = 30_000;
/** The timeout of a registration beside a flight. */
const GIVEN_UP_MS = 10_000;

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

/** Who knows the coordinator's home. `homeIsKnown`: called with what the control database says of the environment. */
export interface HomeKeeper {
  readonly home: Home | null;
  homeIsKnown(home: Home): void;
}

export interface RegistrationParts {
  /** When a run of this coordinator is due next; Infinity if nothing will be due. */
  readonly nextDueAt: (now: number) => number;
  /** Null if there is only one database. */
  readonly keeper: HomeKeeper | null;
  /** Whether a flight of an earlier instance may have left without the registration. */
  readonly isOwed: boolean;
}

/** What the control database is told of. */
interface Registered {
  /** When the sweep must look. */
  readonly dueAt: number;
  readonly home: Home | null;
}

export class Registration {
  readonly #control: D1Database;
  readonly #owner: Owner;
  readonly #nextDueAt: (now: number) => number;
  readonly #keeper: HomeKeeper | null;
  /** The instant that this instance has registered; null if unknown. */
  #dueAt: number | null = null;
  #isUnderWay = false;
  /** Whether a flight has left without it. */
  #isOwed: boolean;

  constructor(control: D1Database, owner: Owner, { nextDueAt, keeper, isOwed }: RegistrationParts) {
    this.#control = control;
    this.#owner = owner;
    this.#nextDueAt = nextDueAt;
    this.#keeper = keeper;
    this.#isOwed = isOwed;
  }

  /** What a flight must register; null if what is registered serves. */
  wanted(now: number): Registered | null {
    const dueAt = Math.min(Math.max(this.#nextDueAt(now), now), now + LOOK_AGAIN_MS);
    const isKnown = this.#dueAt !== null && this.#dueAt <= dueAt && this.#dueAt > now - PASSED_MAX_MS;
    return isKnown ? null : { dueAt, home: this.#keeper?.home ?? null };
  }

  /** In the order in which `registered` gets their results. */
  statements(
    session: D1Database | D1DatabaseSession,
    { dueAt, home }: Registered,
    now: number,
  ): D1PreparedStatement[] {
    const { scope, n } = this.#owner;
    const register = session.prepare(REGISTER).bind(scope, n, dueAt, now);
    return home === null
      ? [register]
      : [register, noteHome(session, scope, home), selectHome(session, scope)];
  }

  /** Call this with the results of the statements. */
  registered({ dueAt }: Registered, results: readonly D1Result[]): void {
    this.#dueAt = dueAt;
    this.#isOwed = false;
    const [known] = (results[2]?.results ?? []) as readonly Home[];
    if (known !== undefined) this.#keeper?.homeIsKnown(known);
  }

  /**
   * Registers beside a flight to another database than the control database, if it is wanted. Never throws and never
   * delays the flight, because a control database that is down must stop no other.
   */
  beside(now: number): void {
    const wanted = this.wanted(now);
    this.#isOwed = wanted !== null;
    if (wanted === null) return;
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    void within(GIVEN_UP_MS, this.#control.batch(this.statements(this.#control, wanted, now)))
      .then((results) => this.registered(wanted, results))
      .catch((error: unknown) => logFailure("registration_failed", error, { coordinator: this.#owner.name }))
      .finally(() => {
        this.#isUnderWay = false;
      });
  }

  /** Whether the repair must try again. */
  get isOwed(): boolean {
    return this.#isOwed;
  }

  /** The next flight registers again. */
  forget(): void {
    this.#dueAt = null;
  }
}
