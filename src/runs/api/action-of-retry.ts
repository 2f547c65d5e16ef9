/** The one place where a retry asks for a stored action. */

import type { JsonObject } from "../../http/json.ts";
import type { ActionDefinition } from "./create.ts";
import type { Place } from "./run-place.ts";

/**
 * The action as it is now, if its schema accepts the parameters. Throws `action_not_found`, `action_secrets_lost` or
 * `invalid_parameters`. No run has an action yet, so this is never called.
 */
export async function actionOfRetry(
  _place: Place,
  name: string,
  _parameters: JsonObject,
): Promise<ActionDefinition> {
  throw new Error(`the action ${name} can't be resolved`);
}
