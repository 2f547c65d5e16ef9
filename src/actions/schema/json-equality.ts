/** When two JSON values are equal (JSON Schema Core 2020-12, section 4.2.2). PURE. */

import { isJsonObject } from "../../http/json.ts";
import { MEMBER_STEPS, type StepBudget, textSteps } from "./step-budget.ts";

/**
 * JSON with sorted keys: equal values have equal texts, and -0 equals 0. Looking a text up in a set takes one look, so
 * `enum` and `uniqueItems` take linear time. Recursion is as deep as the value. Meaningless if the budget is overdrawn.
 */
export function canonicalText(value: unknown, budget: StepBudget): string {
  budget.left -= MEMBER_STEPS + (typeof value === "string" ? textSteps(value) : 0);
  if (budget.left < 0) return "";
  if (Array.isArray(value)) return `[${value.map((item) => canonicalText(item, budget)).join(",")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value) ?? "null";
  const names = Object.keys(value).sort();
  for (const name of names) budget.left -= 2 * MEMBER_STEPS + textSteps(name);
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalText(value[name], budget)}`).join(",")}}`;
}
