/** Whether the model is sound: where theory has an answer, it must give the same. */

import { simulateNaive } from "./naive.ts";
import { simulate } from "./service.ts";
import { SAME_REGION, type Setting } from "./settings.ts";
import { mean, percentile } from "./statistics.ts";
import { figure } from "./table.ts";

export interface Check {
  readonly what: string;
  readonly expected: number;
  readonly found: number;
  /** How far apart they may be, as a share of what is expected. */
  readonly tolerance: number;
}

export async function checks(seed: number): Promise<Check[]> {
  return [await quiet(seed), await queue(seed), await roundOfMany(seed), await nothingLost(seed)];
}

export function isMet({ expected, found, tolerance }: Check): boolean {
  return Math.abs(found - expected) <= Math.abs(expected) * tolerance + 1e-6;
}

export function describe(check: Check): string {
  const { what, expected, found } = check;
  return `${isMet(check) ? "ok" : "WRONG"}: ${what}: ${figure(expected)} expected, ${figure(found)} found`;
}

/** Where nobody else is there, a create takes the sum of its parts. */
async function quiet(seed: number): Promise<Check> {
  const s = SAME_REGION;
  const workload = { coordinators: 4, createsPerSecond: 0.5, warmUpMs: 0, endMs: 400_000, drainMs: 5000 };
  const { answers } = await simulate(s, workload, seed);
  const statementMs = s.d1StatementMs + s.d1RowMs + s.d1DurableMs;
  const expected = s.workerToObjectMs + s.objectBusyMs + s.journalDurableMs + s.objectToD1Ms + statementMs;
  const found = percentile(
    answers.map(({ latencyMs }) => latencyMs),
    0.5,
  );
  return { what: "a create in the quiet, ms", expected, found, tolerance: 0 };
}

/** One at a time, equal work, random arrivals: M/D/1, whose mean wait is known (Pollaczek and Khinchine). */
async function queue(seed: number): Promise<Check> {
  const s = SAME_REGION;
  const workMs = s.d1StatementMs + s.d1RowMs;
  const createsPerSecond = 500;
  const busy = (createsPerSecond * workMs) / 1000;
  const waitMs = (busy * workMs) / (2 * (1 - busy));
  const workload = { createsPerSecond, warmUpMs: 5000, endMs: 105_000 };
  const { latenciesMs } = await simulateNaive(s, workload, seed);
  const found = mean(latenciesMs) - s.workerToD1Ms - workMs - s.d1DurableMs;
  return { what: "mean wait of the naive way at 51 %, ms", expected: waitMs, found, tolerance: 0.05 };
}

/**
 * Where D1 is the only bottleneck, each coordinator's next flight waits for one of every other: a round takes as long
 * as a statement for each and a row for each create that comes meanwhile.
 */
async function roundOfMany(seed: number): Promise<Check> {
  const s: Setting = SAME_REGION;
  const [coordinators, createsPerSecond] = [800, 3000];
  const rowShare = (createsPerSecond * s.d1RowMs) / 1000;
  const roundMs = (coordinators * s.d1StatementMs) / (1 - rowShare);
  const expected = (createsPerSecond / coordinators / 1000) * roundMs;
  const workload = { coordinators, createsPerSecond, warmUpMs: 10_000, endMs: 20_000, drainMs: 0 };
  const { flights } = await simulate(s, workload, seed);
  const found = mean(flights.map(({ rows }) => rows));
  return { what: "rows a statement, 800 coordinators, 3000 creates/s", expected, found, tolerance: 0.05 };
}

/** After an outage every row that was acknowledged lands. */
async function nothingLost(seed: number): Promise<Check> {
  const outage = { fromMs: 5000, untilMs: 15_000 };
  const workload = {
    coordinators: 4,
    createsPerSecond: 400,
    warmUpMs: 0,
    endMs: 20_000,
    drainMs: 60_000,
    outage,
  };
  const { leftUnlanded } = await simulate(SAME_REGION, workload, seed);
  return { what: "rows not landed a minute after an outage", expected: 0, found: leftUnlanded, tolerance: 0 };
}
