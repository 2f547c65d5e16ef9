/**
 * The work that one validation may do. PURE. A step is about the work of following one instruction of a pattern, some 25 ns. The
 * constants below compare other work with that. Work is
 * bounded by steps and not by time, because a Worker's clock stands still while it computes.
 *
 * Whoever works takes steps first. Once `left` is negative, every loop ends early and every result is meaningless: the
 * one who made the budget must look at `left` before it believes a result.
 */

export interface StepBudget {
  left: number;
}

/** One subschema at one value. */
export const EVALUATION_STEPS = 10;
/** One property or item that is listed, compared or printed. */
export const MEMBER_STEPS = 5;
/** Asking the runtime about one character that is not ASCII. */
export const CHARACTER_CLASS_STEPS = 10;

/** What an operation of the runtime costs on `text`, such as a comparison or a copy. Such operations are far faster than our loops. */
export function textSteps(text: string): number {
  return 1 + (text.length >> 4);
}
