/**
 * The work that one validation may do. PURE. A step takes some 10 to 25 ns, whatever the work is. So the 3 million
 * steps of a validation take less than 0.1 s. `bench/validation.ts` measures that: it looks for the parameters and the
 * schema that take the most. One step is following one pattern instruction. The constants here and beside the loops
 * give the cost of other work in steps. Work is bounded by steps and not by time, because a Worker's clock stands still
 * while it computes.
 *
 * Whoever works takes steps first. Once `left` is negative, every loop ends early and every result is meaningless: the
 * one who made the budget must look at `left` before it believes a result.
 */

export interface StepBudget {
  left: number;
}

/** One subschema at one value. */
export const EVALUATION_STEPS = 20;
/** One item or name that is listed, noted, compared or printed. */
export const MEMBER_STEPS = 10;
/** One property whose schemas are looked for. */
export const PROPERTY_STEPS = 20;
/** One name that is sorted among the others. */
export const SORT_STEPS = 30;

/**
 * What an operation of the runtime costs on `text`, such as a comparison or a copy. Such operations are far faster than
 * our loops.
 */
export function textSteps(text: string): number {
  return 1 + (text.length >> 3);
}
