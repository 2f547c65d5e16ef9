/** The one place where a retry asks for a stored action. */

import { requireValidParameters, resolveAction } from "../../../actions/resolve.ts";
import type { JsonObject } from "../../../base/json.ts";
import { ApiError } from "../../../http/errors.ts";
import type { Place } from "../run-place.ts";
import type { ActionDefinition } from "./of-action.ts";

/**
 * The action as it is now, if its schema accepts the parameters. Throws `action_not_found`, `action_secrets_lost`,
 * `invalid_parameters`, `not_configured` or `database_unavailable`.
 */
export async function actionOfRetry(
  place: Place,
  name: string,
  parameters: JsonObject,
  waitUntil: (work: Promise<unknown>) => void,
): Promise<ActionDefinition> {
  const action = await resolveAction(place.env, place.hops, place.scope, name, waitUntil);
  if (!action.ok) throw new ApiError(action.error);
  requireValidParameters(action.value, parameters);
  return action.value;
}
