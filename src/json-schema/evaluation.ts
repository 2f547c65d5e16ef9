/** What one validation carries along, and how its parts say that a value is refused. PURE. */

import type { Evaluated } from "./evaluated.ts";
import type { InstanceLocation } from "./schema-fault.ts";
import type { SchemaNode } from "./schema-node.ts";
import type { StepBudget } from "./step-budget.ts";

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
export type Evaluate<T> = (
  node: SchemaNode,
  value: T,
  location: InstanceLocation | null,
  seen: Evaluated | null,
  evaluation: Evaluation,
) => Fault | null;

export function fault(location: InstanceLocation | null, what: () => string, wrong = location): Fault {
  return { location, wrong, what };
}
