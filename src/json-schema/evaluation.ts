/** What one validation carries along, and how its parts say that a value is refused. PURE. */

import type { Evaluated } from "./evaluated.ts";
import type { Place } from "./schema-fault.ts";
import type { SchemaNode } from "./schema-node.ts";
import type { StepBudget } from "./step-budget.ts";

/**
 * A refusal. Its sentence is made only for the one that callers see, because `anyOf` and `not` drop most of them. `what`
 * is to be read after "The value at /place".
 */
export interface Fault {
  readonly place: Place | null;
  /** The member that must change: the one at `place`, or one that is missing there. */
  readonly wrong: Place | null;
  readonly what: () => string;
}

export interface Evaluation {
  readonly budget: StepBudget;
  /**
   * Null if the schema accepts the value. `seen` collects what the schema looked at, if somebody needs it. Only an accepted
   * value makes `seen` meaningful.
   */
  evaluate(schema: SchemaNode, value: unknown, place: Place | null, seen: Evaluated | null): Fault | null;
}

/** Judges a value of one type by the node's own keywords. */
export type Judge<T> = (
  node: SchemaNode,
  value: T,
  place: Place | null,
  seen: Evaluated | null,
  evaluation: Evaluation,
) => Fault | null;

export function fault(place: Place | null, what: () => string, wrong = place): Fault {
  return { place, wrong, what };
}
