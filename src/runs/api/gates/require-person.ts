/**
 * The threat is that a portal's users approve their own runs: all of them act through one token. So a token that may act
 * for others must name a person with each change of a run that has gates. A run's gates never change, so it makes no
 * difference when this is judged.
 */

import type { Context } from "hono";
import type { AppEnv } from "../../../http/app-env.ts";
import { ApiError } from "../../../http/errors.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";

/** Whether the request must name a person if it is about a run that has gates. */
export function mustNamePerson(c: Context<AppEnv>): boolean {
  return c.get("principal").mayActForOthers && c.get("person") === null;
}

/**
 * Throws `person_required`. `mustName`: whether the request must name a person and names none; only then it costs a
 * call. `id`: of a run that a coordinator may know.
 */
export async function requirePerson(mustName: boolean, environment: RunEnvironment, id: string): Promise<void> {
  if (!mustName) return;
  if (await ask(environment, (coordinator) => coordinator.gates.hasGates(id))) {
    throw new ApiError("person_required");
  }
}
