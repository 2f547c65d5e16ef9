/**
 * Whether parameters fit a checked schema. PURE, and without `eval`.
 *
 * Schema and parameters may both be hostile: a small schema whose references double at each level takes exponential
 * time. So each validation has a budget of steps, and the depth of its recursion is bounded. Both bounds give a
 * refusal, and no outcome is believed after one was reached.
 */

import { isDeeperThan, isJsonObject } from "../base/json.ts";
import { JSON_MAX_DEPTH, VALIDATION_MAX_STEPS } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { CheckedSchema } from "./check-schema.ts";
import {
  Evaluated,
  type Evaluation,
  evaluateAllowed,
  evaluateArray,
  evaluateNumber,
  evaluateObject,
  evaluateString,
  evaluateType,
  type Fault,
  fault,
} from "./evaluation.ts";
import { type InstanceLocation, pointerOf, type SchemaFault, type SchemaNode, shownPointer } from "./schema-node.ts";
import { EVALUATION_STEPS, MEMBER_STEPS, type StepBudget } from "./step-budget.ts";

/** Subschemas inside each other, at one value or below it. The stack of the runtime holds three times as many. */
const EVALUATION_MAX_DEPTH = 400;

/**
 * `parameters`: parsed JSON. Refuses with the first fault, whose `pointer` leads into the parameters. `budget` says how
 * many steps there may be, and afterwards how many are left.
 */
