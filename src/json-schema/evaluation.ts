/** What one validation carries along, and how its parts say that a value is refused. PURE. */

import type { JsonObject } from "../base/json.ts";
import { hasFormat } from "./formats.ts";
import { matches } from "./pattern.ts";
import { type AllowedValues, type InstanceLocation, type SchemaNode, shownJson, type TypeName } from "./schema-node.ts";
import {
  canonicalText,
  isMultipleOf,
  MEMBER_STEPS,
  PROPERTY_STEPS,
  type StepBudget,
  textSteps,
} from "./step-budget.ts";

/**
 * A refusal. Its sentence is made only for the one that callers see, because `anyOf` and `not` drop most of them.
 * `what` is to be read after "The value at /name".
 */
export interface Fault {
  readonly location: InstanceLocation | null;
  /** The member that must change: the one at `location`, or one that is missing there. */
  readonly wrong: InstanceLocation | null;
  readonly what: () => string;
}

export interface Evaluation {
  readonly budget: StepBudget;
  /**
   * Null if the schema accepts the value. `seen`, if given, collects the members and items that the schema looked at.
   * It is meaningless if the schema refuses the value.
   */
  evaluate(schema: SchemaNode, value: unknown, location: InstanceLocation | null, seen: Evaluated | null): Fault | null;
}

/** Evaluates a value of one type by the node's own keywords. */
type Evaluate<T> = (
  node: SchemaNode,
  value: T,
  location: InstanceLocation | null,
  seen: Evaluated | null,
  evaluation: Evaluation,
) => Fault | null;

export function fault(location: InstanceLocation | null, what: () => string, wrong = location): Fault {
  return { location, wrong, what };
}

/* SECTION:
 * Which properties or items of one value some keyword looked at. `unevaluatedProperties` and `unevaluatedItems` apply
 * to the others (JSON Schema Core 2020-12, section 11). PURE. Only a subschema that accepted the value counts.
 */

export class Evaluated {
  readonly #keys = new Set<string | number>();

  has(key: string | number): boolean {
    return this.#keys.has(key);
  }

  add(key: string | number, budget: StepBudget): void {
    budget.left -= MEMBER_STEPS;
    this.#keys.add(key);
  }

