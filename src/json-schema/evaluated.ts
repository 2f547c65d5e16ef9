/**
 * Which properties or items of one value some keyword looked at. `unevaluatedProperties` and `unevaluatedItems` apply
 * to the others (JSON Schema Core 2020-12, section 11). PURE. Only a subschema that accepted the value counts.
 */

import { MEMBER_STEPS, type StepBudget } from "./step-budget.ts";

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
