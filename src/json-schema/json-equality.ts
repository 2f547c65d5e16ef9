/** When two JSON values are equal (JSON Schema Core 2020-12, section 4.2.2). PURE. */

import { isJsonObject } from "../base/json.ts";
import { SORT_STEPS, type StepBudget, textSteps } from "./step-budget.ts";

/** Printing one value. */
const VALUE_STEPS = 5;
/** Joining the parts of a list or an object, besides printing them. */
const CONTAINER_STEPS = 10;
/** Printing a fraction, or a number that is too large for an integer. */
const FRACTION_STEPS = 20;

/**
 * Like JSON with sorted keys: equal values have equal texts, others have different ones, and -0 equals 0. A string has
 * its length in front of it, because escaping it would take far longer than copying it. Looking a text up in a set
 * takes one look, so `enum` and `uniqueItems` take linear time. Recursion is as deep as the value. Meaningless if the
 * budget is overdrawn.
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
