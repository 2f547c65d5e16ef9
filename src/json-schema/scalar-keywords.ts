/** Types, allowed values, strings and numbers (JSON Schema Validation 2020-12, sections 6.1 to 6.3). PURE. */

import { type Evaluate, type Fault, fault } from "./evaluation.ts";
import { hasFormat } from "./formats.ts";
import { canonicalText } from "./json-equality.ts";
import { isMultipleOf } from "./multiple-of.ts";
import { matches } from "./pattern.ts";
import { type InstanceLocation, shownJson } from "./schema-fault.ts";
import type { AllowedValues, SchemaNode, TypeName } from "./schema-node.ts";
import type { StepBudget } from "./step-budget.ts";

export function typeOf(value: unknown): TypeName {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  // JSON has no other types.
  return typeof value as "boolean" | "number" | "object" | "string";
}

export const evaluateType: Evaluate<unknown> = ({ type }, value, location) => {
  if (type === undefined) return null;
  const own = typeOf(value);
  if (type.has(own) || (type.has("integer") && Number.isInteger(value))) return null;
  return fault(location, () => `is of type ${own}. Send a value of type ${[...type].join(" or ")}.`);
};

export const evaluateAllowed: Evaluate<unknown> = (node, value, location, _, { budget }) =>
  evaluateValues(node.const, value, location, budget) ?? evaluateValues(node.enum, value, location, budget);

function evaluateValues(
  allowed: AllowedValues | undefined,
  value: unknown,
  location: InstanceLocation | null,
  budget: StepBudget,
): Fault | null {
  if (allowed === undefined) return null;
  const { texts, hasContainers, shown } = allowed;
  // A large object is not printed only to see that it is no string.
  const canBeAllowed = hasContainers || typeof value !== "object" || value === null;
  if (canBeAllowed && texts.has(canonicalText(value, budget))) return null;
  return fault(location, () => `is not allowed. Send ${texts.size === 1 ? "" : "one of "}${shown}.`);
}

export const evaluateString: Evaluate<string> = (node, text, location, _, { budget }) => {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format } = node;
  // A code point has one or two UTF-16 units, so the cheap length often decides.
  if (text.length < minLength || (text.length < 2 * minLength && codePoints(text, budget) < minLength)) {
    return fault(location, () => `is too short. Send at least ${minLength} characters.`);
  }
  if (text.length > 2 * maxLength || (text.length > maxLength && codePoints(text, budget) > maxLength)) {
    return fault(location, () => `is too long. Send at most ${maxLength} characters.`);
  }
  if (pattern !== undefined && !matches(pattern, text, budget)) {
    return fault(location, () => `does not match the pattern ${shownJson(pattern.source)}. Send text that matches it.`);
  }
  if (format !== undefined && !hasFormat(format, text, budget)) {
    return fault(location, () => `has the wrong format. Send ${format.wanted}.`);
  }
  return null;
};

function codePoints(text: string, budget: StepBudget): number {
  budget.left -= text.length;
  let count = 0;
  for (let at = 0; at < text.length && budget.left >= 0; count++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return count;
}

/** Every number is a double, as JavaScript reads JSON: 9007199254740993 arrives as 9007199254740992. */
export const evaluateNumber: Evaluate<number> = (node, value, location, _, { budget }) => {
  const wanted = wantedNumber(node, value, budget);
  return wanted === null ? null : fault(location, () => `is ${value}. Send ${wanted}.`);
};

function wantedNumber(node: SchemaNode, value: number, budget: StepBudget): string | null {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = node;
  if (minimum !== undefined && value < minimum) return `a number of at least ${minimum}`;
  if (maximum !== undefined && value > maximum) return `a number of at most ${maximum}`;
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return `a number over ${exclusiveMinimum}`;
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) return `a number under ${exclusiveMaximum}`;
  if (multipleOf === undefined) return null;
  return isMultipleOf(value, multipleOf, budget) ? null : `a multiple of ${multipleOf}`;
}
