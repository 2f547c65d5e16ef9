/** The whole comparison on a site: round trips, rates and their ratios. */

import { type Compared, USUAL } from "./comparisons.ts";
import type { Generator } from "./generator.ts";
import { countHops } from "./hops.ts";
import { measure, type Plan } from "./measure.ts";
import { type Result, toResult } from "./result.ts";

/** `logged`: the service's log, which grows meanwhile. */
export async function measureRatios(
  generator: Generator,
  plan: Plan,
  logged: readonly string[],
  onProgress: (text: string) => void,
  { comparisons, groups, counted }: Compared = USUAL,
): Promise<Result> {
  onProgress("counting round trips");
  const hops = await countHops(generator, logged, counted);
  return toResult(await measure(generator, plan, onProgress, groups), hops, comparisons);
}
