/** Creates runs. A create, a run of an action and a retry differ in what they want and what their key is bound to. */

import type { Context } from "hono";
import { type ResolvedAction, resolveAction } from "../../actions/resolve.ts";
import { renderedFace } from "../../actions/run-texts.ts";
import { requireNewestSecret } from "../../auth/audit.ts";
import { mustNamePerson } from "../../auth/authentication.ts";
import { signCallbackToken } from "../../auth/token-format.ts";
import type { JsonObject } from "../../base/json.ts";
import { INPUTS_MAX_BYTES, TIMEOUT_DEFAULT_MINUTES, utf8Bytes } from "../../base/limits.ts";
import { MINUTE_MS } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import { idempotencyKey, traceparentOf } from "../../http/headers.ts";
import { type AppEnv, type Environment, environmentOf, usableRing } from "../../http/request-context.ts";
import { environmentUrl } from "../../settings/config.ts";
import type { Env } from "../../settings/env.ts";
import { type KeyRing, keyRing } from "../../settings/key-ring.ts";
import { withoutDefaultRetry } from "../../webhooks/trigger.ts";
import { withCallback } from "../action-run.ts";
import type { NewRun } from "../run.ts";
import type { ChangeKey, Inclusion, InputsAnswer, RunAnswer, RunCreation, RunReply } from "../run-calls.ts";
import { type Asked, type PreparedRun, prepareRun, type WantedRun, wantedGates } from "./prepare-run.ts";
import { mayBeKnown } from "./read-runs.ts";
import type { NewRunBody, NewRunOfActionBody, RetryBody } from "./request-schemas.ts";
import { actorOf, ask, changeKeyOf, refusalError, runJson, sendJson } from "./run-request.ts";

/** What a create takes from its request, apart from the body. */
export interface Creation extends StartEnvironment, Asked, Inclusion {
  /** The caller's Idempotency-Key. */
  readonly key: string | null;
  /** The action whose refused event is counted, if nothing was created with this key before. */
  readonly refusedEventOf?: string;
  /** Throws if the asker may not leave a run behind that starts later. */
  readonly requireMayLeave: () => Promise<void>;
}

/** The run, and its callback token unless only the receiver may know it. */
export interface CreatedRun {
  readonly answer: RunAnswer;
  /** Whether the same key had created it before. */
  readonly isRepeated: boolean;
  readonly token: string | null;
}

/** Two ids of a millisecond collide once in 32768. With 100 creates in one, three tries fail once in 35 million. */
const TRIES_MAX = 3;

/** Throws `not_configured`, or `invalid_idempotency_key`. */
export function creationOf(c: Context<AppEnv>, { include }: Inclusion, key = idempotencyKey(c)): Creation {
  const environment = { ...environmentOf(c), ring: usableRing(c) };
  const by = { actor: actorOf(c), mustNamePerson: mustNamePerson(c), origin: new URL(c.req.url).origin, key };
  return {
    ...starterOf(environment, by),
    traceparent: traceparentOf(c),
    include,
    requireMayLeave: () => requireNewestSecret(c),
  };
}

/** The environment, with keys that can be used. */
export interface StartEnvironment extends Environment {
  readonly ring: KeyRing;
}

/** Of a call of the environment's coordinator. Throws if the signing keys can't be used. */
export function startEnvironment(env: Env, scope: string, context: ExecutionContext): StartEnvironment {
  const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
  if (!ring.ok) throw new Error("CALLBACK_SIGNING_KEYS can't be used");
  const waitUntil = (work: Promise<unknown>) => context.waitUntil(work);
  return { env, hops: { d1: 0, coordinator: 0 }, scope, ring: ring.value, waitUntil };
}

/** `key`: see starts.ts. `origin`: of the request that it goes back to. The caller has asked D1 about the token. */
export function starterOf(
  environment: StartEnvironment,
  by: Pick<Creation, "actor" | "mustNamePerson" | "origin" | "key">,
): Creation {
  return {
    ...environment,
    ...by,
    runsUrl: `${environmentUrl(environment.env, by.origin, environment.scope)}/action-runs`,
    traceparent: null,
    requireMayLeave: () => Promise.resolve(),
  };
}

/** POST …/action-runs. */
export async function createRunOfBody(creation: Creation, body: NewRunBody): Promise<CreatedRun> {
  const { actionName, entityId, parameters, recommendations, trigger } = body;
  const { actor, key, ring } = creation;
  const changeKey =
    trigger === undefined
      ? await changeKeyOf(actor, key, body)
      : await changeKeyOf(actor, key, { ...body, trigger: withoutDefaultRetry(trigger) }, ring);
  return createRun(creation, changeKey, () => ({
    unchanged: {
      entityId,
      actionName,
      title: body.title ?? null,
      subject: body.subject ?? null,
      timeoutMs: body.timeout * MINUTE_MS,
      heartbeatTimeoutMs: toMs(body.heartbeatTimeout),
      source: trigger === undefined ? "none" : "trigger",
      actionVersion: null,
      retryOf: null,
    },
    parameters,
    recommendations,
    labels: body.labels ?? [],
    trigger,
    gates: wantedGates(body, null, { parameters, entityId }, trigger !== undefined),
  }));
}

