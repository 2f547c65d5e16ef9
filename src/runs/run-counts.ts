/** What metrics say of an environment's runs: how many have ended, and how long they waited and ran. PURE. */

import type { ENDED_STATUSES, EndCause, OPEN_STATUSES, Run, Status } from "./run.ts";

export type OpenStatus = (typeof OPEN_STATUSES)[number];

/** Every way in which a run can end. */
export const ENDS: readonly (readonly [status: (typeof ENDED_STATUSES)[number], cause: EndCause])[] = [
  ["succeeded", "callback"],
  ["failed", "callback"],
  ["failed", "delivery"],
  ["failed", "deadline"],
  ["failed", "silence"],
  ["failed", "gate"],
  ["cancelled", "cancel"],
  ["cancelled", "callback"],
  ["cancelled", "silence"],
  ["cancelled", "rejected"],
  ["cancelled", "replaced"],
];

/** The upper bounds of a histogram's buckets. Journals keep counts by position, so a later release can't change them. */
export const BUCKETS_SECONDS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 43_200] as const;

export interface Histogram {
  /** How many durations each bucket has for itself. The last one has those above every bound. */
  readonly buckets: readonly number[];
  readonly sumMs: number;
}

/** Counts of ended runs since counting began. A number that is missing is 0. */
export interface EndedCounts {
  /** By `status/cause`. */
  readonly ended: Readonly<Record<string, number>>;
  /** From the creation to the start, or to the end of a run that never started. By status. */
  readonly waited: Readonly<Record<string, Histogram>>;
  /** From the start to the end, of the runs that started. By status. */
  readonly ran: Readonly<Record<string, Histogram>>;
}

/** Open runs of one status. */
interface OpenCount {
  readonly runs: number;
  /** When the oldest of them was created; null if there is none. */
  readonly oldestAt: number | null;
}

/** The runs of an environment. */
export interface RunCounts {
  readonly open: Readonly<Record<OpenStatus, OpenCount>>;
  readonly ended: EndedCounts;
}

export const NO_ENDED: EndedCounts = { ended: {}, waited: {}, ran: {} };
const NO_OPEN: OpenCount = { runs: 0, oldestAt: null };
export const NO_RUNS: RunCounts = { open: { pending: NO_OPEN, running: NO_OPEN }, ended: NO_ENDED };

/** What a count needs to know of an ended run. */
export type CountedRun = Pick<Run, "createdAt" | "startedAt" | "endCause"> & {
  readonly status: Status;
  readonly completedAt: number;
};

/** How long an ended run waited for its start, and how long it then ran; `ranMs` null if it never started. */
export function durationsOf({ createdAt, startedAt, completedAt }: Omit<CountedRun, "status" | "endCause">) {
  return {
    waitedMs: (startedAt ?? completedAt) - createdAt,
    ranMs: startedAt === null ? null : completedAt - startedAt,
  };
}

/** The counts with these runs, each of which has ended. */
export function withRuns(counts: EndedCounts, runs: readonly CountedRun[]): EndedCounts {
  const { ended, waited, ran } = structuredClone(counts) as Writable;
  for (const run of runs) {
    const end = `${run.status}/${run.endCause}`;
    const { waitedMs, ranMs } = durationsOf(run);
    ended[end] = (ended[end] ?? 0) + 1;
    observe(waited, run.status, waitedMs);
    if (ranMs !== null) observe(ran, run.status, ranMs);
  }
  return { ended, waited, ran };
}

interface WritableHistogram {
  readonly buckets: number[];
  sumMs: number;
}
type Histograms = Record<string, WritableHistogram>;
interface Writable {
  readonly ended: Record<string, number>;
  readonly waited: Histograms;
  readonly ran: Histograms;
}

function observe(histograms: Histograms, status: string, ms: number): void {
  const histogram = histograms[status] ?? { buckets: BUCKETS_SECONDS.map(() => 0).concat(0), sumMs: 0 };
  histograms[status] = histogram;
  const found = BUCKETS_SECONDS.findIndex((seconds) => ms <= seconds * 1000);
  const bucket = found === -1 ? BUCKETS_SECONDS.length : found;
  histogram.buckets[bucket] = (histogram.buckets[bucket] ?? 0) + 1;
  histogram.sumMs += ms;
}
