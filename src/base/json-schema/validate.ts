/**
 * Whether parameters fit a checked schema. PURE, and without `eval`.
 *
 * Schema and parameters may both be hostile: a small schema whose references double at each level takes exponential
 * time. So a validation has a budget of steps and a bounded depth. Both bounds give a refusal, and no outcome is
 * believed after one was reached. Only own properties count, so `constructor` is there only if it was sent.
 */
import { isDeeperThan, isJsonObject, type JsonObject, pointerStep } from "../json.ts";
import { JSON_MAX_DEPTH, VALIDATION_MAX_STEPS } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import type { CheckedSchema } from "./check-schema.ts";
import { hasFormat } from "./formats.ts";
import { codePointOf, matches } from "./pattern.ts";
import {
  type AllowedValues,
  type SchemaFault,
  type SchemaNode,
  shownJson,
  shownPointer,
  type TypeName,
} from "./schema-node.ts";
import {
  canonicalText,
  EVALUATION_STEPS,
  isMultipleOf,
  MEMBER_STEPS,
  PROPERTY_STEPS,
  type StepBudget,
  textSteps,
} from "./step-budget.ts";

/** Subschemas inside each other, at one value or below it. The stack of the runtime holds three times as many. */
const EVALUATION_MAX_DEPTH = 400;

/** Refuses with the first fault, whose `pointer` leads into the parameters. `budget`: steps that are left. */
export function validate(
  schema: CheckedSchema,
  parameters: unknown,
  budget: StepBudget = { left: VALIDATION_MAX_STEPS },
): Result<void, SchemaFault> {
  if (isDeeperThan(parameters, JSON_MAX_DEPTH)) {
    const sentence = `parameters has more than ${JSON_MAX_DEPTH} levels. Send parameters that nest less deeply.`;
    return err({ pointer: "", sentence });
  }
  const refused = new Evaluation(budget).evaluate(schema, parameters, null, null);
  if (budget.left < 0) {
    const sentence =
      "Checking the parameters against the schema takes too many steps. Send smaller parameters, or simplify the schema.";
    return err({ pointer: "", sentence });
  }
  if (refused === null) return ok(undefined);
  const shown = shownPointer(pointerOf(refused.location));
  const subject = shown === "" ? "parameters" : `The value at ${shown}`;
  return err({ pointer: pointerOf(refused.wrong), sentence: `${subject} ${refused.what()}` });
}

/** Where a value is. A list of links, because most locations are never printed. Null is the root. */
type InstanceLocation = { readonly parent: InstanceLocation; readonly key: string | number } | null;

function pointerOf(location: InstanceLocation): string {
  const steps: string[] = [];
  for (let at = location; at !== null; at = at.parent) steps.push(pointerStep(at.key));
  return steps.reverse().join("");
}

interface Fault {
  readonly location: InstanceLocation;
  /** The member that must change: the one at `location`, or one that is missing there. */
  readonly wrong: InstanceLocation;
  readonly what: What;
}

function fault(location: InstanceLocation, what: What, wrong = location): Fault {
  return { location, wrong, what };
}

const OVERDRAWN = fault(null, () => "takes too many steps.");

/**
 * Which properties or items of one value some keyword looked at. `unevaluatedProperties` and `unevaluatedItems` apply
 * to the others (JSON Schema Core 2020-12, section 11). Null if nobody asks. Meaningless if the schema refuses the value.
 */
type Seen = Set<string | number> | null;

class Evaluation {
  readonly #budget: StepBudget;
  #depth = 0;

  constructor(budget: StepBudget) {
    this.#budget = budget;
  }

  /** Null if the schema accepts the value. `seen` collects the members and items that the schema looked at. */
  evaluate(node: SchemaNode, value: unknown, location: InstanceLocation, seen: Seen): Fault | null {
    this.#budget.left -= EVALUATION_STEPS;
    if (this.#depth >= EVALUATION_MAX_DEPTH) this.#budget.left = -1;
    if (this.#budget.left < 0) return OVERDRAWN;
    if (node.refusesAll === true) return fault(location, () => "is not allowed here. Remove it.");
    this.#depth++;
    const needsSeen = node.unevaluatedProperties !== undefined || node.unevaluatedItems !== undefined;
    const own = seen ?? (needsSeen ? this.#evaluated() : null);
    const refused =
      this.#ownKeywords(node, value, location, own) ??
      this.#inPlace(node, value, location, own) ??
      this.#unevaluated(node, value, location, own);
    this.#depth--;
    // A refusal ends the schemas around this one. Otherwise each of them would go on without steps.
    return this.#budget.left < 0 ? OVERDRAWN : refused;
  }

  #evaluated(): NonNullable<Seen> {
    this.#budget.left -= EVALUATION_STEPS;
    return new Set();
  }

  #see(key: string | number, seen: Seen): void {
    if (seen === null) return;
    this.#budget.left -= MEMBER_STEPS;
    seen.add(key);
  }

  #ownKeywords(node: SchemaNode, value: unknown, location: InstanceLocation, seen: Seen): Fault | null {
    const what = whatIsWrong(node, value, this.#budget);
    if (what !== null) return fault(location, what);
    if (Array.isArray(value)) return this.#array(node, value, location, seen);
    return isJsonObject(value) ? this.#object(node, value, location, seen) : null;
  }

  /** JSON Schema Validation 2020-12, section 6.4, and Core, section 10.3.1. */
  #array(node: SchemaNode, list: readonly unknown[], location: InstanceLocation, seen: Seen): Fault | null {
    const what = wrongCount(list.length, "items", node.minItems, node.maxItems);
    if (what !== null) return fault(location, what);
    return (
      this.#items(node, list, location, seen) ??
      this.#contains(node, list, location, seen) ??
      (node.uniqueItems === true ? this.#unique(list, location) : null)
    );
  }

  #items(node: SchemaNode, list: readonly unknown[], location: InstanceLocation, seen: Seen): Fault | null {
    const { prefixItems = [], items } = node;
    const end = items === undefined ? Math.min(prefixItems.length, list.length) : list.length;
    for (let index = 0; index < end; index++) {
      const schema = prefixItems[index] ?? items;
      if (schema === undefined) break;
      const refused = this.evaluate(schema, list[index], { parent: location, key: index }, null);
      if (refused !== null) return refused;
      this.#see(index, seen);
    }
    return null;
  }

