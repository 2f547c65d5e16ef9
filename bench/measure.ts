/** Measures the groups in rounds. The operations of a group run back to back, in another order each round. */

import { CALLERS, type Callers, type Group, MEANWHILE } from "./comparisons.ts";
import type { Generator } from "./generator.ts";
import type { OperationName } from "./operations.ts";

export interface Plan {
  readonly rounds: number;
  /** How long each operation runs in a round. */
  readonly forMs: number;
  readonly warmUpMs: number;
  /** Only the groups with this operation; null: all groups. */
  readonly only: string | null;
  /** The part of the callers that really call. */
  readonly callersShare: number;
}

export const WHOLE: Plan = { rounds: 9, forMs: 1000, warmUpMs: 1000, only: null, callersShare: 1 };
/** For a try of the bench itself. So few responses tell nothing about speed. */
export const TRIAL: Plan = { rounds: 1, forMs: 10, warmUpMs: 0, only: null, callersShare: 1 / 8 };
export const QUICK: Plan = { rounds: 3, forMs: 400, warmUpMs: 200, only: null, callersShare: 1 };

/** One operation at one number of callers, over all rounds. */
export interface Series {
  readonly operation: OperationName;
  readonly callers: Callers;
  /** Responses a second, for each round. */
  readonly rates: number[];
  readonly latenciesMs: number[];
  /** Responses a second to the other load, for each round. */
  readonly meanwhileRates: number[];
  /** From the answer of each report to the arrival of its message at a webhook endpoint. */
  readonly toldAfterMs: number[];
  /** Messages a second, from the first report's answer to the last message, for each round. */
  readonly toldRates: number[];
  failures: number;
  firstFailure: string | null;
}

/** Calls `onProgress` with the name of what is being measured. */
export async function measure(
  generator: Generator,
  { rounds, forMs, warmUpMs, only, callersShare }: Plan,
  onProgress: (text: string) => void,
  all: readonly Group[],
): Promise<Series[]> {
  const series: Series[] = [];
  const groups = all.filter((group) => only === null || group.flat().some((name) => name === only));
  const run = (operation: OperationName, callers: Callers, forMs: number) => {
    onProgress(`${callers} callers: ${operation}`);
    // A quarter of these runs belongs to the coordinator that is polled. Fewer callers might make none of it.
    const share = operation === "create for callbacks" ? 1 : callersShare;
    const job = { operation, callers: Math.ceil(callers * share), forMs };
    return generator.run({ ...job, meanwhile: MEANWHILE[operation] });
  };
  for (const callers of CALLERS) {
    for (const group of groups) {
      const gathered = new Map<OperationName, Series>();
      for (const operation of group.flat()) {
        const nothing = { rates: [], latenciesMs: [], meanwhileRates: [], toldAfterMs: [], toldRates: [] };
        gathered.set(operation, { operation, callers, ...nothing, failures: 0, firstFailure: null });
        if (warmUpMs > 0) await run(operation, callers, warmUpMs);
      }
      for (let round = 0; round < rounds; round++) {
        // Rotated by one each round, so that no operation always comes first.
        const order = group.map((_, i) => group[(i + round) % group.length] ?? []);
        for (const operation of order.flat()) {
          const measured = await run(operation, callers, forMs);
          const of = gathered.get(operation);
          if (of === undefined) continue;
          of.rates.push((measured.answers / measured.elapsedMs) * 1000);
          for (const latency of measured.latenciesMs) of.latenciesMs.push(latency);
          if (measured.meanwhilePerSecond !== null) of.meanwhileRates.push(measured.meanwhilePerSecond);
          const { delaysMs, elapsedMs } = measured.told ?? { delaysMs: [], elapsedMs: 0 };
          for (const ms of delaysMs) of.toldAfterMs.push(ms);
          if (delaysMs.length > 0) of.toldRates.push((delaysMs.length / elapsedMs) * 1000);
          of.failures += measured.failures;
          of.firstFailure ??= measured.firstFailure;
        }
      }
      series.push(...gathered.values());
    }
  }
  return series;
}