/** A run of a stored action. `bodyOf`: throws why there must be no run. */
export function createRunOfAction(
  creation: Creation,
  changeKey: ChangeKey,
  name: string,
  bodyOf: () => NewRunOfActionBody | Promise<NewRunOfActionBody>,
): Promise<CreatedRun> {
  return createRun(creation, changeKey, async () => {
    const body = await bodyOf();
    return wantedOfAction(body, await resolveAction(creation, name, body.parameters), creation);
  });
}

/** Throws `gate_needs_trigger` and `invalid_concurrency_key`. */
export function wantedOfAction(
  body: NewRunOfActionBody,
  action: ResolvedAction,
  { origin }: Pick<Creation, "origin">,
): WantedRun {
  const { entityId, parameters, recommendations } = body;
  const labels = [...new Set([...action.labels, ...(body.labels ?? [])])].sort();
  return {
    unchanged: {
      entityId,
      actionName: action.name,
      ...renderedFace(action, { parameters, entity: { id: entityId }, labels }),
      timeoutMs: (body.timeout ?? action.timeout ?? TIMEOUT_DEFAULT_MINUTES) * MINUTE_MS,
      heartbeatTimeoutMs: toMs(action.heartbeatTimeout),
      source: "action",
      actionVersion: action.version,
      retryOf: null,
      ...retryRuleOf(action, origin, 0),
    },
    parameters,
    recommendations,
    labels,
    trigger: action.trigger,
    shownTrigger: action.shownTrigger,
    reporter: action.reporter,
    gates: wantedGates(body, action, { parameters, entityId }, action.trigger !== undefined),
  };
}

/** `attempt`: which automatic retry of its chain the run is. */
function retryRuleOf({ retry }: ResolvedAction, origin: string, attempt: number): Pick<NewRun, "retryRule"> {
  if (retry === undefined || attempt >= retry.attempts) return {};
  const { attempts, delaySeconds, on } = retry;
  const delays = typeof delaySeconds === "number" ? Array<number>(attempts).fill(delaySeconds) : delaySeconds;
  return { retryRule: { attempt, delaysMs: delays.map((seconds) => seconds * 1000), on, origin } };
}

/** `isFirst`: refuses a run that was retried since its end. `automaticAttempt`: left out if somebody asked for it. */
export function retryRun(
  creation: Creation,
  changeKey: ChangeKey,
  id: string,
  body: RetryBody,
  { isFirst = false, automaticAttempt }: { readonly isFirst?: boolean; readonly automaticAttempt?: number } = {},
): Promise<CreatedRun> {
  return createRun(creation, changeKey, async () => {
    const source = await endedRun(creation, id);
    // The coordinator judges again when it creates the new run. This saves the preparation, and says the right reason.
    if (isFirst && source.isRetried) throw refusalError("already_retried");
    if (source.plannedRetry !== undefined && automaticAttempt === undefined) throw retryPlanned(source.plannedRetry);
    const wanted = await wantedAgain(creation, id, body, source, automaticAttempt ?? 0);
    return { ...wanted, isFirstRetry: isFirst };
  });
}

function retryPlanned({ id }: { readonly id: string | null }): ApiError {
  if (id === null) return new ApiError("retry_planned");
  const sentence = `The service retries this run by itself: run ${id} waits. Release that run to start it now, or cancel it and retry this one.`;
  return new ApiError("retry_planned", sentence);
}

/** If an action started the run, the action counts as it is now. */
async function wantedAgain(
  creation: Creation,
  id: string,
  body: RetryBody,
  { source, inputs }: InputsAnswer,
  attempt: number,
): Promise<WantedRun> {
  const { actionName, entityId, title, subject, timeoutMs, heartbeatTimeoutMs } = inputs;
  const parameters = body.parameters ?? (JSON.parse(inputs.parameters) as JsonObject);
  const recommendations = JSON.parse(inputs.recommendations) as JsonObject;
  const bytes = utf8Bytes(JSON.stringify(parameters) + inputs.recommendations);
  if (bytes > INPUTS_MAX_BYTES) {
    const sentence = `parameters and the recommendations of the run together have ${bytes} bytes; send at most ${INPUTS_MAX_BYTES}.`;
    throw new ApiError("invalid_body", sentence, { pointer: "/parameters" });
  }
  const action = source === "action" ? await resolveAction(creation, actionName, parameters) : null;
  const labels = JSON.parse(inputs.labels) as readonly string[];
  return {
    unchanged: {
      entityId,
      actionName,
      ...(action === null
        ? { title, subject }
        : renderedFace(action, { parameters, entity: { id: entityId }, labels })),
      timeoutMs,
      heartbeatTimeoutMs,
      source,
      actionVersion: action?.version ?? null,
      retryOf: id,
      ...(action !== null && retryRuleOf(action, creation.origin, attempt)),
    },
    parameters,
    recommendations,
    labels,
    trigger: action?.trigger,
    shownTrigger: action?.shownTrigger,
    reporter: action?.reporter,
    gates: wantedGates(body, action, { parameters, entityId }, action?.trigger !== undefined),
  };
}

