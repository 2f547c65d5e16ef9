/** `multipleOf` in decimal arithmetic, because in binary 0.3 is no multiple of 0.1. PURE. */

import type { StepBudget } from "./step-budget.ts";

/** Making two integers from text. */
const DECIMAL_STEPS = 60;

/** `divisor` is positive. Both count as the shortest decimal that JavaScript prints for them. */
export function isMultipleOf(value: number, divisor: number, budget: StepBudget): boolean {
  if (Number.isSafeInteger(value) && Number.isSafeInteger(divisor)) return value % divisor === 0;
  const [dividend, exponent] = decimal(value);
  const [unit, unitExponent] = decimal(divisor);
  const shift = exponent - unitExponent;
  // The integers have up to 650 digits.
  budget.left -= DECIMAL_STEPS + Math.abs(shift);
  return shift >= 0
    ? (dividend * 10n ** BigInt(shift)) % unit === 0n
    : dividend % (unit * 10n ** BigInt(-shift)) === 0n;
}

/** The number as `digits * 10 ** exponent`, without its sign. */
function decimal(number: number): [digits: bigint, exponent: number] {
  const [mantissa = "", exponent = ""] = Math.abs(number).toExponential().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return [BigInt(whole + fraction), Number(exponent) - fraction.length];
}
