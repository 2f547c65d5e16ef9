/**
 * Creates runs: mints the id, signs the callback token, seals the webhook, and has a coordinator journal the run. A create, a
 * run of a stored action and a retry differ only in what they want and in what their key is bound to.
 */

import type { Context } from "hono";
import { signCallbackToken } from "../../../auth/callback-token.ts";
import type { Principal } from "../../../auth/permissions.ts";
import type { JsonObject } from "../../../base/json.ts";
import { LABELS_MAX } from "../../../base/limits.ts";
import { MINUTE_MS } from "../../../base/time.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { usableRing } from "../../../http/environment.ts";
import { ApiError } from "../../../http/errors.ts";
import { idempotencyKey } from "../../../http/idempotency-key.ts";
import type { KeyRing } from "../../../settings/key-ring.ts";
import { baseUrl } from "../../../settings/public-url.ts";
import type { NewDelivery } from "../../../webhooks/delivery.ts";
import { prepareDelivery } from "../../../webhooks/request/prepare.ts";
import type { Trigger } from "../../../webhooks/request/trigger.ts";
import type { TemplateContext } from "../../../webhooks/template/placeholder.ts";
import type { ChangeKey, RunAnswer, RunReply } from "../../protocol.ts";
import type { NewRun, RunSource } from "../../run.ts";
import { coordinatorOfKey, mintRunId, randomCoordinator } from "../../run-id.ts";
import { changeKey } from "../change-key.ts";
import { refusalError } from "../coordinator-answer.ts";
import type { NewRunBody } from "../request-schemas.ts";
import { askCoordinator, askForChange, type Place } from "../run-place.ts";

/** What a create takes from its request, apart from the body. */
export interface Creation extends Place {
  readonly ring: KeyRing;
  /** The origin of the request. */
  readonly origin: string;
  /** `…/action-runs`: the URL of a run is this and its id. */
  readonly runsUrl: string;
  readonly principal: Principal;
  /** The caller's Idempotency-Key. */
  readonly key: string | null;
  /** Whether the response has `details`. */
  readonly isDetailed: boolean;
}

/** A run that somebody wants, whoever starts its work. */
export interface WantedRun {
  readonly actionName: string;
  readonly entityId: string | null;
  readonly parameters: JsonObject;
  readonly recommendations: JsonObject;
  readonly timeoutMs: number;
  readonly heartbeatTimeoutMs: number | null;
  /** A sorted set. */
  readonly labels: readonly string[];
  readonly source: RunSource;
  readonly actionVersion: number | null;
  readonly retryOf: string | null;
  /** Complete, with its secrets. */
  readonly trigger: Trigger | undefined;
}

/** The run, and its callback token unless only the receiver may know it. */
export interface CreatedRun {
  readonly answer: RunAnswer;
  readonly token: string | null;
}

/** Two runs of one millisecond get the same place in the journal once in 32768 times, but never so often in a row. */
const IDS_MAX = 5;

/** Throws `not_configured`, or `invalid_idempotency_key`. */
export function creationOf(c: Context<AppEnv>, place: Place, isDetailed: boolean): Creation {
  const [o, p, envName] = place.scope.split("/");
  return {
    ...place,
    ring: usableRing(c),
    origin: new URL(c.req.url).origin,
    runsUrl: `${baseUrl(c.env, c.req.url)}/${o}/${p}/envs/${envName}/action-runs`,
    principal: c.get("principal"),
    key: idempotencyKey(c),
    isDetailed,
  };
}

/** POST …/action-runs. */
export async function createRunOfBody(creation: Creation, body: NewRunBody): Promise<CreatedRun> {
  const { trigger } = body;
  // The fingerprint is taken of the body alone, as it was before there were stored actions, so that old keys stay known.
  const change = await changeOf(creation, body, trigger !== undefined);
  const wanted: WantedRun = {
    ...inputsOf(body),
    actionName: body.actionName,
    timeoutMs: body.timeout * MINUTE_MS,
    heartbeatTimeoutMs: toMs(body.heartbeatTimeout),
    labels: body.labels ?? [],
    source: trigger === undefined ? "none" : "trigger",
    actionVersion: null,
    retryOf: null,
    trigger,
  };
  return createRun(creation, wanted, change);
}

/** `request`: what makes a repetition the same request. */
export function changeOf(
  { key, ring, principal }: Creation,
  request: unknown,
  hasSecrets: boolean,
): Promise<ChangeKey> {
  return changeKey({ tokenId: principal.id }, key, request, hasSecrets ? ring : null);
}

/** The run is new, or the one that the same key created before. */
export async function createRun(
  creation: Creation,
  wanted: WantedRun,
  change: ChangeKey,
): Promise<CreatedRun> {
  const { labels } = wanted;
  if (labels.length > LABELS_MAX) {
    const sentence = `The run would have ${labels.length} labels. Send at most ${LABELS_MAX}, together with those of the action.`;
    return recallOr(creation, change, new ApiError("too_many_labels", sentence));
  }
  let attempt = await tryToCreate(creation, wanted, change);
  for (let n = 1; n < IDS_MAX && isIdTaken(attempt.answer); n++) {
    attempt = await tryToCreate(creation, wanted, change);
  }
  const { answer, id, token } = attempt;
  if (!answer.ok) throw refusalError(answer.reason);
  if (answer.id !== id) return recalled(creation, answer);
  return { answer, token: wanted.source === "action" && wanted.trigger !== undefined ? null : token };
}

