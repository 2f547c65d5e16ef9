/**
 * Creates runs: mints the id, signs the callback token, seals the webhook, and has a coordinator journal the run. A
 * create, a run of a stored action and a retry differ only in what they want and in what their key is bound to.
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
import { refusalOf, sentenceOf } from "../../../http/refusal.ts";
import { traceparentOf } from "../../../http/traceparent.ts";
import type { KeyRing } from "../../../settings/key-ring.ts";
import { baseUrl } from "../../../settings/public-url.ts";
import type { NewDelivery } from "../../../webhooks/delivery.ts";
import { type PrepareFault, prepareDelivery } from "../../../webhooks/request/prepare.ts";
import { previewOf, type ShownRequest } from "../../../webhooks/request/preview.ts";
import { type Trigger, withoutDefaultRetry } from "../../../webhooks/request/trigger.ts";
import type { TemplateContext } from "../../../webhooks/template/placeholder.ts";
import type { Actor } from "../../actor.ts";
import type { Gates } from "../../gates.ts";
import type { ChangeKey, Inclusion, RunAnswer } from "../../protocol.ts";
import type { NewRun, RunSource } from "../../run.ts";
import { coordinatorOfKey, coordinatorOfSlot, mintRunId, randomCoordinator } from "../../run-id.ts";
import { changeKeyOf } from "../change-key.ts";
import type { NewRunBody } from "../request-schemas.ts";
import { ask, askForChange, environmentOf, type RunEnvironment } from "../run-environment.ts";
import { refusalError } from "../run-response.ts";
import { deadlineOf, gatesOf, type WantedGates, wantedGates } from "./gates.ts";

/** What a create takes from its request, apart from the body. */
export interface Creation extends RunEnvironment, Inclusion {
  readonly ring: KeyRing;
  /** The origin of the request. */
  readonly origin: string;
  /** `…/action-runs`: the URL of a run is this and its id. */
  readonly runsUrl: string;
  readonly principal: Principal;
  /** The caller's Idempotency-Key. */
  readonly key: string | null;
  /** Not part of what a key is bound to, because each try of a request can have a span of its own. */
  readonly traceparent: string | null;
  /** Lets work go on after the response. */
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/** A run that somebody wants: of a body, of a stored action, or again. */
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
  /** The trigger of a stored action as a GET shows it, with null instead of each secret. */
  readonly shownTrigger?: ShownRequest | undefined;
  readonly gates: WantedGates;
}

/** The run, and its callback token unless only the receiver may know it. */
export interface CreatedRun {
  readonly answer: RunAnswer;
  readonly token: string | null;
}

/**
 * The journal keys of two ids of one millisecond collide with probability 1/32768. Five collisions in a row do not
 * happen.
 */
const IDS_MAX = 5;

/** Throws `not_configured`, or `invalid_idempotency_key`. */
export function creationOf(c: Context<AppEnv>, { include }: Inclusion): Creation {
  const environment = environmentOf(c);
  const [o, p, envName] = environment.scope.split("/");
  return {
    ...environment,
    ring: usableRing(c),
    origin: new URL(c.req.url).origin,
    runsUrl: `${baseUrl(c.env, c.req.url)}/${o}/${p}/envs/${envName}/action-runs`,
    principal: c.get("principal"),
    key: idempotencyKey(c),
    traceparent: traceparentOf(c),
    include,
    waitUntil: (work) => c.executionCtx.waitUntil(work),
  };
}

/** POST …/action-runs. */
export async function createRunOfBody(creation: Creation, body: NewRunBody): Promise<CreatedRun> {
  const { actionName, entityId, parameters, recommendations, trigger } = body;
  const changeKey =
    trigger === undefined
      ? await keyOfCreate(creation, body)
      : await keyOfCreate(creation, { ...body, trigger: withoutDefaultRetry(trigger) }, creation.ring);
  return createRun(creation, changeKey, () => ({
    ...{ actionName, entityId, parameters, recommendations },
    timeoutMs: body.timeout * MINUTE_MS,
    heartbeatTimeoutMs: toMs(body.heartbeatTimeout),
    labels: body.labels ?? [],
    source: trigger === undefined ? "none" : "trigger",
    actionVersion: null,
    retryOf: null,
    trigger,
    gates: wantedGates(body, null, { parameters, entityId }, trigger !== undefined),
  }));
}

/** `request`: what makes a repetition the same request. `ring`: if the request can contain secrets. */
export function keyOfCreate(
  { key, principal }: Creation,
  request: unknown,
  ring: KeyRing | null = null,
): Promise<ChangeKey> {
  return changeKeyOf({ tokenId: principal.id }, key, request, ring);
}

/**
 * Creates a run, or finds the one that the same key created before. A replay wins over a refusal: if `want` or the
 * preparation refuses the run, the coordinator is asked once what the key created, because the request may have been
 * fine at that time.
 */
export async function createRun(
  creation: Creation,
  changeKey: ChangeKey,
  want: () => WantedRun | Promise<WantedRun>,
): Promise<CreatedRun> {
  let wanted: WantedRun;
  let prepared: PreparedRun;
  try {
    wanted = await want();
    prepared = await prepareRun(creation, wanted);
  } catch (refusal) {
    const created = refusal instanceof ApiError ? await recallRun(creation, changeKey) : null;
    if (created === null) throw refusal;
    return created;
  }
  let attempt = await sendRun(creation, changeKey, prepared);
  for (let n = 1; n < IDS_MAX && !attempt.answer.ok && attempt.answer.reason === "id_taken"; n++) {
    prepared = await prepareRun(creation, wanted);
    attempt = await sendRun(creation, changeKey, prepared);
  }
  const { answer, token } = attempt;
  if (!answer.ok) throw refusalError(answer.reason);
  if (answer.id !== prepared.run.id) return recalled(creation, answer);
  return { answer, token: wanted.source === "action" && wanted.trigger !== undefined ? null : token };
}

