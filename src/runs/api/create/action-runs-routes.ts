/** POST /{o}/{p}/envs/{envName}/actions/{name}/runs: runs a stored action. */

import { type Context, Hono } from "hono";
import { type ResolvedAction, requireValidParameters, resolveAction } from "../../../actions/resolve.ts";
import { requires } from "../../../auth/bearer.ts";
import type { JsonObject } from "../../../base/json.ts";
import { ACTION_NAME } from "../../../base/limits.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { usableRing } from "../../../http/environment.ts";
import { ApiError } from "../../../http/errors.ts";
import { validBody, validQuery } from "../../../http/validate.ts";
import { createQuery } from "../query-schemas.ts";
import { newRunOfAction } from "../request-schemas.ts";
import { type Place, placeOf } from "../run-place.ts";
import { createRunOfAction, replayOfAction } from "./of-action.ts";

export const actionRunsRoutes = new Hono<AppEnv>().post(
  `/:name{${ACTION_NAME}}/runs` as "/:name/runs",
  requires("data:write"),
  validBody(newRunOfAction, { mayBeEmpty: true }),
  validQuery(createQuery),
  async (c) => {
    const body = c.req.valid("json");
    const isDetailed = c.req.valid("query").include !== undefined;
    const place = placeOf(c);
    usableRing(c);
    const name = c.req.param("name");
    let action: ResolvedAction;
    try {
      action = await runnable(c, place, name, body.parameters);
    } catch (refusal) {
      // The same key may have created a run when the action was another one, or when D1 could be read.
      const replay =
        refusal instanceof ApiError ? await replayOfAction(c, place, name, body, isDetailed) : null;
      if (replay === null) throw refusal;
      return replay;
    }
    return createRunOfAction(c, place, action, body, isDetailed);
  },
);

/** The action as it is now, if the parameters fit. Throws 404, 409, 422 or 503. */
async function runnable(
  c: Context<AppEnv>,
  { scope }: Place,
  name: string,
  parameters: JsonObject,
): Promise<ResolvedAction> {
  const action = await resolveAction(c.env, c.get("hops"), scope, name, (work) =>
    c.executionCtx.waitUntil(work),
  );
  if (!action.ok) throw new ApiError(action.error);
  requireValidParameters(action.value, parameters);
  return action.value;
}
