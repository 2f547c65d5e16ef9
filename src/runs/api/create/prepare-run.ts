/**
 * Makes a run ready for its coordinator: judges its gates, creates the id, signs the callback token, and renders and
 * seals the webhook.
 */

import { signCallbackToken } from "../../../auth/callback-token.ts";
import type { JsonObject } from "../../../base/json.ts";
import { LABELS_MAX } from "../../../base/limits.ts";
import { ApiError } from "../../../http/errors.ts";
import { refusalOf, sentenceOf } from "../../../http/refusal.ts";
import type { NewDispatch } from "../../../webhooks/delivery.ts";
import { type Origin, type PrepareFault, prepareDispatch } from "../../../webhooks/request/prepare.ts";
import { previewOf, type ShownRequest } from "../../../webhooks/request/preview.ts";
import type { Trigger } from "../../../webhooks/request/trigger.ts";
import type { TemplateContext } from "../../../webhooks/template/placeholder.ts";
import { type Actor, nameOf, viaOf } from "../../actor.ts";
import type { Gates } from "../../gates.ts";
import type { NewRun, RunSource } from "../../run.ts";
import { createRunId } from "../../run-id.ts";
import { deadlineOf, gatesOf, type WantedGates } from "./gates.ts";

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
  /** Whether the run is refused if another run repeats the same one. */
  readonly isFirstRetry?: boolean;
  /** Complete, with its secrets. */
  readonly trigger: Trigger | undefined;
  /** The trigger of a stored action as a GET shows it, with null instead of each secret. */
  readonly shownTrigger?: ShownRequest | undefined;
  readonly gates: WantedGates;
}

/** What a run takes from the request that creates it. */
interface Asked extends Origin {
  readonly runsUrl: string;
  readonly actor: Actor;
  readonly mustNamePerson: boolean;
  readonly traceparent: string | null;
}

/** A fault in a stored action's trigger gets no pointer, because that trigger is not in the request body. */
function refusalOfTrigger(fault: PrepareFault, { source }: WantedRun): ApiError {
  return source === "trigger" ? refusalOf(fault.code, [fault]) : new ApiError(fault.code, sentenceOf([fault]));
}

/** A run with an id of its own, ready to be sent to its coordinator. */
export interface PreparedRun {
  readonly run: NewRun;
  readonly dispatch: NewDispatch | null;
  /** What an approver sees of the request, as JSON. Null if the run needs no approval. */
  readonly preview: string | null;
  /** A promise, because a run without a dispatch is sent while its token is signed. */
  readonly token: Promise<string>;
}

/** Throws `too_many_labels`, `invalid_body`, `person_required`, or why the webhook may not be sent. */
export async function prepareRun(asked: Asked, wanted: WantedRun): Promise<PreparedRun> {
  const { scope, ring } = asked;
  const { labels, trigger, shownTrigger } = wanted;
  if (labels.length > LABELS_MAX) {
    const sentence = `The run would have ${labels.length} labels. Send at most ${LABELS_MAX}, together with those of the action.`;
    throw new ApiError("too_many_labels", sentence, { pointer: "/labels" });
  }
  const createdAt = Date.now();
  const gates = trigger === undefined ? null : await sealableGates(asked, wanted.gates, createdAt);
  const id = await createRunId(ring, scope, createdAt);
  const run = toNewRun(asked, wanted, gates, { id, createdAt });
  const token = signCallbackToken(ring, { scope, runId: id, expiresAt: run.deadlineAt });
  if (trigger === undefined) return { run, dispatch: null, preview: null, token };
  const context = toContext(asked, wanted, run, await token);
  const prepared = await prepareDispatch(trigger, context, asked);
  if (!prepared.ok) throw refusalOfTrigger(prepared.error, wanted);
  const isShown = gates !== null && gates.approval !== null && shownTrigger !== undefined;
  const preview = isShown ? previewOf(shownTrigger, context) : null;
  return { run, dispatch: prepared.value, preview, token };
}

/** Throws `person_required`. */
async function sealableGates(
  { ring, actor, mustNamePerson }: Asked,
  wanted: WantedGates,
  createdAt: number,
): Promise<Gates | null> {
  const gates = gatesOf(wanted, createdAt, actor);
  if (gates === null) return null;
  if (mustNamePerson) throw new ApiError("person_required");
  const [sealedUnder = null] = await ring.keyIds("webhooks");
  return { ...gates, sealedUnder };
}

function toNewRun(
  { actor, traceparent }: Asked,
  wanted: WantedRun,
  gates: Gates | null,
  { id, createdAt }: Pick<NewRun, "id" | "createdAt">,
): NewRun {
  const { parameters, recommendations, labels, timeoutMs } = wanted;
  const { actionName, entityId, heartbeatTimeoutMs, source, actionVersion, retryOf } = wanted;
  return {
    id,
    actionName,
    entityId,
    heartbeatTimeoutMs,
    source,
    actionVersion,
    retryOf,
    parameters: JSON.stringify(parameters),
    recommendations: JSON.stringify(recommendations),
    labels: JSON.stringify(labels),
    traceparent,
    triggeredBy: nameOf(actor),
    via: viaOf(actor),
    timeoutMs,
    gates,
    createdAt,
    deadlineAt: deadlineOf(gates, createdAt, timeoutMs),
  };
}

function toContext({ runsUrl }: Asked, wanted: WantedRun, run: NewRun, token: string): TemplateContext {
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
