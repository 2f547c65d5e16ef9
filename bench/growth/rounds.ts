/**
 * Measures in rounds: in each, every place is asked for the same thing, back to back and in another order, so that
 * whatever the machine does meanwhile it does to all of them.
 */

import { quantile } from "../result.ts";
import type { Operation, Site } from "./operations.ts";
import type { Layout } from "./place.ts";

/** One operation at one place. */
export interface Series {
  readonly operation: string;
  readonly layout: Layout;
  readonly callers: number;
  readonly latenciesMs: readonly number[];
  /** Of each round: the median of its latencies, or with many callers the time for each answer. */
  readonly rounds: readonly number[];
}

export interface Plan {
  readonly rounds: number;
  readonly crowdedRounds: number;
  /** Answers in a round with many callers. */
  readonly crowdedEach: number;
}

const WARM_UPS = 8;

/** What was measured at each of `sites`, in their order. */
export async function measureAlone(
  operation: Operation,
  sites: readonly Site[],
  { rounds }: Plan,
): Promise<Series[]> {
  const { name, each } = operation;
  const series = sites.map(({ standing }) => ({
    operation: name,
    layout: standing.place.layout,
    callers: 1,
    latenciesMs: [] as number[],
    rounds: [] as number[],
  }));
  for (const site of sites) {
    await operation.before?.(site);
    await ask(operation, site, WARM_UPS);
  }
  for (let round = 0; round < rounds; round++) {
    for (const at of turned(sites.length, round)) {
      const [site, of] = [sites[at], series[at]];
      if (site === undefined || of === undefined) continue;
      const latenciesMs = await ask(operation, site, each);
      of.latenciesMs.push(...latenciesMs);
      of.rounds.push(quantile(latenciesMs, 0.5));
    }
  }
  for (const site of sites) await operation.after?.(site);
  return series;
}

/** The same with as many callers as a site has, in a closed loop. */
export async function measureCrowded(
  operation: Operation,
  sites: readonly Site[],
  round: number,
  each: number,
): Promise<Series[]> {
  const series: Series[] = [];
  for (const at of turned(sites.length, round)) {
    const site = sites[at];
    if (site === undefined) continue;
    const latenciesMs: number[] = [];
    let left = each;
    const startedAt = performance.now();
    await Promise.all(
      site.more.map(async (call) => {
        while (left-- > 0) latenciesMs.push(await operation.ask(site, count(site, operation), call));
      }),
    );
    const rounds = [(performance.now() - startedAt) / each];
    const { layout } = site.standing.place;
    series[at] = { operation: operation.name, layout, callers: site.more.length, latenciesMs, rounds };
  }
  return series;
}

/** The rounds of several measurements as of one. */
export function joined(all: readonly Series[]): Series {
  const [first] = all;
  if (first === undefined) throw new Error("nothing was measured");
  const latenciesMs = all.flatMap((one) => one.latenciesMs);
  return { ...first, latenciesMs, rounds: all.flatMap((one) => one.rounds) };
}

/** The positions from 0 to `length`, turned by one each round: nobody always comes first. */
export function turned(length: number, round: number): number[] {
  return Array.from({ length }, (_, i) => (i + round) % length);
}

async function ask(operation: Operation, site: Site, times: number): Promise<number[]> {
  const latenciesMs: number[] = [];
  for (let k = 0; k < times; k++) {
    latenciesMs.push(await operation.ask(site, count(site, operation), site.call));
  }
  return latenciesMs;
}

function count({ counts }: Site, { name }: Operation): number {
  const n = counts.get(name) ?? 0;
  counts.set(name, n + 1);
  return n;
}
