/** POST …/{id}/retry: a new run with the inputs of one that has ended. */

import { resolveAction } from "../../../actions/resolve.ts";
import type { JsonObject } from "../../../base/json.ts";
import { INPUTS_MAX_BYTES, utf8Bytes } from "../../../base/limits.ts";
import { ApiError } from "../../../http/errors.ts";
import type { ChangeKey, InputsAnswer } from "../../run-calls.ts";
import { mayBeKnown } from "../read/reader.ts";
import type { RetryBody } from "../request-schemas.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";
import { refusalError } from "../run-response.ts";
import { type CreatedRun, type Creation, createRun, keyOfCreate } from "./create.ts";
import { wantedGates } from "./gates.ts";
import type { WantedRun } from "./prepare-run.ts";

export async function createRetry(creation: Creation, id: string, body: RetryBody): Promise<CreatedRun> {
  const changeKey = await keyOfCreate(creation, ["retry", id, body]);
  return retryRun(creation, changeKey, id, body, { isFirst: false });
}

/** `isFirst`: whether the retry is refused as `already_retried` if another change has retried the run. */
export function retryRun(
  creation: Creation,
  changeKey: ChangeKey,
  id: string,
  body: RetryBody,
  { isFirst }: { readonly isFirst: boolean },
): Promise<CreatedRun> {
  return createRun(creation, changeKey, async () => {
    const source = await endedRun(creation, id);
    // The coordinator judges again when it creates the new run. This saves the preparation, and says the right reason.
    if (isFirst && source.isRetried) throw refusalError("already_retried");
    return { ...(await wantedAgain(creation, id, body, source)), isFirstRetry: isFirst };
  });
}

/** Throws why the run can't be repeated. If an action started it, the action counts as it is now. */
async function wantedAgain(
  creation: Creation,
  id: string,
  body: RetryBody,
  { source, inputs }: InputsAnswer,
): Promise<WantedRun> {
  const { actionName, entityId, timeoutMs, heartbeatTimeoutMs } = inputs;
  const parameters = body.parameters ?? (JSON.parse(inputs.parameters) as JsonObject);
  const recommendations = JSON.parse(inputs.recommendations) as JsonObject;
  const bytes = utf8Bytes(JSON.stringify(parameters) + inputs.recommendations);
  if (bytes > INPUTS_MAX_BYTES) {
    const sentence = `parameters and the recommendations of the run together have ${bytes} bytes; send at most ${INPUTS_MAX_BYTES}.`;
    throw new ApiError("invalid_body", sentence, { pointer: "/parameters" });
  }
  const action = source === "action" ? await resolveAction(creation, actionName, parameters) : null;
  return {
    actionName,
    entityId,
    parameters,
    recommendations,
    timeoutMs,
    heartbeatTimeoutMs,
    labels: JSON.parse(inputs.labels) as readonly string[],
    source,
    actionVersion: action?.version ?? null,
    retryOf: id,
    trigger: action?.trigger,
    shownTrigger: action?.shownTrigger,
    gates: wantedGates(body, action, { parameters, entityId }, action?.trigger !== undefined),
  };
}

/** Throws why the run can't be repeated. */
async function endedRun(environment: RunEnvironment, id: string): Promise<InputsAnswer> {
  if (!(await mayBeKnown(environment, id))) throw new ApiError("run_not_found");
  const answer = await ask(environment, (coordinator) => coordinator.runs.inputs(id));
  if (!answer.ok) throw refusalError(answer.reason);
  if (!answer.isOver) throw new ApiError("run_open");
  // A trigger's secrets are erased after its dispatch, so nobody can send it again.
  if (answer.source === "trigger") throw new ApiError("trigger_not_kept");
  return answer;
}
