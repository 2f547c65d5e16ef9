/**
 * The calls between the Worker and a coordinator, by subject, and how the Worker makes them. Old and new code meet
 * during a deploy, so only add. Refusals are values, because an error loses its class on its way.
 */

import type { Env } from "../settings/env.ts";
import type { BulkCalls } from "./bulk.ts";
import type { EndpointCalls, EndpointKey } from "./endpoint-deliveries.ts";
import type { Home, MoveCalls } from "./home.ts";
import type { GateCalls, RunCalls, WatchCalls } from "./run-calls.ts";
import type { EnvironmentCounts } from "./run-counts.ts";
import type { RunPageQuery, TextQuery } from "./run-filters.ts";
import type { ScheduleCalls } from "./starts.ts";

export interface Coordinator {
  readonly runs: RunCalls;
  readonly gates: GateCalls;
  readonly watches: WatchCalls;
  readonly definitions: DefinitionCalls;
  readonly endpoints: EndpointCalls;
  readonly schedules: ScheduleCalls;
  readonly upkeep: UpkeepCalls;
  readonly bulk: BulkCalls;
  readonly archive: ArchiveCalls;
  readonly moves: MoveCalls;
  readonly purges: PurgeCalls;
  readonly erasing: ErasingCalls;
}

export interface DefinitionCalls {
  /** Before a change is written: each later event goes to the endpoints that D1 has then. `created`: a new one. */
  note(created: EndpointKey | null): Promise<void>;
  /** When the change is written. Rejects while D1 does not answer. */
  changed(): Promise<void>;
}

/** It has one method, so that a call is declared once: in its subject. */
export interface CoordinatorObject {
  call(subject: keyof Coordinator, name: string, args: readonly unknown[]): Promise<unknown>;
}

export function coordinatorOf(object: CoordinatorObject): Coordinator {
  const subjects: unknown = new Proxy({}, { get: (_, subject) => callsOf(object, subject as keyof Coordinator) });
  return subjects as Coordinator;
}

function callsOf(object: CoordinatorObject, subject: keyof Coordinator): object {
  const get =
    (_: object, name: string | symbol) =>
    async (...args: unknown[]) => {
      const answer = await object.call(subject, String(name), args);
      if (answer === ERASING) throw new EnvironmentErasing();
      return answer;
    };
  return new Proxy({}, { get });
}

/** What an environment that is being erased answers to nearly every call. No other answer is this text. */
export const ERASING = "environment_erasing";

export class EnvironmentErasing extends Error {}

/** An object has another id in each jurisdiction, so with another setting, nobody finds the runs that exist. */
export function coordinatorsIn({ COORDINATORS, JURISDICTION }: CoordinatorEnv): DurableObjectNamespace {
  return JURISDICTION ? COORDINATORS.jurisdiction(JURISDICTION as DurableObjectJurisdiction) : COORDINATORS;
}

type CoordinatorEnv = Pick<Env, "COORDINATORS" | "JURISDICTION">;

/**
 * The call is counted, and repeated once if nobody can know whether it ran. Every change but a heartbeat carries a key,
 * so a repetition gets the same answer. A repeated heartbeat is harmless.
 */
export async function callCoordinator<T>(
  env: CoordinatorEnv,
  hops: { coordinator: number },
  scope: string,
  call: (coordinator: Coordinator) => Promise<T>,
): Promise<T> {
  const attempt = () => {
    hops.coordinator++;
    // A new stub each time, because a stub that has thrown stays broken.
    const stub: unknown = coordinatorsIn(env).getByName(scope);
    return call(coordinatorOf(stub as CoordinatorObject));
  };
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof EnvironmentErasing) throw error;
    // A retry would make an overloaded object worse.
    if (error instanceof Error && "overloaded" in error && error.overloaded === true) throw error;
    return attempt();
  }
}

export interface LackingRun {
  readonly id: string;
  readonly body: string;
  readonly details?: string;
}

