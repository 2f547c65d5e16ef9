/** Measures the groups in rounds: whatever is compared runs back to back, in another order each round. */

import { CALLERS, type Callers, GROUPS, MEANWHILE } from "./comparisons.ts";
import type { Generator } from "./generator.ts";
import type { OperationName } from "./operations.ts";

export interface Plan {
  readonly rounds: number;
  /** How long each operation runs in a round. */
  readonly forMs: number;
  readonly warmUpMs: number;
  readonly callers: readonly Callers[];
  /** Only the groups with an operation of this name; all where it is null. */
  readonly only: string | null;
}

export const WHOLE: Plan = { rounds: 9, forMs: 1000, warmUpMs: 1000, callers: CALLERS, only: null };
export const QUICK: Plan = { rounds: 3, forMs: 400, warmUpMs: 200, callers: CALLERS, only: null };

/** One operation at one number of callers, over all rounds. */
export interface Series {
  readonly operation: OperationName;
  readonly callers: Callers;
  /** Answers a second, of each round. */
  readonly rates: readonly number[];
  readonly latenciesMs: readonly number[];
  /** Answers a second of what went on meanwhile, of each round. */
  readonly meanwhileRates: readonly number[];
  readonly failures: number;
  readonly firstFailure: string | null;
}

interface Gathering {
  readonly rates: number[];
  readonly latenciesMs: number[];
  readonly meanwhileRates: number[];
  failures: number;
  firstFailure: string | null;
}

/** `onProgress` is told what is being measured. */
export async function measure(
  generator: Generator,
  plan: Plan,
  onProgress: (text: string) => void,
): Promise<Series[]> {
  const series: Series[] = [];
  const groups = GROUPS.filter(
    (group) => plan.only === null || group.flat().some((name) => name === plan.only),
  );
  for (const callers of plan.callers) {
    for (const group of groups) {
      const gathered = new Map<OperationName, Gathering>();
      const chain = async (chain: readonly OperationName[], forMs: number, keep: boolean) => {
        for (const operation of chain) {
          onProgress(`${callers} callers: ${operation}`);
          const measured = await generator.run({
            operation,
            callers,
            forMs,
            meanwhile: MEANWHILE[operation],
          });
          if (!keep) continue;
          const of = gathered.get(operation) ?? gathering();
          gathered.set(operation, of);
          of.rates.push((measured.answers / measured.elapsedMs) * 1000);
          for (const latency of measured.latenciesMs) of.latenciesMs.push(latency);
          if (measured.meanwhilePerSecond !== null) of.meanwhileRates.push(measured.meanwhilePerSecond);
          of.failures += measured.failures;
          of.firstFailure ??= measured.firstFailure;
        }
      };
      for (const each of group) await chain(each, plan.warmUpMs, false);
      for (let round = 0; round < plan.rounds; round++) {
        // Turned by one each round: nobody always comes first, or always after the same.
        const order = group.map((_, i) => group[(i + round) % group.length] ?? []);
        for (const each of order) await chain(each, plan.forMs, true);
      }
      for (const [operation, of] of gathered) series.push({ operation, callers, ...of });
    }
  }
  return series;
}

function gathering(): Gathering {
  return { rates: [], latenciesMs: [], meanwhileRates: [], failures: 0, firstFailure: null };
}
