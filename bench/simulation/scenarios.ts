/** What is asked of the model, and the rows of the tables that it gives. */

import { simulateNaive } from "./naive.ts";
import { seedOf } from "./random.ts";
import { type Answered, type Observed, simulate, type Workload } from "./service.ts";
import { SAME_REGION, type Setting } from "./settings.ts";
import { mean, percentile } from "./statistics.ts";
import { figure, share } from "./table.ts";

const COORDINATORS_PER_ENVIRONMENT = 4;
const WARM_UP_MS = 3000;
/** Every caller has its answer by then: none waits for longer than 2 s. */
const DRAIN_MS = 3000;
/** More arrives than is taken: how long it takes says only how long one has looked. */
const NO_END = ["grows", "grows"];

export const LOADS = [1, 10, 100, 200, 400, 800, 1200, 1500, 1800] as const;
export const ONE_ENVIRONMENT = [
  "creates/s",
  "rows/statement",
  "p99 rows",
  "statements/s",
  "D1 busy",
  "objects busy",
  "p50 ms",
  "p99 ms",
  "naive D1 busy",
  "naive p50 ms",
  "naive p99 ms",
] as const;

export async function oneEnvironment(
  setting: Setting,
  createsPerSecond: number,
  seed: number,
): Promise<string[]> {
  const own = seedOf(seed, `one environment, ${setting.name}, ${createsPerSecond}`);
  // Long enough to see a quiet system, too.
  const endMs = WARM_UP_MS + Math.max(10_000, 1_000_000 / createsPerSecond);
  const workload = {
    createsPerSecond,
    endMs,
    warmUpMs: WARM_UP_MS,
    coordinators: COORDINATORS_PER_ENVIRONMENT,
    drainMs: DRAIN_MS,
  };
  const observed = await simulate(setting, workload, own);
  const threads = setting.objectsShareThread ? 1 : COORDINATORS_PER_ENVIRONMENT;
  const isTooMuch = (createsPerSecond * setting.objectBusyMs) / threads >= 1000;
  return [
    String(createsPerSecond),
    ...groupCells(observed, workload),
    share(observed.d1BusyShare),
    share(observed.objectBusyShare),
    ...(isTooMuch ? NO_END : latencyCells(latenciesOf(observed.answers))),
    ...(await naiveCells(setting, workload, own)),
  ];
}

const CREATES_PER_ENVIRONMENT = 4;
export const MANY_ENVIRONMENTS = [
  "environments",
  "creates/s",
  "rows/statement",
  "p99 rows",
  "statements/s",
  "D1 busy",
  "p50 ms",
  "p99 ms",
  "answered before it landed",
  "flights given up",
  "naive D1 busy",
  "naive p50 ms",
  "naive p99 ms",
] as const;

/** Each with one create a second at each of its coordinators, all with the one D1. */
export async function manyEnvironments(
  setting: Setting,
  environments: number,
  seed: number,
): Promise<string[]> {
  const own = seedOf(seed, `many environments, ${setting.name}, ${environments}`);
  const workload = {
    createsPerSecond: environments * CREATES_PER_ENVIRONMENT,
    coordinators: environments * COORDINATORS_PER_ENVIRONMENT,
    warmUpMs: 11_000,
    endMs: 19_000,
    drainMs: DRAIN_MS,
  };
  const observed = await simulate(setting, workload, own);
  const early = observed.answers.filter(({ outcome }) => outcome === "journalled").length;
  return [
    String(environments),
    String(workload.createsPerSecond),
    ...groupCells(observed, workload),
    share(observed.d1BusyShare),
    ...latencyCells(latenciesOf(observed.answers)),
    share(early / observed.answers.length),
    String(observed.failedFlights),
    ...(await naiveCells(setting, workload, own)),
  ];
}

const SLOT_MS = 10_000;
export const OUTAGE = [
  "from s",
  "D1",
  "creates",
  "refused",
  "answered before it landed",
  "p50 ms",
  "p99 ms",
  "rows/statement",
  "unlanded at the end",
] as const;

export interface OutageCase {
  readonly createsPerSecond: number;
  readonly coordinators: number;
  readonly outage: { readonly fromMs: number; readonly untilMs: number };
  /** The first slot that is told of. */
  readonly tellFromMs: number;
  readonly endMs: number;
}

/** D1 fails for a while, and comes back. */
export async function throughOutage(what: OutageCase, seed: number): Promise<string[][]> {
  const { outage, tellFromMs, endMs } = what;
  const own = seedOf(seed, `outage, ${what.createsPerSecond}, ${what.coordinators}`);
  const observed = await simulate(SAME_REGION, { ...what, warmUpMs: 0, drainMs: DRAIN_MS }, own);
  const slots = Array.from({ length: (endMs - tellFromMs) / SLOT_MS }, (_, i) => tellFromMs + i * SLOT_MS);
  return slots.map((fromMs) => outageCells(observed, outage, fromMs));
}

function outageCells(observed: Observed, outage: OutageCase["outage"], fromMs: number): string[] {
  const isIn = (ms: number) => ms >= fromMs && ms < fromMs + SLOT_MS;
  const answers = observed.answers.filter(({ arrivedMs }) => isIn(arrivedMs));
  const count = (outcome: Answered["outcome"]) => answers.filter((it) => it.outcome === outcome).length;
  const flights = observed.flights.filter(({ leftMs }) => isIn(leftMs));
  return [
    String(fromMs / 1000),
    fromMs >= outage.fromMs && fromMs < outage.untilMs ? "down" : "up",
    String(answers.length),
    String(count("refused")),
    share(count("journalled") / answers.length),
    ...latencyCells(latenciesOf(answers)),
    figure(mean(flights.map(({ rows }) => rows))),
    String(observed.unlanded[(fromMs + SLOT_MS) / 1000 - 1] ?? "-"),
  ];
}

function groupCells({ flights }: Observed, { warmUpMs, endMs }: Workload): string[] {
  const rows = flights.map((flight) => flight.rows);
  const perSecond = flights.length / ((endMs - warmUpMs) / 1000);
  return [figure(mean(rows)), String(percentile(rows, 0.99)), figure(perSecond)];
}

async function naiveCells(setting: Setting, workload: Workload, seed: number): Promise<string[]> {
  const offered = (workload.createsPerSecond * (setting.d1StatementMs + setting.d1RowMs)) / 1000;
  if (offered >= 1) return [share(offered), ...NO_END];
  const { latenciesMs, d1BusyShare } = await simulateNaive(setting, workload, seed);
  return [share(d1BusyShare), ...latencyCells(latenciesMs)];
}

function latenciesOf(answers: readonly Answered[]): number[] {
  return answers.map(({ latencyMs }) => latencyMs);
}

function latencyCells(latenciesMs: readonly number[]): string[] {
  return [figure(percentile(latenciesMs, 0.5)), figure(percentile(latenciesMs, 0.99))];
}