/** What the primary database lacks of a query. A list reads the database without `ids`, and adds `runs`. */
export interface Lacking {
  readonly ok: true;
  /** The primary. Null if nobody has decided yet, and then no database has a run. */
  readonly home: Home | null;
  /** Whether it is being rebuilt, and may lack other runs as well. */
  readonly isStale: boolean;
  /** Up to `completeTo`: every run that the primary lacks and that any version can bring into the query. */
  readonly ids: readonly string[];
  /** Those of them that match now: at most one more than the limit. */
  readonly runs: readonly LackingRun[];
  /** The id up to which this is complete; null if it is complete to the end. */
  readonly completeTo: string | null;
}

export type LackingReply = Lacking | { readonly ok: false; readonly reason: "overloaded" };

interface SearchAnswer {
  readonly ok: true;
  readonly home: Home | null;
  readonly isStale: boolean;
  readonly runs: readonly string[];
  readonly nextAfter: string | null;
}

export type SearchReply =
  | SearchAnswer
  | { readonly ok: false; readonly reason: "too_many_searches" | "database_unavailable" | "database_not_bound" };

/** How late the platform may run an alarm. An alarm that is later counts as dropped. */
export const ALARM_LATE_MS = 60_000;

export interface UpkeepCalls {
  /** Call it before the database is read. */
  lacking(query: RunPageQuery): Promise<LackingReply>;
  /** From the primary and the journal. One at a time: the next waits, or is refused. */
  search(query: TextQuery): Promise<SearchReply>;
  /** For metrics: the environment as it is, and all runs that have ended since the first call. */
  counts(): Promise<EnvironmentCounts>;
  /**
   * Sets an alarm that was dropped. Returns when the sweep must look again, which can be in the past; null if the
   * coordinator keeps nothing any more. One that has counted runs always keeps something.
   */
  poke(): Promise<number | null>;
  /** A repeated call does not start over. `home`: the newest that the caller knows; a restored object can lack a move. */
  resync(home?: Home | null): Promise<number>;
}

export interface PurgeEffect {
  readonly shortened: number;
  readonly remaining: number;
}

/** Instants in ms. `completedAt`: when the last run was removed that was due at the request; null before. */
export interface PurgeState extends PurgeEffect {
  readonly days: number;
  readonly requestedAt: number;
  readonly completedAt: number | null;
}

export interface PurgeCalls {
  /** Replaces a purge for other days, and returns one for the same. Null, without a write, if there never was a run. */
  begin(days: number): Promise<PurgeState | null>;
  state(): Promise<PurgeState | null>;
  preview(days: number): Promise<PurgeEffect>;
}

export interface ArchivedRun {
  readonly id: string;
  readonly line: string;
}

/** One try of the Worker writes one object. Each try has an id, and only the current one gets answers. */
export interface ArchiveCalls {
  /** Empty behind the last run. Null if another try has replaced this one. */
  page(tryId: string, from: number): Promise<readonly ArchivedRun[] | null>;
  /**
   * Fixes what the object holds before it is written: the first `count` runs. `hash`: of the ids. Returns the object's
   * key, the same each time. Null: another try has replaced this one, so the object must not be written.
   */
  seal(tryId: string, count: number, hash: string): Promise<string | null>;
}

export interface ArchiveTry {
  readonly id: string;
  readonly scope: string;
  /** Whether an earlier try has fixed the object's runs. Then the object has all of them, however large it gets. */
  readonly isSealed: boolean;
}

export type ArchiveAnswer =
  | { readonly type: "written" | "not_written" }
  | { readonly type: "failed"; readonly error: string };

/** If a call throws, nobody knows what it has done. */
export interface Archiver {
  write(archiveTry: ArchiveTry): Promise<ArchiveAnswer>;
}

/** `askedAt` tells the erasure from a later one of the same name. */
export interface ErasingCalls {
  /**
   * From now on the environment only ends its runs. `isAgain`: it began earlier, so an environment that is not in this
   * erasure has a new life, and goes on. Returns whether it is in it.
   */
  begin(askedAt: number, isAgain: boolean): Promise<boolean>;
  /** Call it until it returns true: the object is wiped, or has a new life. */
  wipe(askedAt: number): Promise<boolean>;
}
