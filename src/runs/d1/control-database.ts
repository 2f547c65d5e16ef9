/**
 * What a coordinator does in the control database. A batch for it carries the registration for the sweep, but only if
 * the sweep would otherwise look too late. Beside a batch for another database, the registration goes alone.
 */
import { logFailure } from "../../base/log.ts";
import { MINUTE_MS, within } from "../../base/time.ts";
import { endpointKey, type ReadEndpoint } from "../endpoint-deliveries.ts";
import type { Home } from "../home.ts";
import type { ReadSchedule } from "../starts.ts";
import { noteHome } from "./environments.ts";

/** The sweep looks at a coordinator this long after a batch, in case the batch or its retry was lost. */
export const LOOK_AGAIN_MS = 10 * MINUTE_MS;
/** The sweep looks a minute after the registered instant, so a busy coordinator registers twice a minute at most. */
const PASSED_MAX_MS = 30_000;
const GIVEN_UP_MS = 10_000;

/** Keeps an instant that is sooner and still ahead, so that an object that is often evicted seldom writes. */
const REGISTER = `
  INSERT INTO coordinators (scope, due_at) VALUES (?1, ?2)
  ON CONFLICT (scope) DO UPDATE SET due_at = excluded.due_at
  WHERE coordinators.due_at > excluded.due_at OR coordinators.due_at < ?3`;

const REGISTERED = "SELECT 1 FROM coordinators WHERE scope = ?1";

/** `session`: reads the primary, because a replica can lack a new row. */
export function selectRegistered(session: D1DatabaseSession, scope: string): D1PreparedStatement {
  return session.prepare(REGISTERED).bind(scope);
}

/** Registers a coordinator that has something to do now, or whose row a restore of D1 can have lost. */
export function register(db: D1Database, scope: string, now: number): D1PreparedStatement {
  return db.prepare(REGISTER).bind(scope, now, now);
}

export interface HomeKeeper {
  readonly home: Home | null;
  readonly isHomeRegistered: boolean;
  homeRegistered(home: Home): void;
}

interface Registered {
  readonly dueAt: number;
  readonly home: Home | null;
}

interface RegistrationParts {
  readonly nextDueAt: (now: number) => number;
  readonly keeper: HomeKeeper;
  /** Whether a batch of an earlier instance may have been written without the registration. */
  readonly isOwed: boolean;
}

export class Registration {
  readonly #control: D1Database;
  readonly #scope: string;
  readonly #parts: RegistrationParts;
  #dueAt: number | null = null;
  #isUnderWay = false;
  #isOwed: boolean;

  constructor(control: D1Database, scope: string, parts: RegistrationParts) {
    this.#control = control;
    this.#scope = scope;
    this.#parts = parts;
    this.#isOwed = parts.isOwed;
  }

  /** What a batch must register; null if what is registered serves. */
  wanted(now: number): Registered | null {
    const dueAt = Math.min(Math.max(this.#parts.nextDueAt(now), now), now + LOOK_AGAIN_MS);
    const isKnown = this.#dueAt !== null && this.#dueAt <= dueAt && this.#dueAt > now - PASSED_MAX_MS;
    const { home, isHomeRegistered } = this.#parts.keeper;
    return isKnown && isHomeRegistered ? null : { dueAt, home };
  }

  statements(session: D1Database | D1DatabaseSession, { dueAt, home }: Registered, now: number): D1PreparedStatement[] {
    const register = session.prepare(REGISTER).bind(this.#scope, dueAt, now);
    return home === null ? [register] : [register, noteHome(session, this.#scope, home)];
  }

  registered({ dueAt, home }: Registered): void {
    this.#dueAt = dueAt;
    this.#isOwed = false;
    if (home !== null) this.#parts.keeper.homeRegistered(home);
  }

  /** Never throws or delays a batch: a control database that is down must stop no other. */
  beside(now: number): void {
    const wanted = this.wanted(now);
    this.#isOwed = wanted !== null;
    if (wanted === null || this.#isUnderWay) return;
    this.#isUnderWay = true;
    void within(GIVEN_UP_MS, this.#control.batch(this.statements(this.#control, wanted, now)))
      .then(() => this.registered(wanted))
      .catch((error: unknown) => logFailure("registration_failed", error, { coordinator: this.#scope }))
      .finally(() => {
        this.#isUnderWay = false;
      });
  }

  get isOwed(): boolean {
    return this.#isOwed || !this.#parts.keeper.isHomeRegistered;
  }

  forget(): void {
    this.#dueAt = null;
  }
}

export interface ReadDefinitions {
  readonly endpoints: readonly ReadEndpoint[];
  readonly schedules: readonly ReadSchedule[];
}

/** From D1's primary, so that a read which began after a change was written shows the change. */
export async function selectDefinitions(db: D1Database, scope: string): Promise<ReadDefinitions> {
  type Row = Record<"kind" | "name" | "filter", string> & Record<"version" | "createdVersion" | "isDisabled", number>;
  const { results } = await db
    .withSession("first-primary")
    .prepare(
      // Behind the actions, so that they are one range of the index.
      `SELECT kind, name, version, created_version AS createdVersion,
              coalesce(disabled_version = version, 0) AS isDisabled, filter
       FROM definitions WHERE scope = ?1 AND kind > 'action' ORDER BY kind, name`,
    )
    .bind(scope)
    .all<Row>();
  const of = (wanted: string) => results.filter(({ kind }) => kind === wanted);
  const read = ({ version, isDisabled, filter }: Row) => ({ version, isDisabled: isDisabled === 1, filter });
  return {
    endpoints: of("webhook_endpoint").map((row) => ({ endpoint: endpointKey(row), ...read(row) })),
    schedules: of("schedule").map((row) => ({ name: row.name, ...read(row) })),
  };
}

/** From the primary. A token that has only expired is not among them: what it approved counts. */
export async function selectRevoked(db: D1Database, project: string, ids: readonly string[]): Promise<string[]> {
  const select = "SELECT id FROM revoked_tokens WHERE project = ?1 AND id IN (SELECT value FROM json_each(?2))";
  const rows = await db.prepare(select).bind(project, JSON.stringify(ids)).raw<[id: string]>();
  return rows.map(([id]) => id);
}
