/** The naive way, for comparison: each create is a statement of its own, sent to D1 by the Worker. */

import { startArrivals } from "./arrivals.ts";
import { Database } from "./database.ts";
import { mulberry32 } from "./random.ts";
import type { Setting } from "./settings.ts";
import { VirtualTime } from "./virtual-time.ts";

export interface NaiveWorkload {
  readonly createsPerSecond: number;
  readonly warmUpMs: number;
  readonly endMs: number;
}

export interface NaiveObserved {
  readonly latenciesMs: readonly number[];
  readonly d1BusyShare: number;
}

export async function simulateNaive(
  setting: Setting,
  { createsPerSecond, warmUpMs, endMs }: NaiveWorkload,
  seed: number,
): Promise<NaiveObserved> {
  const time = new VirtualTime();
  const database = new Database(time, setting, null);
  const oneWayMs = setting.workerToD1Ms / 2;
  const latenciesMs: number[] = [];
  startArrivals(time, mulberry32(seed), { perSecond: createsPerSecond, endMs }, () => {
    const arrivedMs = time.now;
    time.atPlainly(arrivedMs + oneWayMs, () => {
      const answeredMs = database.write(1) ?? Number.NaN;
      if (arrivedMs >= warmUpMs) latenciesMs.push(answeredMs + oneWayMs - arrivedMs);
    });
  });
  await time.runUntil(warmUpMs);
  const busyBeforeMs = database.busyMs;
  await time.runUntil(endMs);
  return { latenciesMs, d1BusyShare: (database.busyMs - busyBeforeMs) / (endMs - warmUpMs) };
}
