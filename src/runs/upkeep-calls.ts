/** The calls about all runs of an environment: what D1 lacks, metrics, the sweep, a resync. */

import type { Home } from "./home.ts";
import type { RunCounts } from "./run-counts.ts";
import type { RunPageQuery } from "./run-filters.ts";

/** A run as its database would store it. */
export interface LackingRun {
  readonly id: string;
  /** The JSON of its ActionRun. */
  readonly body: string;
  /** The JSON of its details, if the query includes them. */
  readonly details?: string;
}

/** What the primary database lacks of a query. A list reads the database without `ids`, and adds `runs`. */
export interface Lacking {
  readonly ok: true;
  /** The primary. Null if nobody has decided yet, and then no database has a run. */
  readonly home: Home | null;
  /** Whether the primary may lack other runs as well, because it is being rebuilt. */
  readonly isStale: boolean;
  /** Up to `completeTo`: every run that the primary lacks and that any version can bring into the query. */
  readonly ids: readonly string[];
  /** Those of them that match now, in the order of the query: at most one more than its limit. */
  readonly runs: readonly LackingRun[];
  /** The id, in the order of the query, up to which this is complete; null if it is complete to the end. */
  readonly completeTo: string | null;
}

export type LackingReply = Lacking | { readonly ok: false; readonly reason: "overloaded" };

/** How late the platform may run an alarm. An alarm that is later counts as dropped. */
export const ALARM_LATE_MS = 60_000;

export interface UpkeepCalls {
  /** What the primary lacks of this query. Call it before the database is read. */
  lacking(query: RunPageQuery): Promise<LackingReply>;
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