  #contains(node: SchemaNode, list: readonly unknown[], location: InstanceLocation, seen: Seen): Fault | null {
    const { contains, minContains = 1, maxContains } = node;
    if (contains === undefined) return null;
    let count = 0;
    for (let index = 0; index < list.length && this.#budget.left >= 0; index++) {
      if (this.evaluate(contains, list[index], { parent: location, key: index }, null) !== null) continue;
      this.#see(index, seen);
      count++;
    }
    const what = wrongCount(count, 'items that match "contains"', minContains, maxContains);
    return what && fault(location, what);
  }

  #unique(list: readonly unknown[], location: InstanceLocation): Fault | null {
    const texts = new Set<string>();
    for (const [index, item] of list.entries()) {
      this.#budget.left -= MEMBER_STEPS;
      const text = canonicalText(item, this.#budget);
      if (this.#budget.left < 0) return null;
      if (texts.has(text)) {
        return fault({ parent: location, key: index }, () => "equals an earlier item. Remove one of the two.");
      }
      texts.add(text);
    }
    return null;
  }

  /** JSON Schema Validation 2020-12, section 6.5, and Core, section 10.3.2. */
  #object(node: SchemaNode, object: JsonObject, location: InstanceLocation, seen: Seen): Fault | null {
    const missing = this.#missingName(node, object);
    if (missing !== null) {
      const what = () => `has no property ${shownJson(missing)}. Send it.`;
      return fault(location, what, { parent: location, key: missing });
    }
    // Listing the names of an object takes time, and most nodes need none.
    if (PROPERTY_KEYWORDS.every((keyword) => node[keyword] === undefined)) return null;
    const names = Object.keys(object);
    this.#budget.left -= names.length * MEMBER_STEPS;
    const what = wrongCount(names.length, "properties", node.minProperties, node.maxProperties);
    if (what !== null) return fault(location, what);
    for (const name of names) {
      if (this.#budget.left < 0) break;
      const refused = this.#property(node, name, object[name], { parent: location, key: name }, seen);
      if (refused !== null) return refused;
    }
    return null;
  }

  #missingName({ required = [], dependentRequired }: SchemaNode, object: JsonObject): string | null {
    this.#budget.left -= required.length;
    const missing = required.find((name) => !Object.hasOwn(object, name));
    if (missing !== undefined) return missing;
    for (const [name, others] of dependentRequired ?? []) {
      this.#budget.left -= 1;
      if (!Object.hasOwn(object, name)) continue;
      this.#budget.left -= others.length;
      const lacking = others.find((other) => !Object.hasOwn(object, other));
      if (lacking !== undefined) return lacking;
    }
    return null;
  }

  #property(node: SchemaNode, name: string, value: unknown, location: InstanceLocation, seen: Seen): Fault | null {
    this.#budget.left -= PROPERTY_STEPS + textSteps(name);
    if (node.propertyNames !== undefined && this.evaluate(node.propertyNames, name, location, null) !== null) {
      return fault(location, () => `has a name that "propertyNames" does not allow. Rename the property.`);
    }
    const schemas: SchemaNode[] = [];
    const own = node.properties?.get(name);
    if (own !== undefined) schemas.push(own);
    for (const { pattern, schema } of node.patternProperties ?? []) {
      if (matches(pattern, name, this.#budget)) schemas.push(schema);
    }
    if (schemas.length === 0 && node.additionalProperties !== undefined) schemas.push(node.additionalProperties);
    for (const schema of schemas) {
      const refused = this.evaluate(schema, value, location, null);
      if (refused !== null) return refused;
    }
    if (schemas.length > 0) this.#see(name, seen);
    return null;
  }

  /** The subschemas that apply to the same value (JSON Schema Core 2020-12, sections 8.2.3 and 10.2). */
  #inPlace(node: SchemaNode, value: unknown, location: InstanceLocation, seen: Seen): Fault | null {
    return (
      this.#allOf(node, value, location, seen) ??
      this.#anyOf(node, value, location, seen) ??
      this.#oneOf(node, value, location, seen) ??
      this.#not(node, value, location) ??
      this.#if(node, value, location, seen) ??
      this.#dependent(node, value, location, seen)
    );
  }

  /** Only a branch that accepts the value adds what it looked at. */
  #branch(node: SchemaNode, value: unknown, location: InstanceLocation, seen: Seen): Fault | null {
    const own = seen === null ? null : this.#evaluated();
    const refused = this.evaluate(node, value, location, own);
    if (refused === null && own !== null) {
      this.#budget.left -= 1 + own.size * MEMBER_STEPS;
      for (const key of own) seen?.add(key);
    }
    return refused;
  }

  #allOf({ allOf = [] }: SchemaNode, value: unknown, location: InstanceLocation, seen: Seen): Fault | null {
    for (const schema of allOf) {
      const refused = this.#branch(schema, value, location, seen);
      if (refused !== null) return refused;
    }
    return null;
  }

  #anyOf({ anyOf }: SchemaNode, value: unknown, location: InstanceLocation, seen: Seen): Fault | null {
    if (anyOf === undefined) return null;
    // After the first one, the others matter only for what they look at.
    const most = seen === null ? 1 : anyOf.length;
    if (this.#accepting(anyOf, most, value, location, seen) > 0) return null;
    const what = () => `matches none of the ${anyOf.length} schemas of "anyOf". Send a value that matches one.`;
    return fault(location, what);
  }

  #oneOf({ oneOf }: SchemaNode, value: unknown, location: InstanceLocation, seen: Seen): Fault | null {
    if (oneOf === undefined) return null;
    const accepted = this.#accepting(oneOf, 2, value, location, seen);
    if (accepted === 1) return null;
    const all = `${accepted === 0 ? "none" : "more than one"} of the ${oneOf.length} schemas of "oneOf"`;
    return fault(location, () => `matches ${all}. Send a value that matches exactly one.`);
  }

  /** How many of the schemas accept the value, counted up to `most`. */
  #accepting(
    schemas: readonly SchemaNode[],
    most: number,
    value: unknown,
    location: InstanceLocation,
    seen: Seen,
  ): number {
    let accepted = 0;
    for (const schema of schemas) {
      if (this.#branch(schema, value, location, seen) === null) accepted++;
      if (accepted >= most || this.#budget.left < 0) break;
    }
    return accepted;
  }

  #not({ not }: SchemaNode, value: unknown, location: InstanceLocation): Fault | null {
    if (not === undefined || this.evaluate(not, value, location, null) !== null) return null;
    return fault(location, () => 'matches the schema of "not". Send a value that does not match it.');
  }

  #if(node: SchemaNode, value: unknown, location: InstanceLocation, seen: Seen): Fault | null {
    if (node.if === undefined) return null;
    const next = this.#branch(node.if, value, location, seen) === null ? node.then : node.else;
    return next === undefined ? null : this.#branch(next, value, location, seen);
  }

  #dependent(node: SchemaNode, value: unknown, location: InstanceLocation, seen: Seen): Fault | null {
    if (node.dependentSchemas === undefined || !isJsonObject(value)) return null;
    for (const [name, schema] of node.dependentSchemas) {
      this.#budget.left -= 1;
      const refused = Object.hasOwn(value, name) ? this.#branch(schema, value, location, seen) : null;
      if (refused !== null) return refused;
    }
    return null;
  }

  /** Last, because all other keywords may look at properties and items first. */
  #unevaluated(node: SchemaNode, value: unknown, location: InstanceLocation, seen: Seen): Fault | null {
    const schema = Array.isArray(value) ? node.unevaluatedItems : node.unevaluatedProperties;
    if (schema === undefined || typeof value !== "object" || value === null) return null;
    const keys: readonly (string | number)[] = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
    this.#budget.left -= keys.length * MEMBER_STEPS;
    for (const key of keys) {
      if (seen?.has(key) === true) continue;
      const member = (value as Readonly<Record<string | number, unknown>>)[key];
      const refused = this.evaluate(schema, member, { parent: location, key }, null);
      if (refused !== null) return refused;
      this.#see(key, seen);
    }
    return null;
  }
}

const PROPERTY_KEYWORDS = [
  "properties",
  "patternProperties",
  "additionalProperties",
  "propertyNames",
  "minProperties",
  "maxProperties",
] as const;

/** To be read after "The value at /name". Made only for the refusal that callers see: `anyOf` and `not` drop most. */
type What = () => string;

/** The type, the allowed values, texts and numbers (JSON Schema Validation 2020-12, sections 6.1 to 6.3). */
function whatIsWrong(node: SchemaNode, value: unknown, budget: StepBudget): What | null {
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

function wrongCount(count: number, things: string, min = 0, max = Number.POSITIVE_INFINITY): What | null {
  if (count < min) return () => `has ${count} ${things}. Send at least ${min}.`;
  return count > max ? () => `has ${count} ${things}. Send at most ${max}.` : null;
}
