/** POST /{o}/{p}/envs/{envName}/actions/{name}/runs: runs a stored action. */

import { Hono } from "hono";
import { resolveAction } from "../../../actions/resolve.ts";
import { requires } from "../../../auth/bearer.ts";
import { DEFINITION_NAME, TIMEOUT_DEFAULT_MINUTES } from "../../../base/limits.ts";
import { MINUTE_MS } from "../../../base/time.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { validBody, validQuery } from "../../../http/validate.ts";
import { createQuery } from "../query-schemas.ts";
import { type NewRunOfActionBody, newRunOfAction } from "../request-schemas.ts";
import { sendCreated } from "../run-response.ts";
import { type CreatedRun, type Creation, createRun, creationOf, keyOfCreate, toMs } from "./create.ts";
import { wantedGates } from "./gates.ts";

export const actionRunsRoutes = new Hono<AppEnv>().post(
  `/:name{${DEFINITION_NAME}}/runs` as "/:name/runs",
  requires("data:write"),
  validBody(newRunOfAction, { mayBeEmpty: true }),
  validQuery(createQuery),
  async (c) => {
    const creation = creationOf(c, c.req.valid("query"));
    const created = await createRunOfAction(creation, c.req.param("name"), c.req.valid("json"));
    return sendCreated(c, creation, created);
  },
);

async function createRunOfAction(creation: Creation, name: string, body: NewRunOfActionBody): Promise<CreatedRun> {
  const { entityId, parameters, recommendations } = body;
  const changeKey = await keyOfCreate(creation, ["run", name, body]);
  return createRun(creation, changeKey, async () => {
    const action = await resolveAction(creation, name, parameters);
    return {
      actionName: name,
      entityId,
      parameters,
      recommendations,
      timeoutMs: (body.timeout ?? action.timeout ?? TIMEOUT_DEFAULT_MINUTES) * MINUTE_MS,
      heartbeatTimeoutMs: toMs(action.heartbeatTimeout),
      labels: [...new Set([...action.labels, ...(body.labels ?? [])])].sort(),
      source: "action",
      actionVersion: action.version,
      retryOf: null,
      trigger: action.trigger,
      shownTrigger: action.shownTrigger,
      gates: wantedGates(body, action, { parameters, entityId }, action.trigger !== undefined),
    };
  });
}
