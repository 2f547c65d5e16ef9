/** The whole comparison: round trips, rates and their ratios. */

import { OPERATIONS } from "../load/operations.ts";
import { type Result, toResult } from "../report/result.ts";
import type { Loaded } from "../servers/loaded.ts";
import type { PeerName } from "../servers/server.ts";
import { attemptsAt } from "./attempts.ts";
import type { Compared } from "./comparisons.ts";
import { countHops } from "./hops.ts";
import { groupsOf, measure, type Plan } from "./measure.ts";

/** The peers that a plan needs. */
export function peersOf({ groups }: Compared, plan: Plan): readonly PeerName[] {
  const operations = groupsOf(groups, plan).flat(2);
  const names = new Set(operations.map((operation) => OPERATIONS[operation].server));
  return [...names].filter((name) => name !== "service");
}

/** `logged`: the service's log, which grows meanwhile. */
export async function measureRatios(
  loaded: Loaded,
  plan: Plan,
  logged: readonly string[],
  onProgress: (text: string) => void,
  { comparisons, groups, counted }: Compared,
): Promise<Result> {
  const wanted = groupsOf(groups, plan);
  onProgress("counting round trips");
  const measured = new Set(wanted.flat(2));
  const hops = await countHops(
    loaded.generator,
    logged,
    counted.filter((operation) => measured.has(operation)),
  );
  return toResult(await measure(attemptsAt(loaded), plan, onProgress, wanted), hops, comparisons);
}