/** The run that this key created; null without a key of the caller, and if the key has created none. */
async function recallRun(creation: Creation, changeKey: ChangeKey): Promise<CreatedRun | null> {
  const { key, include } = creation;
  if (key === null) return null;
  const answer = await ask(creation, coordinatorOfKey(key), (coordinator) =>
    coordinator.recall(changeKey, { include }),
  );
  if (answer.ok) return recalled(creation, answer);
  if (answer.reason === "run_not_found") return null;
  throw refusalError(answer.reason);
}

/** The run says whether the caller may see the token. The action may have changed since. */
async function recalled({ scope, ring }: Creation, answer: RunAnswer): Promise<CreatedRun> {
  if (answer.isTokenHidden === true) return { answer, token: null };
  const grant = { scope, runId: answer.id, expiresAt: answer.tokenExpiresAt };
  return { answer, token: await signCallbackToken(ring, grant) };
}

/** A fault in a stored action's trigger gets no pointer, because that trigger is not in the request body. */
function refusalOfTrigger(fault: PrepareFault, { source }: WantedRun): ApiError {
  return source === "trigger"
    ? refusalOf(fault.code, [fault])
    : new ApiError(fault.code, sentenceOf([fault]));
}

/** A run with an id of its own, ready to be sent to its coordinator. */
interface PreparedRun {
  readonly run: NewRun;
  readonly gates: Gates | null;
  readonly delivery: NewDelivery | null;
  /** What an approver sees of the request, as JSON. Null if the run needs no approval. */
  readonly preview: string | null;
  /** A promise, because a run without a delivery is sent while its token is signed. */
  readonly token: Promise<string>;
}

/** Throws `too_many_labels`, why its gates can't be, or why the webhook may not be sent. */
async function prepareRun(creation: Creation, wanted: WantedRun): Promise<PreparedRun> {
  const { scope, ring, key } = creation;
  const { labels, trigger, shownTrigger } = wanted;
  if (labels.length > LABELS_MAX) {
    const sentence = `The run would have ${labels.length} labels. Send at most ${LABELS_MAX}, together with those of the action.`;
    throw new ApiError("too_many_labels", sentence, { pointer: "/labels" });
  }
  const createdAt = Date.now();
  const gates = gatesOf(wanted.gates, createdAt, creatorOf(creation));
  const coordinator = coordinatorFor(gates, key);
  const id = await mintRunId(ring, scope, { createdAt, coordinator });
  creation.genuineIds.add(id);
  const run = toNewRun(creation, wanted, gates, { id, createdAt });
  const token = signCallbackToken(ring, { scope, runId: id, expiresAt: run.deadlineAt });
  if (trigger === undefined) return { run, gates, delivery: null, preview: null, token };
  const context = toContext(creation, wanted, run, await token);
  const prepared = await prepareDelivery(trigger, context, creation);
  if (!prepared.ok) throw refusalOfTrigger(prepared.error, wanted);
  const isShown = gates !== null && gates.approval !== null && shownTrigger !== undefined;
  const preview = isShown ? previewOf(shownTrigger, context) : null;
  return { run, gates, delivery: prepared.value, preview, token };
}

/** All runs that share slots are in one coordinator. Others are where their key leads. */
function coordinatorFor(gates: Gates | null, key: string | null): number {
  if (gates !== null && gates.concurrency !== null) return coordinatorOfSlot(gates.concurrency);
  return key === null ? randomCoordinator() : coordinatorOfKey(key);
}

function creatorOf({ principal: { id, name } }: Creation): Actor {
  return { tokenId: id, tokenName: name, parents: [], person: null };
}

async function sendRun(creation: Creation, changeKey: ChangeKey, { run, delivery, token }: PreparedRun) {
  const { include } = creation;
  const [answer, signed] = await Promise.all([
    askForChange(creation, run.id, (coordinator) =>
      coordinator.create(run, changeKey, delivery, { include }),
    ),
    token,
  ]);
  return { answer, token: signed };
}

function toNewRun(
  { principal, traceparent }: Creation,
  wanted: WantedRun,
  gates: Gates | null,
  { id, createdAt }: Pick<NewRun, "id" | "createdAt">,
): NewRun {
  const { parameters, recommendations, labels, timeoutMs } = wanted;
  const { actionName, entityId, heartbeatTimeoutMs, source, actionVersion, retryOf } = wanted;
  return {
    ...{ id, actionName, entityId, heartbeatTimeoutMs, source, actionVersion, retryOf },
    parameters: JSON.stringify(parameters),
    recommendations: JSON.stringify(recommendations),
    labels: JSON.stringify(labels),
    traceparent,
    triggeredBy: principal.name,
    via: null,
    timeoutMs,
    gates: null,
    createdAt,
    deadlineAt: deadlineOf(gates, createdAt, timeoutMs),
  };
}

function toContext({ runsUrl }: Creation, wanted: WantedRun, run: NewRun, token: string): TemplateContext {
  const { id, actionName, triggeredBy, createdAt, deadlineAt, entityId, traceparent } = run;
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
      timeoutSeconds: wanted.timeoutMs / 1000,
      traceparent,
    },
    parameters,
    recommendations,
    entity: { id: entityId },
  };
}

export function toMs(minutes: number | undefined): number | null {
  return minutes === undefined ? null : minutes * MINUTE_MS;
}
