/**
 * What is wrong with a value by itself: its type, the allowed values, texts and numbers (JSON Schema Validation 2020-12,
 * sections 6.1 to 6.3). PURE. `validate.ts` looks at what values contain.
 */
import { hasFormat } from "./formats.ts";
import { codePointOf, matches } from "./pattern.ts";
import { type AllowedValues, type SchemaNode, shownJson, type TypeName } from "./schema-node.ts";
import { canonicalText, isMultipleOf, type StepBudget } from "./step-budget.ts";

/**
 * What is wrong, to be read after "The value at /name". The sentence is made only for the refusal that callers see,
 * because `anyOf` and `not` drop most of them.
 */
export type What = () => string;

/** Null if nothing is wrong. */
export function whatIsWrong(node: SchemaNode, value: unknown, budget: StepBudget): What | null {
  const what = wrongType(node, value) ?? notAllowed(node.const, value, budget) ?? notAllowed(node.enum, value, budget);
  if (what !== null) return what;
  if (typeof value === "string") return wrongText(node, value, budget);
  return typeof value === "number" ? wrongNumber(node, value, budget) : null;
}

function wrongType({ type }: SchemaNode, value: unknown): What | null {
  if (type === undefined) return null;
  const own = typeOf(value);
  if (type.has(own) || (type.has("integer") && Number.isInteger(value))) return null;
  return () => `is of type ${own}. Send a value of type ${[...type].join(" or ")}.`;
}

function typeOf(value: unknown): TypeName {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  // JSON has no other types.
  return typeof value as "boolean" | "number" | "object" | "string";
}

function notAllowed(allowed: AllowedValues | undefined, value: unknown, budget: StepBudget): What | null {
  if (allowed === undefined) return null;
  const { texts, hasContainers, shown } = allowed;
  // A large object is not printed only to see that it is no string.
  const canBeAllowed = hasContainers || typeof value !== "object" || value === null;
  if (canBeAllowed && texts.has(canonicalText(value, budget))) return null;
  return () => `is not allowed. Send ${texts.size === 1 ? "" : "one of "}${shown}.`;
}

function wrongText(node: SchemaNode, text: string, budget: StepBudget): What | null {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format } = node;
  // A code point has one or two UTF-16 units, so the cheap length often decides.
  if (text.length < minLength || (text.length < 2 * minLength && codePoints(text, budget) < minLength)) {
    return () => `is too short. Send at least ${minLength} characters.`;
  }
  if (text.length > 2 * maxLength || (text.length > maxLength && codePoints(text, budget) > maxLength)) {
    return () => `is too long. Send at most ${maxLength} characters.`;
  }
  if (pattern !== undefined && !matches(pattern, text, budget)) {
    return () => `does not match the pattern ${shownJson(pattern.source)}. Send text that matches it.`;
  }
  if (format !== undefined && !hasFormat(format, text, budget)) {
    return () => `has the wrong format. Send ${format.wanted}.`;
  }
  return null;
}

function codePoints(text: string, budget: StepBudget): number {
  budget.left -= text.length;
  let count = 0;
  for (let at = 0; at < text.length && budget.left >= 0; count++) at += (codePointOf(text, at) ?? 0) > 0xffff ? 2 : 1;
  return count;
}

/** Every number is a double, as JavaScript reads JSON: 9007199254740993 arrives as 9007199254740992. */
function wrongNumber(node: SchemaNode, value: number, budget: StepBudget): What | null {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = node;
  const send = (wanted: string) => () => `is ${value}. Send ${wanted}.`;
  if (minimum !== undefined && value < minimum) return send(`a number of at least ${minimum}`);
  if (maximum !== undefined && value > maximum) return send(`a number of at most ${maximum}`);
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return send(`a number over ${exclusiveMinimum}`);
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) return send(`a number under ${exclusiveMaximum}`);
  const isMultiple = multipleOf === undefined || isMultipleOf(value, multipleOf, budget);
  return isMultiple ? null : send(`a multiple of ${multipleOf}`);
}

/** `things`: what is counted. */
export function wrongCount(count: number, things: string, min = 0, max = Number.POSITIVE_INFINITY): What | null {
  if (count < min) return () => `has ${count} ${things}. Send at least ${min}.`;
  return count > max ? () => `has ${count} ${things}. Send at most ${max}.` : null;
}
