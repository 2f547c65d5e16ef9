/**
 * `npm run bench -- --trial`: as little as possible of everything, to try the bench itself. It tells nothing about
 * speed, so what can share a site does.
 */

import { type BulkWrites, measureBulkWrites } from "./bulk-writes.ts";
import { type Gap, gapsAt, TRIAL as TRIAL_OF_GAPS } from "./gap.ts";
import { type Growth, measureGrowth, TRIAL as TRIAL_OF_GROWTH } from "./growth/growth.ts";
import { type Memory, SERIES, weigh } from "./isolate/memory.ts";
import { USUAL } from "./rates/comparisons.ts";
import { TRIAL } from "./rates/measure.ts";
import { measureRatios, peersOf } from "./rates/ratios.ts";
import type { Result } from "./report/result.ts";
import { withLoad } from "./servers/loaded.ts";
import { FEW_SEEDS } from "./servers/seeds.ts";
import { measureWrites, type Writes } from "./writes.ts";

/** A list looks at 5000 runs at most, so a smaller site would seem to grow. */
const SIZES = [10_000, 20_000];
const REQUESTS = 100;
const BATCHES_FOR_MS = 200;

export interface Trial {
  readonly result: Result;
  readonly writes: Writes;
  readonly bulkWrites: BulkWrites;
  readonly gaps: readonly Gap[];
  readonly growth: Growth;
  readonly memory: readonly Memory[];
}

export async function measureTrial(onProgress: (text: string) => void): Promise<Trial> {
  const parts = [
    measureWrites(BATCHES_FOR_MS, true, onProgress),
    measureGrowth(SIZES, TRIAL_OF_GROWTH, onProgress),
    measureBulkWrites(true, onProgress),
  ] as const;
  // If one fails, the other still removes its files.
  await Promise.allSettled(parts);
  const [writes, growth, bulkWrites] = await Promise.all(parts);
  const logged: string[] = [];
  const onLog = (line: string) => logged.push(line);
  const options = { onLog, seeds: FEW_SEEDS, inspected: true, peers: peersOf(USUAL, TRIAL) };
  return withLoad(options, async (loaded) => {
    const result = await measureRatios(loaded, TRIAL, logged, onProgress, USUAL);
    const { site, servers, generator } = loaded;
    if (result.brokenOff !== null) return { result, writes, bulkWrites, gaps: [], growth, memory: [] };
    const gaps = await gapsAt(site, TRIAL_OF_GAPS, onProgress);
    const memory: Memory[] = [];
    for (const series of SERIES) memory.push(await weigh(series, servers, generator, REQUESTS, onProgress));
    return { result, writes, bulkWrites, gaps, growth, memory };
  });
}