  merge(other: Evaluated, budget: StepBudget): void {
    budget.left -= 1 + other.#keys.size * MEMBER_STEPS;
    for (const key of other.#keys) this.#keys.add(key);
  }
}

/* SECTION: Types, allowed values, strings and numbers (JSON Schema Validation 2020-12, sections 6.1 to 6.3). PURE. */

function typeOf(value: unknown): TypeName {
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

/* SECTION:
 * Arrays and objects (JSON Schema Validation 2020-12, sections 6.4 and 6.5; Core, section 10.3). PURE. Only own
 * properties count as present, so `constructor` or `__proto__` is there only if the caller sent it.
 */

type List = readonly unknown[];

export const evaluateArray: Evaluate<List> = (node, list, location, seen, evaluation) => {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = node;
  if (list.length < minItems) {
    return fault(location, () => `has ${list.length} items. Send at least ${minItems}.`);
  }
  if (list.length > maxItems) return fault(location, () => `has ${list.length} items. Send at most ${maxItems}.`);
  return (
    evaluateItems(node, list, location, seen, evaluation) ??
    evaluateContains(node, list, location, seen, evaluation) ??
    evaluateUnique(node, list, location, seen, evaluation)
  );
};

const evaluateItems: Evaluate<List> = ({ prefixItems = [], items }, list, location, seen, evaluation) => {
  const end = items === undefined ? Math.min(prefixItems.length, list.length) : list.length;
  for (let index = 0; index < end; index++) {
    const schema = prefixItems[index] ?? items;
    if (schema === undefined) break;
    const refused = evaluation.evaluate(schema, list[index], { parent: location, key: index }, null);
    if (refused !== null) return refused;
    seen?.add(index, evaluation.budget);
  }
  return null;
};

const evaluateContains: Evaluate<List> = (node, list, location, seen, evaluation) => {
  const { contains, minContains = 1, maxContains = Number.POSITIVE_INFINITY } = node;
  if (contains === undefined) return null;
  let count = 0;
  for (let index = 0; index < list.length && evaluation.budget.left >= 0; index++) {
    if (evaluation.evaluate(contains, list[index], { parent: location, key: index }, null) !== null) continue;
    seen?.add(index, evaluation.budget);
    count++;
  }
  if (count < minContains) {
    return fault(location, () => `has ${count} items that match "contains". Send at least ${minContains}.`);
  }
  if (count > maxContains) {
    return fault(location, () => `has ${count} items that match "contains". Send at most ${maxContains}.`);
  }
  return null;
};

const evaluateUnique: Evaluate<List> = ({ uniqueItems }, list, location, _, { budget }) => {
  if (uniqueItems !== true) return null;
  const texts = new Set<string>();
  for (const [index, item] of list.entries()) {
    budget.left -= MEMBER_STEPS;
    const text = canonicalText(item, budget);
    if (budget.left < 0) return null;
    if (texts.has(text)) {
      return fault({ parent: location, key: index }, () => "equals an earlier item. Remove one of the two.");
    }
    texts.add(text);
  }
  return null;
};

export const evaluateObject: Evaluate<JsonObject> = (node, object, location, seen, evaluation) => {
  const missing = missingName(node, object, evaluation.budget);
  if (missing !== null) {
    const what = () => `has no property ${shownJson(missing)}. Send it.`;
    return fault(location, what, { parent: location, key: missing });
  }
  if (!looksAtProperties(node)) return null;
  const names = Object.keys(object);
  evaluation.budget.left -= names.length * MEMBER_STEPS;
  const { minProperties = 0, maxProperties = Number.POSITIVE_INFINITY } = node;
  if (names.length < minProperties) {
    return fault(location, () => `has ${names.length} properties. Send at least ${minProperties}.`);
  }
  if (names.length > maxProperties) {
    return fault(location, () => `has ${names.length} properties. Send at most ${maxProperties}.`);
  }
  for (const name of names) {
    if (evaluation.budget.left < 0) break;
    const refused = evaluateProperty(node, name, object[name], { parent: location, key: name }, seen, evaluation);
    if (refused !== null) return refused;
  }
  return null;
};

/** The first name that `required` or `dependentRequired` misses. */
function missingName(node: SchemaNode, object: JsonObject, budget: StepBudget): string | null {
  const { required = [], dependentRequired } = node;
  budget.left -= required.length;
  const missing = required.find((name) => !Object.hasOwn(object, name));
  if (missing !== undefined) return missing;
  for (const [name, others] of dependentRequired ?? []) {
    budget.left -= 1;
    if (!Object.hasOwn(object, name)) continue;
    budget.left -= others.length;
    const lacking = others.find((other) => !Object.hasOwn(object, other));
    if (lacking !== undefined) return lacking;
  }
  return null;
}

/** Listing the names of an object takes time, and most nodes need none. */
function looksAtProperties(node: SchemaNode): boolean {
  return (
    node.properties !== undefined ||
    node.patternProperties !== undefined ||
    node.additionalProperties !== undefined ||
    node.propertyNames !== undefined ||
    node.minProperties !== undefined ||
    node.maxProperties !== undefined
  );
}

function evaluateProperty(
  node: SchemaNode,
  name: string,
  value: unknown,
  location: InstanceLocation,
  seen: Evaluated | null,
  evaluation: Evaluation,
): Fault | null {
  const { budget } = evaluation;
  budget.left -= PROPERTY_STEPS + textSteps(name);
  if (node.propertyNames !== undefined && evaluation.evaluate(node.propertyNames, name, location, null) !== null) {
    return fault(location, () => `has a name that "propertyNames" does not allow. Rename the property.`);
  }
  const schemas: SchemaNode[] = [];
  const own = node.properties?.get(name);
  if (own !== undefined) schemas.push(own);
  for (const { pattern, schema } of node.patternProperties ?? []) {
    if (matches(pattern, name, budget)) schemas.push(schema);
  }
  if (schemas.length === 0 && node.additionalProperties !== undefined) schemas.push(node.additionalProperties);
  for (const schema of schemas) {
    const refused = evaluation.evaluate(schema, value, location, null);
    if (refused !== null) return refused;
  }
  if (schemas.length > 0) seen?.add(name, budget);
  return null;
}
