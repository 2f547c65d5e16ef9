import type { ENDED_STATUSES, EndCause, OPEN_STATUSES, Run, Status, WaitingFor } from "./run.ts";

export type OpenStatus = (typeof OPEN_STATUSES)[number];

export const ENDS: readonly (readonly [status: (typeof ENDED_STATUSES)[number], cause: EndCause])[] = [
  ["succeeded", "callback"],
  ["failed", "callback"],
  ["failed", "delivery"],
  ["failed", "start"],
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

export interface EndedCounts {
  /** By `status/cause`. */
  readonly ended: Readonly<Record<string, number>>;
  /** From the creation to the start, or to the end of a run that never started. By status. */
  readonly waited: Readonly<Record<string, Histogram>>;
  /** By status. */
  readonly ran: Readonly<Record<string, Histogram>>;
  readonly byAction: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Genuine events that started no run because they were refused, by action. */
  readonly refusedEvents: Readonly<Record<string, number>>;
}

/** How many actions are counted by name: those whose runs ended first. Names are never taken out again. */
const ACTIONS_MAX = 100;
/** No action can have this name. */
const OTHER_ACTIONS = "_other";

export interface RunCount {
  readonly runs: number;
  /** Null if there is none, or none that counts. */
  readonly oldestAt: number | null;
}

export interface OpenCounts {
  /** By status. `oldestAt`: when the run was created or released. A run that waits at a gate has no age here. */
  readonly open: Readonly<Record<OpenStatus, RunCount>>;
  /** Those that wait at a gate, by what they wait for. `oldestAt`: since when. */
  readonly waiting: Readonly<Record<WaitingFor, RunCount>>;
}

export const OUTCOMES = ["delivered", "failed", "expired"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface EndpointCount extends Readonly<Record<Outcome, number>> {
  readonly name: string;
  readonly isDisabled: boolean;
  readonly failingSince: number | null;
}

export interface EnvironmentCounts extends OpenCounts {
  readonly ended: EndedCounts;
  readonly endpoints: readonly EndpointCount[];
  readonly unreplicated: RunCount;
  readonly bytes: number;
  readonly database: number;
}

export const NO_ENDED: EndedCounts = { ended: {}, waited: {}, ran: {}, byAction: {}, refusedEvents: {} };
const NONE: RunCount = { runs: 0, oldestAt: null };
export const NO_OPEN: OpenCounts = {
  open: { pending: NONE, running: NONE },
  waiting: { time: NONE, approval: NONE, concurrency: NONE, pause: NONE },
};
export const NOTHING: EnvironmentCounts = {
  ...NO_OPEN,
  ended: NO_ENDED,
  endpoints: [],
  unreplicated: NONE,
  bytes: 0,
  database: 0,
};

type Ended = Pick<Run, "createdAt" | "startedAt"> & { readonly completedAt: number };

export type CountedRun = Ended & Pick<Run, "endCause" | "source" | "actionName"> & { readonly status: Status };

export function durationsOf({ createdAt, startedAt, completedAt }: Ended) {
  return {
    waitedMs: (startedAt ?? completedAt) - createdAt,
    ranMs: startedAt === null ? null : completedAt - startedAt,
  };
}

export function withRuns(counts: EndedCounts, runs: readonly CountedRun[]): EndedCounts {
  const { ended, waited, ran, byAction, refusedEvents } = structuredClone(counts) as Writable<EndedCounts>;
  for (const run of runs) {
    const end = `${run.status}/${run.endCause}`;
    const { waitedMs, ranMs } = durationsOf(run);
    ended[end] = (ended[end] ?? 0) + 1;
    observe(waited, run.status, waitedMs);
    if (ranMs !== null) observe(ran, run.status, ranMs);
    if (run.source === "action") countOfAction(byAction, run);
  }
  return { ended, waited, ran, byAction, refusedEvents };
}

export function withRefusedEvent(counts: EndedCounts, action: string): EndedCounts {
  const { refusedEvents } = counts;
  const name = countedName(refusedEvents, action);
  const before = Object.hasOwn(refusedEvents, name) ? (refusedEvents[name] ?? 0) : 0;
  return { ...counts, refusedEvents: { ...refusedEvents, [name]: before + 1 } };
}

/** An action can have the name of a property that every object has, such as `constructor`. */
function countedName(counted: Readonly<Record<string, unknown>>, action: string): string {
  const isCounted = Object.hasOwn(counted, action) || Object.keys(counted).length < ACTIONS_MAX;
  return isCounted ? action : OTHER_ACTIONS;
}

function countOfAction(byAction: Writable<EndedCounts["byAction"]>, { actionName, status }: CountedRun): void {
  const name = countedName(byAction, actionName);
  const ofAction = Object.hasOwn(byAction, name) ? (byAction[name] ?? {}) : {};
  byAction[name] = { ...ofAction, [status]: (ofAction[status] ?? 0) + 1 };
}

type Writable<T> = { -readonly [K in keyof T]: Writable<T[K]> };
type Histograms = Writable<EndedCounts["waited"]>;

function observe(histograms: Histograms, status: string, ms: number): void {
  const histogram = histograms[status] ?? { buckets: BUCKETS_SECONDS.map(() => 0).concat(0), sumMs: 0 };
  histograms[status] = histogram;
  const found = BUCKETS_SECONDS.findIndex((seconds) => ms <= seconds * 1000);
  const bucket = found === -1 ? BUCKETS_SECONDS.length : found;
  histogram.buckets[bucket] = (histogram.buckets[bucket] ?? 0) + 1;
  histogram.sumMs += ms;
}
