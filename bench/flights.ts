/** Counts how often a coordinator writes to D1 while many callers create in its environment. */

import { withGenerator } from "./generator.ts";
import { replicated } from "./landed.ts";
import type { Site } from "./site.ts";

/** A second on average, and in the worst second. */
export interface Batches {
  readonly perSecond: number;
  readonly worst: number;
  readonly target: number;
}

const TARGET = 1.5;
export const BATCH_CALLERS = 64;

/** `forMs`: how long callers create. The site must be one that counts. */
export function countBatches(site: Site, forMs: number): Promise<Batches> {
  const job = { operation: "create", callers: BATCH_CALLERS, forMs } as const;
  const [project, nothing] = ["batches", { path: "", body: "" }];
  const runs = `/bench/${project}/envs/made/action-runs`;
  const empty = { openRuns: [], endedRuns: [], madeRuns: [], list: nothing, receiver: "" };
  const seeds = { token: site.secrets.ROOT_TOKEN, runs, ...empty };
  return withGenerator([site], seeds, async (generator) => {
    const before = await generator.run(job);
    await site.counts();
    const startedAt = performance.now();
    const { answers, failures, firstFailure } = await generator.run(job);
    if (failures > 0) throw new Error(`${failures} answers were wrong. The first: ${firstFailure}`);
    // Until the last run is replicated, so that a short job has a batch.
    await replicated(site, [{ project, status: "pending", runs: before.answers + answers }]);
    const counts = await site.counts();
    const seconds = (performance.now() - startedAt) / 1000;
    const batches = counts.filter(({ sql }) => /^D1:\s+INSERT INTO runs/.test(sql));
    const firstAt = Math.min(...batches.map(({ at }) => at));
    const bySecond = Map.groupBy(batches, ({ at }) => Math.floor((at - firstAt) / 1000));
    const worst = Math.max(...[...bySecond.values()].map(({ length }) => length));
    return { perSecond: batches.length / seconds, worst, target: TARGET };
  });
}
