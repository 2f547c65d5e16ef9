/** POST …/{id}/retry: a new run with the inputs of one that has ended. */

import type { Context } from "hono";
import type { JsonObject } from "../../../base/json.ts";
import { INPUTS_MAX_BYTES, utf8Bytes } from "../../../base/limits.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { ApiError } from "../../../http/errors.ts";
import type { InputsAnswer } from "../../protocol.ts";
import { refusalError, sendCreated } from "../coordinator-answer.ts";
import { mayBeKnown } from "../read/reader.ts";
import type { RetryBody } from "../request-schemas.ts";
import { askAboutRun, type Place } from "../run-place.ts";
import { actionOfRetry } from "./action-of-retry.ts";
import {
  type CreatedRun,
  type Creation,
  changeOf,
  createRun,
  creationOf,
  recallOr,
  type WantedRun,
} from "./create.ts";

type WaitUntil = (work: Promise<unknown>) => void;

export async function retryRun(
  c: Context<AppEnv>,
  place: Place,
  id: string,
  body: RetryBody,
  isDetailed: boolean,
): Promise<Response> {
  const creation = creationOf(c, place, isDetailed);
  const created = await createRetry(creation, id, body, (work) => c.executionCtx.waitUntil(work));
  return sendCreated(c, creation, created);
}

/** A replay gets its run, whatever has become of the first run and its action since. */
async function createRetry(
  creation: Creation,
  id: string,
  body: RetryBody,
  waitUntil: WaitUntil,
): Promise<CreatedRun> {
  const change = await changeOf(creation, ["retry", id, body], false);
  let wanted: WantedRun;
  try {
    wanted = await wantedAgain(creation, id, body, waitUntil);
  } catch (refusal) {
    if (refusal instanceof ApiError) return recallOr(creation, change, refusal);
    throw refusal;
  }
  return createRun(creation, wanted, change);
}

async function wantedAgain(
  creation: Creation,
  id: string,
  body: RetryBody,
  waitUntil: WaitUntil,
): Promise<WantedRun> {
  const answer = await endedRun(creation, id);
  const { actionName, entityId, timeoutMs, heartbeatTimeoutMs } = answer.inputs;
  const parameters = body.parameters ?? parsed<JsonObject>(answer.inputs.parameters);
  const recommendations = parsed<JsonObject>(answer.inputs.recommendations);
  const bytes = utf8Bytes(JSON.stringify(parameters) + answer.inputs.recommendations);
  if (bytes > INPUTS_MAX_BYTES) {
    const sentence = `parameters and the recommendations of the run together have ${bytes} bytes; send at most ${INPUTS_MAX_BYTES}.`;
    throw new ApiError("invalid_body", sentence, { pointer: "/parameters" });
  }
  const action =
    answer.source === "action" ? await actionOfRetry(creation, actionName, parameters, waitUntil) : null;
  return {
    ...{ actionName, entityId, parameters, recommendations, timeoutMs, heartbeatTimeoutMs },
    labels: parsed<readonly string[]>(answer.inputs.labels),
    source: answer.source,
    actionVersion: action?.version ?? null,
    retryOf: id,
    trigger: action?.trigger,
  };
}

async function endedRun(place: Place, id: string): Promise<InputsAnswer> {
  if (!(await mayBeKnown(place, id))) throw new ApiError("run_not_found");
  const answer = await askAboutRun(place, id, (stub) => stub.inputs(id));
  if (!answer.ok) throw refusalError(answer.reason);
  if (!answer.isOver) throw new ApiError("run_open");
  // A trigger's secrets are erased when it is delivered, so nobody can send it again.
  if (answer.source === "trigger") throw new ApiError("trigger_not_kept");
  return answer;
}

function parsed<T>(text: string): T {
  return JSON.parse(text) as T;
}