/** Throws why the run can't be repeated. */
async function endedRun(environment: Environment, id: string): Promise<InputsAnswer> {
  if (!(await mayBeKnown(environment, id))) throw new ApiError("run_not_found");
  const answer = await ask(environment, ({ runs }) => runs.inputs(id));
  if (!answer.ok) throw refusalError(answer.reason);
  if (!answer.isOver) throw new ApiError("run_open");
  // A trigger's secrets are erased after its dispatch, so nobody can send it again.
  if (answer.source === "trigger") throw new ApiError("trigger_not_kept");
  return answer;
}

/** A run that the key created before wins over a refusal, because the request may have been fine at that time. */
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
    const { gates } = prepared.run;
    if (gates !== null && (gates.notBefore !== null || gates.approval !== null)) await creation.requireMayLeave();
  } catch (refusal) {
    const created = refusal instanceof ApiError ? await recallRun(creation, changeKey, refusal) : null;
    if (created === null) throw refusal;
    return created;
  }
  let answer = await sendRun(creation, changeKey, wanted, prepared);
  for (let n = 1; n < TRIES_MAX && !answer.ok && answer.reason === "id_taken"; n++) {
    prepared = await prepareRun(creation, wanted);
    answer = await sendRun(creation, changeKey, wanted, prepared);
  }
  if (!answer.ok) {
    const refusal = refusalError(answer.reason);
    // Only to count it: there is no such run, or the coordinator would have found it.
    if (creation.refusedEventOf !== undefined) await recallRun(creation, changeKey, refusal);
    throw refusal;
  }
  if (answer.id !== prepared.run.id) return recalled(creation, answer);
  const isHidden = wanted.unchanged.source === "action" && wanted.trigger !== undefined;
  return { answer, isRepeated: false, token: isHidden ? null : await prepared.token };
}

/** The run that the caller's key created, or null. An outage is no refusal, because the sender repeats the event. */
async function recallRun(creation: Creation, changeKey: ChangeKey, refusal: ApiError): Promise<CreatedRun | null> {
  const { key, include, refusedEventOf } = creation;
  if (key === null) return null;
  const isCounted = refusedEventOf !== undefined && refusal.status < 500;
  const options = { include, ...(isCounted && { refusedEventOf }) };
  const answer = await ask(creation, ({ runs }) => runs.recall(changeKey, options));
  if (answer.ok) return recalled(creation, answer);
  if (answer.reason === "run_not_found") return null;
  throw refusalError(answer.reason);
}

/** The run says whether the caller may see the token, because the action may have changed since. */
async function recalled({ scope, ring }: Creation, answer: RunAnswer): Promise<CreatedRun> {
  if (answer.isTokenHidden === true) return { answer, isRepeated: true, token: null };
  const grant = { scope, runId: answer.id, expiresAt: answer.tokenExpiresAt ?? answer.deadlineAt };
  return { answer, isRepeated: true, token: await signCallbackToken(ring, grant) };
}

function sendRun(
  creation: Creation,
  changeKey: ChangeKey,
  { isFirstRetry, scheduled }: WantedRun,
  { run, dispatch, preview }: PreparedRun,
): Promise<RunReply> {
  const { include } = creation;
  // Nothing is sent that nobody asked for, because a member is sent with its name even if it is undefined.
  const asked: RunCreation = {
    ...(include && { include }),
    ...(preview !== null && { preview }),
    ...(isFirstRetry && { isFirstRetry }),
    ...scheduled,
  };
  const isPlain = Object.keys(asked).length === 0;
  return ask(creation, ({ runs }) => runs.create(run, changeKey, dispatch, ...(isPlain ? [] : [asked])));
}

export function sendCreated(c: Context<AppEnv>, { key, runsUrl }: Creation, { answer, token }: CreatedRun): Response {
  if (answer.replayed && key !== null) c.header("Idempotent-Replayed", "true");
  c.set("runId", answer.id);
  const url = `${runsUrl}/${answer.id}`;
  const expiresAt = new Date(answer.tokenExpiresAt ?? answer.deadlineAt).toISOString();
  c.header("Location", url);
  const run = runJson(answer);
  const text = token === null ? run : withCallback(run, { url: `${url}/callback`, token, expiresAt });
  return sendJson(c, text, 201);
}

function toMs(minutes: number | undefined): number | null {
  return minutes === undefined ? null : minutes * MINUTE_MS;
}