export function validate(
  { root }: CheckedSchema,
  parameters: unknown,
  budget: StepBudget = { left: VALIDATION_MAX_STEPS },
): Result<void, SchemaFault> {
  if (isDeeperThan(parameters, JSON_MAX_DEPTH)) {
    const sentence = `parameters has more than ${JSON_MAX_DEPTH} levels. Send parameters that nest less deeply.`;
    return err({ pointer: "", sentence });
  }
  const refused = new SchemaEvaluation(budget).evaluate(root, parameters, null, null);
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

const OVERDRAWN: Fault = fault(null, () => "takes too many steps.");

class SchemaEvaluation implements Evaluation {
  readonly budget: StepBudget;
  #depth = 0;

  constructor(budget: StepBudget) {
    this.budget = budget;
  }

  evaluate(node: SchemaNode, value: unknown, location: InstanceLocation | null, seen: Evaluated | null): Fault | null {
    this.budget.left -= EVALUATION_STEPS;
    if (this.#depth >= EVALUATION_MAX_DEPTH) this.budget.left = -1;
    if (this.budget.left < 0) return OVERDRAWN;
    if (node.refusesAll === true) return fault(location, () => "is not allowed here. Remove it.");
    this.#depth++;
    const needsSeen = node.unevaluatedProperties !== undefined || node.unevaluatedItems !== undefined;
    const own = seen ?? (needsSeen ? this.#evaluated() : null);
    const refused =
      this.#evaluateOwn(node, value, location, own) ??
      this.#evaluateInPlace(node, value, location, own) ??
      this.#evaluateUnevaluated(node, value, location, own);
    this.#depth--;
    // A refusal ends the schemas around this one. Otherwise each of them would go on without steps.
    return this.budget.left < 0 ? OVERDRAWN : refused;
  }

  #evaluated(): Evaluated {
    this.budget.left -= EVALUATION_STEPS;
    return new Evaluated();
  }

  #evaluateOwn(
    node: SchemaNode,
    value: unknown,
    location: InstanceLocation | null,
    seen: Evaluated | null,
  ): Fault | null {
    const refused =
      evaluateType(node, value, location, seen, this) ?? evaluateAllowed(node, value, location, seen, this);
    if (refused !== null) return refused;
    if (typeof value === "string") return evaluateString(node, value, location, seen, this);
    if (typeof value === "number") return evaluateNumber(node, value, location, seen, this);
    if (Array.isArray(value)) return evaluateArray(node, value, location, seen, this);
    return isJsonObject(value) ? evaluateObject(node, value, location, seen, this) : null;
  }

  /** The subschemas that apply to the same value (JSON Schema Core 2020-12, sections 8.2.3 and 10.2). */
  #evaluateInPlace(
    node: SchemaNode,
    value: unknown,
    location: InstanceLocation | null,
    seen: Evaluated | null,
  ): Fault | null {
    return (
      (node.$ref === undefined ? null : this.#branch(node.$ref, value, location, seen)) ??
      this.#evaluateAllOf(node, value, location, seen) ??
      this.#evaluateAnyOf(node, value, location, seen) ??
      this.#evaluateOneOf(node, value, location, seen) ??
      this.#evaluateNot(node, value, location) ??
      this.#evaluateIf(node, value, location, seen) ??
      this.#evaluateDependent(node, value, location, seen)
    );
  }

  /** Only a branch that accepts the value adds what it looked at. */
  #branch(node: SchemaNode, value: unknown, location: InstanceLocation | null, seen: Evaluated | null): Fault | null {
    const own = seen === null ? null : this.#evaluated();
    const refused = this.evaluate(node, value, location, own);
    if (refused === null && own !== null) seen?.merge(own, this.budget);
    return refused;
  }

  #evaluateAllOf(
    { allOf }: SchemaNode,
    value: unknown,
    location: InstanceLocation | null,
    seen: Evaluated | null,
  ): Fault | null {
    for (const schema of allOf ?? []) {
      const refused = this.#branch(schema, value, location, seen);
      if (refused !== null) return refused;
    }
    return null;
  }

  #evaluateAnyOf(
    { anyOf }: SchemaNode,
    value: unknown,
    location: InstanceLocation | null,
    seen: Evaluated | null,
  ): Fault | null {
    if (anyOf === undefined) return null;
    let isAccepted = false;
    for (const schema of anyOf) {
      if (this.#branch(schema, value, location, seen) === null) isAccepted = true;
      // The others matter only for what they look at.
      if ((isAccepted && seen === null) || this.budget.left < 0) break;
    }
    if (isAccepted) return null;
    return fault(
      location,
      () => `matches none of the ${anyOf.length} schemas of "anyOf". Send a value that matches one.`,
    );
  }

  #evaluateOneOf(
    { oneOf }: SchemaNode,
    value: unknown,
    location: InstanceLocation | null,
    seen: Evaluated | null,
  ): Fault | null {
    if (oneOf === undefined) return null;
    let accepted = 0;
    for (const schema of oneOf) {
      if (this.#branch(schema, value, location, seen) === null) accepted++;
      if (accepted > 1 || this.budget.left < 0) break;
    }
    if (accepted === 1) return null;
    const count = accepted === 0 ? "none" : "more than one";
    return fault(
      location,
      () => `matches ${count} of the ${oneOf.length} schemas of "oneOf". Send a value that matches exactly one.`,
    );
  }

  #evaluateNot({ not }: SchemaNode, value: unknown, location: InstanceLocation | null): Fault | null {
    if (not === undefined || this.evaluate(not, value, location, null) !== null) return null;
    return fault(location, () => 'matches the schema of "not". Send a value that does not match it.');
  }

  #evaluateIf(
    node: SchemaNode,
    value: unknown,
    location: InstanceLocation | null,
    seen: Evaluated | null,
  ): Fault | null {
    if (node.if === undefined) return null;
    const next = this.#branch(node.if, value, location, seen) === null ? node.then : node.else;
    return next === undefined ? null : this.#branch(next, value, location, seen);
  }

  #evaluateDependent(
    node: SchemaNode,
    value: unknown,
    location: InstanceLocation | null,
    seen: Evaluated | null,
  ): Fault | null {
    if (node.dependentSchemas === undefined || !isJsonObject(value)) return null;
    for (const [name, schema] of node.dependentSchemas) {
      this.budget.left -= 1;
      const refused = Object.hasOwn(value, name) ? this.#branch(schema, value, location, seen) : null;
      if (refused !== null) return refused;
    }
    return null;
  }

  /** Last, because all other keywords may look at properties and items first. */
  #evaluateUnevaluated(
    node: SchemaNode,
    value: unknown,
    location: InstanceLocation | null,
    seen: Evaluated | null,
  ): Fault | null {
    const schema = Array.isArray(value) ? node.unevaluatedItems : node.unevaluatedProperties;
    if (schema === undefined || typeof value !== "object" || value === null) return null;
    const keys: readonly (string | number)[] = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
    this.budget.left -= keys.length * MEMBER_STEPS;
    for (const key of keys) {
      if (seen?.has(key) === true) continue;
      const member = (value as Readonly<Record<string | number, unknown>>)[key];
      const refused = this.evaluate(schema, member, { parent: location, key }, null);
      if (refused !== null) return refused;
      seen?.add(key, this.budget);
    }
    return null;
  }
}
