/** Which filter the service refused. PURE. */

import { ActionRunsError } from "../../client/index.ts";
import { type Chip, parameterOf } from "./filters.ts";

export interface Refusal {
  readonly chips: ReadonlySet<Chip>;
  readonly sentence: string;
}

/** null if the error is about something else than a chip. */
export function refusalOf(error: unknown, chips: readonly Chip[]): Refusal | null {
  if (!(error instanceof ActionRunsError) || error.code !== "invalid_query") return null;
  const named = chips.filter((chip) => error.pointer === `/${parameterOf(chip)}`);
  // "label.1: …" is about the second label.
  const [, index] = /^\w+\.(\d+):/.exec(error.message) ?? [];
  const one = index === undefined ? undefined : named[Number(index)];
  const refused = one === undefined ? named : [one];
  return refused.length === 0 ? null : { chips: new Set(refused), sentence: error.message };
}
