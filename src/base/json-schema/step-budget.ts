/**
 * The work that one validation may do. PURE. A step takes some 10 to 25 ns, whatever the work is, so the 3 million
 * steps of a validation take less than 0.1 s. One step is following one pattern instruction. The constants give the
 * cost of other work. Work is bounded by steps and not by time, because a Worker's clock stands still while it
 * computes.
 *
 * Whoever works takes steps first. Once `left` is negative, every loop ends early and every result is meaningless: the
 * one who made the budget must look at `left` before it believes a result.
 */
import { isJsonObject } from "../json.ts";

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
const SORT_STEPS = 30;

/** What an operation of the runtime costs on `text`, such as a copy. Such operations are far faster than our loops. */
export function textSteps(text: string): number {
  return 1 + (text.length >> 3);
}

const VALUE_STEPS = 5;
/** Joining the parts of a list or an object, besides printing them. */
const CONTAINER_STEPS = 10;
/** Printing a fraction, or a number that is too large for an integer. */
const FRACTION_STEPS = 20;

/**
 * Two values are equal (JSON Schema Core 2020-12, section 4.2.2) if their texts are: JSON with sorted keys, in which -0
 * is 0. A string has its length in front of it, because escaping it would take far longer. A set of texts lets `enum`
 * and `uniqueItems` take linear time. Meaningless if the budget is overdrawn.
 */
export function canonicalText(value: unknown, budget: StepBudget): string {
  budget.left -= VALUE_STEPS;
  if (typeof value === "string") return canonicalString(value, budget);
  if (typeof value === "number" && !Number.isSafeInteger(value)) budget.left -= FRACTION_STEPS;
  if (typeof value === "object") budget.left -= CONTAINER_STEPS;
  if (budget.left < 0) return "";
  if (Array.isArray(value)) return `[${value.map((item) => canonicalText(item, budget)).join(",")}]`;
  if (!isJsonObject(value)) return String(value);
  const names = Object.keys(value);
  budget.left -= names.length * SORT_STEPS;
  if (budget.left < 0) return "";
  names.sort();
  return `{${names.map((name) => `${canonicalString(name, budget)}:${canonicalText(value[name], budget)}`).join(",")}}`;
}

function canonicalString(text: string, budget: StepBudget): string {
  budget.left -= textSteps(text);
  return budget.left < 0 ? "" : `${text.length}"${text}`;
}

const DECIMAL_STEPS = 60;

/** In decimal arithmetic, because in binary 0.3 is no multiple of 0.1. `divisor` is positive. */
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
