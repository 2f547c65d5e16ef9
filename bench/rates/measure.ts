/** Measures the groups in rounds. The operations of a group run back to back, in another order each round. */

import type { OperationName } from "../load/operations.ts";
import { type Attempts, ServiceEnded } from "./attempts.ts";
import { CALLERS, type Group, MEANWHILE } from "./comparisons.ts";
import { add, leaveOut, newSeries, type Series } from "./series.ts";

export interface Plan {
  readonly rounds: number;
  /** How long each operation runs in a round. */
  readonly forMs: number;
  readonly warmUpMs: number;
  /** Only the groups with one of these operations; null: all groups. */
  readonly only: readonly OperationName[] | null;
  /** The part of the callers that really call. */
  readonly callersShare: number;
}

export const WHOLE: Plan = { rounds: 9, forMs: 1000, warmUpMs: 1000, only: null, callersShare: 1 };
/** For a try of the bench itself. So few responses tell nothing about speed. */
export const TRIAL: Plan = { rounds: 1, forMs: 10, warmUpMs: 0, only: null, callersShare: 1 / 8 };
export const QUICK: Plan = { rounds: 3, forMs: 400, warmUpMs: 200, only: null, callersShare: 1 };

/** If a peer dies so often in an operation at one number of callers, the remaining rounds are left out. */
const DEATHS_MAX = 3;

export interface Measurements {
  readonly series: readonly Series[];
  /** Why the measuring ended early; null if it did not. */
  readonly brokenOff: string | null;
}

export function groupsOf(all: readonly Group[], { only }: Pick<Plan, "only">): readonly Group[] {
  return all.filter((group) => only === null || group.flat().some((name) => only.includes(name)));
}

/** Calls `onProgress` with the name of what is being measured. */
export async function measure(
  attempt: Attempts,
  plan: Plan,
  onProgress: (text: string) => void,
  groups: readonly Group[],
): Promise<Measurements> {
  const series: Series[] = [];
  try {
    for (const callers of CALLERS) {
      for (const group of groups) {
        const names = group.flat();
        const times = (operation: OperationName) => names.filter((name) => name === operation).length;
        const gathered = [...new Set(names)].map((operation) =>
          newSeries(operation, callers, plan.rounds * times(operation)),
        );
        series.push(...gathered);
        await measureGroup(attempt, plan, onProgress, group, gathered);
      }
    }
    return { series, brokenOff: null };
  } catch (error) {
    if (error instanceof ServiceEnded) return { series, brokenOff: error.message };
    throw error;
  }
}

/** `gathered`: the series of the group's operations, which grow. */
async function measureGroup(
  attempt: Attempts,
  { rounds, forMs, warmUpMs, callersShare }: Plan,
  onProgress: (text: string) => void,
  group: Group,
  gathered: readonly Series[],
): Promise<void> {
  const run = (one: Series, forMs: number) => {
    onProgress(`${one.callers} callers: ${one.operation}`);
    return attempt({ ...jobOf(one, callersShare), forMs });
  };
  for (const one of gathered) {
    if (warmUpMs > 0) one.deaths += (await run(one, warmUpMs)).deaths;
  }
  for (let round = 0; round < rounds; round++) {
    // Rotated by one each round, so that no operation always comes first.
    const order = group.map((_, i) => group[(i + round) % group.length] ?? []);
    for (const operation of order.flat()) {
      const one = gathered.find((each) => each.operation === operation);
      if (one === undefined) continue;
      if (one.deaths < DEATHS_MAX) add(one, await run(one, forMs));
      else leaveOut(one);
    }
  }
}

function jobOf({ operation, callers }: Series, callersShare: number) {
  return { operation, callers: Math.ceil(callers * callersShare), meanwhile: MEANWHILE[operation] };
}