/** The run that the same key created before, or `refusal` if there is none. */
export async function recallOr(
  creation: Creation,
  change: ChangeKey,
  refusal: ApiError,
): Promise<CreatedRun> {
  const created = await recallRun(creation, change);
  if (created === null) throw refusal;
  return created;
}

export async function recallRun(creation: Creation, change: ChangeKey): Promise<CreatedRun | null> {
  const { key, isDetailed } = creation;
  if (key === null) return null;
  const answer = await askCoordinator(creation, coordinatorOfKey(key), (stub) =>
    stub.recall(change, isDetailed),
  );
  if (answer.ok) return recalled(creation, answer);
  if (answer.reason === "run_not_found") return null;
  throw refusalError(answer.reason);
}

/** Whether the token is the receiver's alone is told by the run, because the action may have changed since. */
async function recalled({ scope, ring }: Creation, answer: RunAnswer): Promise<CreatedRun> {
  if (answer.isTokenHidden === true) return { answer, token: null };
  const grant = { scope, runId: answer.id, expiresAt: answer.deadlineAt };
  return { answer, token: await signCallbackToken(ring, grant) };
}

function isIdTaken(answer: RunReply): boolean {
  return !answer.ok && answer.reason === "id_taken";
}

async function tryToCreate(creation: Creation, wanted: WantedRun, change: ChangeKey) {
  const { scope, ring, key, isDetailed } = creation;
  const createdAt = Date.now();
  const coordinator = key === null ? randomCoordinator() : coordinatorOfKey(key);
  const id = await mintRunId(ring, scope, { createdAt, coordinator });
  creation.genuineIds.add(id);
  const run = toNewRun(wanted, id, creation.principal.name, createdAt);
  const signing = signCallbackToken(ring, { scope, runId: id, expiresAt: run.deadlineAt });

  let delivery: NewDelivery | null = null;
  if (wanted.trigger !== undefined) {
    const token = await signing;
    const prepared = await prepareDelivery(wanted.trigger, toContext(creation, wanted, run, token), creation);
    if (!prepared.ok) {
      // The settings may have allowed this webhook when the same key was sent before.
      const answer =
        key === null
          ? null
          : await askCoordinator(creation, coordinator, (stub) => stub.recall(change, isDetailed));
      if (answer === null || (!answer.ok && answer.reason === "run_not_found"))
        throw new ApiError(prepared.error.code, prepared.error.sentence);
      return { answer, id, token };
    }
    delivery = prepared.value;
  }
  const create = isPlain(wanted) ? "create" : "createWhole";
  // The token is signed while the coordinator works.
  const [answer, token] = await Promise.all([
    askForChange(creation, id, (stub) => stub[create](run, change, delivery, isDetailed)),
    signing,
  ]);
  return { answer, id, token };
}

/** Whether the run has nothing that code older than stored actions would drop. Such code may still run in objects during a deploy. */
function isPlain({ source, labels, retryOf, trigger }: WantedRun): boolean {
  if (source === "action" || labels.length > 0 || retryOf !== null) return false;
  return trigger?.cancel === undefined && trigger?.link === undefined;
}

function toNewRun(wanted: WantedRun, id: string, triggeredBy: string, createdAt: number): NewRun {
  const { actionName, entityId, parameters, recommendations, timeoutMs, heartbeatTimeoutMs } = wanted;
  const { source, actionVersion, retryOf, labels } = wanted;
  return {
    id,
    actionName,
    entityId,
    parameters: JSON.stringify(parameters),
    recommendations: JSON.stringify(recommendations),
    triggeredBy,
    createdAt,
    deadlineAt: createdAt + timeoutMs,
    heartbeatTimeoutMs,
    source,
    actionVersion,
    retryOf,
    labels: JSON.stringify(labels),
  };
}

function toContext({ runsUrl }: Creation, wanted: WantedRun, run: NewRun, token: string): TemplateContext {
  const { id, actionName, triggeredBy, createdAt, deadlineAt, entityId } = run;
  const { parameters, recommendations } = wanted;
  return {
    run: {
      id,
      actionName,
      triggeredBy,
      createdAt: new Date(createdAt).toISOString(),
      callbackUrl: `${runsUrl}/${id}/callback`,
      callbackToken: token,
      expiresAt: new Date(deadlineAt).toISOString(),
    },
    parameters,
    recommendations,
    entity: { id: entityId },
  };
}

type Inputs = Pick<WantedRun, "entityId" | "parameters" | "recommendations">;

export function inputsOf({ entityId, parameters, recommendations }: Inputs): Inputs {
  return { entityId, parameters, recommendations };
}

export function toMs(minutes: number | undefined): number | null {
  return minutes === undefined ? null : minutes * MINUTE_MS;
}
