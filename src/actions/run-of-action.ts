/**
 * Creates a run of a stored action. To be replaced by `createRunOfAction` of src/runs/api/create.ts, which keeps the
 * same rules: a replay needs no definition, and the callback token goes to the receiver alone.
 */

import type { Context } from "hono";
import type { AppEnv } from "../app-env.ts";
import { signCallbackToken } from "../auth/callback-token.ts";
import { baseUrl } from "../config.ts";
import { prepareDelivery } from "../dispatch/prepare.ts";
import { MINUTE_MS } from "../durations.ts";
import { ApiError } from "../http/errors.ts";
import { idempotencyKey } from "../http/idempotency-key.ts";
import { TIMEOUT_DEFAULT_MINUTES } from "../http/limits.ts";
import { withCallback } from "../runs/action-run.ts";
import { changeKey } from "../runs/api/change-key.ts";
import { bookmarkAfter, refusalError, sendJson } from "../runs/api/coordinator-answer.ts";
import { askCoordinator, askForChange, type Place, usableRing } from "../runs/api/run-place.ts";
import type { ChangeKey, RunReply } from "../runs/protocol.ts";
import type { NewRun } from "../runs/run.ts";
import { coordinatorOfKey, mintRunId, randomCoordinator } from "../runs/run-id.ts";
import type { ResolvedAction } from "./resolve.ts";
import type { NewRunOfActionBody } from "./run-request.ts";

export async function createRunOfAction(
  c: Context<AppEnv>,
  place: Place,
  action: ResolvedAction,
  body: NewRunOfActionBody,
): Promise<Response> {
  const ring = usableRing(c);
  const { scope } = place;
  const change = await changeKeyOf(c, action.name, body);
  const key = idempotencyKey(c);
  const createdAt = Date.now();
  const coordinator = key === null ? randomCoordinator() : coordinatorOfKey(key);
  const id = await mintRunId(ring, scope, { createdAt, coordinator });
  place.genuineIds.add(id);
  const run = toNewRun(action, body, id, c.get("principal").name, createdAt);
  const token = await signCallbackToken(ring, { scope, runId: id, expiresAt: run.deadlineAt });
  let delivery = null;
  if (action.trigger !== undefined) {
    const origin = new URL(c.req.url).origin;
    const context = {
      run: {
        id,
        actionName: run.actionName,
        triggeredBy: run.triggeredBy,
        createdAt: new Date(createdAt).toISOString(),
        callbackUrl: `${runsUrlOf(c)}/${id}/callback`,
        callbackToken: token,
        expiresAt: new Date(run.deadlineAt).toISOString(),
      },
      parameters: body.parameters,
      recommendations: body.recommendations,
      entity: { id: body.entityId },
    };
    const prepared = await prepareDelivery(action.trigger, context, { env: c.env, ring, origin, scope });
    if (!prepared.ok) throw new ApiError(prepared.error.code, prepared.error.sentence);
    delivery = prepared.value;
  }
  const answer = await askForChange(place, id, (stub) => stub.create(run, change, delivery));
  return sendRun(c, place, answer, action.trigger !== undefined);
}

/** The run that the request's key created before; null without a key or such a run. */
export async function replayOfAction(
  c: Context<AppEnv>,
  place: Place,
  name: string,
  body: NewRunOfActionBody,
): Promise<Response | null> {
  const key = idempotencyKey(c);
  if (key === null) return null;
  const change = await changeKeyOf(c, name, body);
  const answer = await askCoordinator(place, coordinatorOfKey(key), (stub) => stub.recall(change));
  if (!answer.ok && answer.reason === "run_not_found") return null;
  return sendRun(c, place, answer, true);
}

function changeKeyOf(c: Context<AppEnv>, name: string, body: NewRunOfActionBody): Promise<ChangeKey> {
  const caller = { tokenId: c.get("principal").id };
  return changeKey(caller, idempotencyKey(c), { operation: "run_action", name, body });
}

async function sendRun(
  c: Context<AppEnv>,
  place: Place,
  answer: RunReply,
  hidesCallback: boolean,
): Promise<Response> {
  if (!answer.ok) throw refusalError(answer.reason);
  const { id, deadlineAt, actionRun } = answer;
  if (answer.replayed && idempotencyKey(c) !== null) c.header("Idempotent-Replayed", "true");
  const url = `${runsUrlOf(c)}/${id}`;
  c.header("Location", url);
  const bookmark = await bookmarkAfter(c, place, id, answer);
  if (hidesCallback) return sendJson(c, actionRun, bookmark, 201);
  const grant = { scope: place.scope, runId: id, expiresAt: deadlineAt };
  const token = await signCallbackToken(usableRing(c), grant);
  const callback = { url: `${url}/callback`, token, expiresAt: new Date(deadlineAt).toISOString() };
  return sendJson(c, withCallback(actionRun, callback), bookmark, 201);
}

function runsUrlOf(c: Context<AppEnv>): string {
  const { o, p, envName } = c.req.param() as Record<"o" | "p" | "envName", string>;
  return `${baseUrl(c.env, c.req.url)}/${o}/${p}/envs/${envName}/action-runs`;
}

function toNewRun(
  action: ResolvedAction,
  body: NewRunOfActionBody,
  id: string,
  triggeredBy: string,
  createdAt: number,
): NewRun {
  const { heartbeatTimeout } = action;
  const timeout = body.timeout ?? action.timeout ?? TIMEOUT_DEFAULT_MINUTES;
  return {
    id,
    actionName: action.name,
    entityId: body.entityId,
    parameters: JSON.stringify(body.parameters),
    recommendations: JSON.stringify(body.recommendations),
    triggeredBy,
    createdAt,
    deadlineAt: createdAt + timeout * MINUTE_MS,
    heartbeatTimeoutMs: heartbeatTimeout === undefined ? null : heartbeatTimeout * MINUTE_MS,
    source: "action",
    actionVersion: action.version,
    retryOf: null,
    labels: JSON.stringify([...new Set([...action.labels, ...(body.labels ?? [])])].sort()),
  };
}
