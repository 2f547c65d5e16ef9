/** Makes a run: mints its id, signs its token, seals its delivery, and has its coordinator journal it. */

import { signCallbackToken } from "../../auth/callback-token.ts";
import type { Principal } from "../../auth/permissions.ts";
import type { NewDelivery } from "../../dispatch/delivery.ts";
import type { TemplateContext } from "../../dispatch/placeholder.ts";
import { webhookPolicy } from "../../dispatch/policy.ts";
import { prepareDelivery } from "../../dispatch/prepare.ts";
import type { Trigger } from "../../dispatch/trigger.ts";
import type { Env } from "../../env.ts";
import { ApiError } from "../../http/errors.ts";
import type { Hops } from "../../http/hops.ts";
import type { KeyRing } from "../../key-ring.ts";
import { err, type Result } from "../../result.ts";
import type { ChangeKey, RunAnswer, RunRefusal } from "../protocol.ts";
import type { NewRun } from "../run.ts";
import { coordinatorOfKey, mintRunId, randomCoordinator } from "../run-id.ts";
import { refusalError } from "./answers.ts";
import { askCoordinator } from "./ask-coordinator.ts";
import { changeKey, secretChangeKey } from "./change-key.ts";
import type { NewRunBody } from "./request-schemas.ts";

const MINUTE_MS = 60_000;

/** The request that asks for the run. */
export interface Creation {
  readonly env: Env;
  readonly hops: Hops;
  readonly scope: string;
  readonly ring: KeyRing;
  /** Of the request. */
  readonly origin: string;
  /** What the URLs of these runs start with: `…/action-runs`. */
  readonly runsUrl: string;
  readonly principal: Principal;
  /** The caller's Idempotency-Key. */
  readonly key: string | null;
}

export interface CreatedRun {
  readonly answer: RunAnswer;
  readonly token: string;
}

/** The run as it is now, new or made before by the same key, and the token that opens its callback. */
export async function createRun(creation: Creation, body: NewRunBody): Promise<CreatedRun> {
  const { ring, key, scope } = creation;
  const caller = { tokenId: creation.principal.id };
  const change =
    body.trigger === undefined
      ? await changeKey(caller, key, body)
      : await secretChangeKey(ring, caller, key, body);
  let made = await tryToCreate(creation, body, change);
  if (!made.answer.ok && made.answer.reason === "id_taken") made = await tryToCreate(creation, body, change);
  const { answer, id, token } = made;
  if (!answer.ok) throw refusalError(answer.reason);
  if (answer.id === id) return { answer, token };
  const grant = { scope, runId: answer.id, expiresAt: answer.deadlineAt };
  return { answer, token: await signCallbackToken(ring, grant) };
}

interface Made {
  readonly answer: RunAnswer | RunRefusal;
  readonly id: string;
  readonly token: string;
}

async function tryToCreate(creation: Creation, body: NewRunBody, change: ChangeKey): Promise<Made> {
  const { env, hops, scope, ring, key } = creation;
  const createdAt = Date.now();
  const coordinator = key === null ? randomCoordinator() : coordinatorOfKey(key);
  const id = await mintRunId(ring, scope, { createdAt, coordinator });
  const run = toNewRun(creation, body, id, createdAt);
  const signing = signCallbackToken(ring, { scope, runId: id, expiresAt: run.deadlineAt });
  const ask = (call: Parameters<typeof askCoordinator<RunAnswer | RunRefusal>>[4]) =>
    askCoordinator(env, hops, scope, coordinator, call);

  if (body.trigger === undefined) {
    // The token is signed while the coordinator works.
    const [answer, token] = await Promise.all([ask((stub) => stub.create(run, change, null)), signing]);
    return { answer, id, token };
  }
  const token = await signing;
  const delivery = await deliveryOf(creation, body.trigger, toContext(creation, body, run, token));
  if (delivery.ok)
    return { answer: await ask((stub) => stub.create(run, change, delivery.value)), id, token };
  // What the settings forbid today they may have allowed when this was first asked for.
  const answer = key === null ? null : await ask((stub) => stub.recall(change));
  if (answer === null || (!answer.ok && answer.reason === "run_not_found")) throw delivery.error;
  return { answer, id, token };
}

function toNewRun({ principal }: Creation, body: NewRunBody, id: string, createdAt: number): NewRun {
  const { actionName, entityId, parameters, recommendations, timeout, heartbeatTimeout } = body;
  return {
    id,
    actionName,
    entityId,
    parameters: JSON.stringify(parameters),
    recommendations: JSON.stringify(recommendations),
    triggeredBy: principal.name,
    createdAt,
    deadlineAt: createdAt + timeout * MINUTE_MS,
    heartbeatTimeoutMs: heartbeatTimeout === undefined ? null : heartbeatTimeout * MINUTE_MS,
  };
}

function toContext({ runsUrl }: Creation, body: NewRunBody, run: NewRun, token: string): TemplateContext {
  return {
    run: {
      id: run.id,
      actionName: run.actionName,
      triggeredBy: run.triggeredBy,
      createdAt: new Date(run.createdAt).toISOString(),
      callbackUrl: `${runsUrl}/${run.id}/callback`,
      callbackToken: token,
      expiresAt: new Date(run.deadlineAt).toISOString(),
    },
    parameters: body.parameters,
    recommendations: body.recommendations,
    entity: { id: run.entityId },
  };
}

/** The delivery that a trigger asks for; else a 400 that names what can't be sent, or 503 where the settings forbid any. */
async function deliveryOf(
  { env, ring, scope, origin }: Creation,
  trigger: Trigger,
  context: TemplateContext,
): Promise<Result<NewDelivery, ApiError>> {
  const policy = webhookPolicy(env, origin);
  if (!policy.ok) return err(new ApiError("not_configured", policy.error));
  const delivery = await prepareDelivery(trigger, { ring, policy: policy.value, origin, scope, context });
  return delivery.ok ? delivery : err(new ApiError("invalid_body", delivery.error));
}
