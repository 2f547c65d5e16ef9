/** The calls about all runs of an environment: what D1 lacks, metrics, the sweep, a resync. */

import type { Home } from "./home.ts";
import type { RunCounts } from "./run-counts.ts";

/** What a database has of an environment's changes. */
export interface Landed {
  /** Whether D1 may lack a change that the coordinator had when it was asked. */
  readonly isBehind: boolean;
  /** Whether D1 has refused a run, which it lacks until it takes it. A list leaves such a run out. */
  readonly lacksRefused: boolean;
  /** A bookmark of D1 that covers all that has landed, with its database's number; null if none is known. */
  readonly bookmark: string | null;
}

/** What a list may expect of D1. */
export interface Settled extends Landed {
  /** The database that this is about; null if it is not decided yet, because nothing has landed. */
  readonly home: Home | null;
  /** Another database that has all this as well, because the environment moves there; null if there is none. */
  readonly alsoIn: number | null;
}

/** How late the platform may run an alarm. An alarm that is later counts as dropped. */
export const ALARM_LATE_MS = 60_000;

export interface UpkeepCalls {
  /** Lands what has not landed yet, so that a list can show it. Waits 2 s at most. */
  settle(): Promise<Settled>;
  /**
   * For metrics: the open runs, and every run that has ended since counting began. The first call begins it, with the
   * oldest run that is kept.
   */
  counts(): Promise<RunCounts>;
  /**
   * Called by the sweep: sets an alarm that was dropped. Returns when the sweep must look again, which can be in the
   * past; null if the coordinator keeps nothing any more. One that has counted runs always keeps something.
   */
  poke(): Promise<number | null>;
  /**
   * Rebuilds D1 from the journal, step by step. Returns how many runs are left. A repeated call does not start over.
   * `home`: the newest that the caller knows, because a coordinator that was restored can lack a move.
   */
  resync(home?: Home | null): Promise<number>;
}
