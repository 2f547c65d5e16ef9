/**
 * Arrays and objects (JSON Schema Validation 2020-12, sections 6.4 and 6.5; Core, section 10.3). PURE. Only own
 * properties count as present, so `constructor` or `__proto__` is there only if the caller sent it.
 */

import type { JsonObject } from "../base/json.ts";
import type { Evaluated } from "./evaluated.ts";
import { type Evaluate, type Evaluation, type Fault, fault } from "./evaluation.ts";
import { canonicalText } from "./json-equality.ts";
import { matches } from "./pattern.ts";
import { type InstanceLocation, shownJson } from "./schema-fault.ts";
import type { SchemaNode } from "./schema-node.ts";
import { MEMBER_STEPS, PROPERTY_STEPS, type StepBudget, textSteps } from "./step-budget.ts";

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
