/** POST …/{id}/retry: a new run with the inputs of one that has ended. */

import { resolveAction } from "../../../actions/resolve.ts";
import type { JsonObject } from "../../../base/json.ts";
import { INPUTS_MAX_BYTES, utf8Bytes } from "../../../base/limits.ts";
import { ApiError, type ErrorCode } from "../../../http/errors.ts";
import type { ChangeKey, InputsAnswer, RetryNote } from "../../run-calls.ts";
import { mayBeKnown } from "../read/reader.ts";
import type { RetryBody } from "../request-schemas.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";
import { refusalError } from "../run-response.ts";
import { type CreatedRun, type Creation, createRun, keyOfCreate } from "./create.ts";
import { wantedGates } from "./gates.ts";
import type { WantedRun } from "./prepare-run.ts";

/** Refusals that come although the same key has created a run. */
const AFTER_CREATION: ReadonlySet<ErrorCode> = new Set([
  "idempotency_key_reused",
  "idempotency_key_unverifiable",
]);

export async function createRetry(creation: Creation, id: string, body: RetryBody): Promise<CreatedRun> {
  const changeKey = await keyOfCreate(creation, ["retry", id, body]);
  return retryRun(creation, changeKey, id, body, { isFirst: false });
}

/**
 * `isFirst`: whether the retry is refused as `already_retried` if another change has retried the run. The run counts as
 * retried before the new one exists, so two of them can't both be the first.
 */
export async function retryRun(
  creation: Creation,
  changeKey: ChangeKey,
  id: string,
  body: RetryBody,
  { isFirst }: { readonly isFirst: boolean },
): Promise<CreatedRun> {
  const { key } = changeKey;
  let source: InputsAnswer | null = null;
  let isWanted = false;
  const want = async () => {
    source = await endedRun(creation, id, { key, isFirst });
    const wanted = await wantedAgain(creation, id, body, source);
    isWanted = true;
    return wanted;
  };
  try {
    return await createRun(creation, changeKey, want);
  } catch (error) {
    // A refusal before the run was noted costs no call, and a made-up id wakes no object.
    if (source !== null && mustTakeBack(error, source, { isWanted })) {
      await ask(creation, (coordinator) => coordinator.runs.retryRefused(id, key)).catch(() => {});
    }
    throw error;
  }
}

/**
 * Whether it is certain that this key has created no run. Otherwise the note stays, or the next bulk retry could run the
 * work a second time. `isWanted`: whether anything can have been sent.
 */
function mustTakeBack(
  error: unknown,
  { isNoted }: InputsAnswer,
  { isWanted }: { isWanted: boolean },
): boolean {
  const refusal = error instanceof ApiError && error.isRefusal ? error.code : null;
  // An earlier request with this key may have created the run.
  if (!isNoted) return refusal !== null && !AFTER_CREATION.has(refusal);
  return refusal !== null || !isWanted;
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
    ...{ actionName, entityId, parameters, recommendations, timeoutMs, heartbeatTimeoutMs },
    labels: JSON.parse(inputs.labels) as readonly string[],
    source,
    actionVersion: action?.version ?? null,
    retryOf: id,
    trigger: action?.trigger,
    shownTrigger: action?.shownTrigger,
    gates: wantedGates(body, action, { parameters, entityId }, action?.trigger !== undefined),
  };
}

/** The run counts as retried from now on, unless this throws. */
async function endedRun(environment: RunEnvironment, id: string, note: RetryNote): Promise<InputsAnswer> {
  if (!(await mayBeKnown(environment, id))) throw new ApiError("run_not_found");
  const answer = await ask(environment, (coordinator) => coordinator.runs.inputs(id, note));
  if (!answer.ok) throw refusalError(answer.reason);
  if (!answer.isOver) throw new ApiError("run_open");
  // A trigger's secrets are erased when it is delivered, so nobody can send it again.
  if (answer.source === "trigger") throw new ApiError("trigger_not_kept");
  return answer;
}
