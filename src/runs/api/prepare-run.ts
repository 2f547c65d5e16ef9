/** Makes a run ready for its coordinator: its gates, its id, its callback token, and its sealed webhook. */

import type { ActionReporter } from "../../actions/definition.ts";
import type { ResolvedAction } from "../../actions/resolve.ts";
import { renderedKey } from "../../actions/run-texts.ts";
import { OPERATOR } from "../../auth/principal.ts";
import { madeUpCallbackToken, signCallbackToken } from "../../auth/token-format.ts";
import { lineageOf, newUuidV7 } from "../../base/ids.ts";
import type { JsonObject } from "../../base/json.ts";
import { LABELS_MAX, NOT_BEFORE_MAX_DAYS, WAIT_TIMEOUT_DEFAULT_MINUTES } from "../../base/limits.ts";
import { DAY_MS, type Instant, MINUTE_MS } from "../../base/time.ts";
import { ApiError, refusalOf, sentenceOf } from "../../http/errors.ts";
import type { NewDispatch } from "../../webhooks/dispatch.ts";
import type { TemplateContext } from "../../webhooks/placeholder.ts";
import { previewOf, type ShownRequest } from "../../webhooks/render.ts";
import type { Trigger } from "../../webhooks/trigger.ts";
import { type Origin, type PrepareFault, prepareDispatch } from "../../webhooks/trigger-requests.ts";
import {
  type Actor,
  type ApprovalRule,
  type Concurrency,
  type Face,
  type Gates,
  type NewRun,
  nameOf,
  viaOf,
} from "../run.ts";
import type { RunCreation } from "../run-calls.ts";
import { createRunId } from "../run-id.ts";

/** The members of a new run that nothing here changes. */
type Unchanged = Face &
  Pick<
    NewRun,
    | "entityId"
    | "actionName"
    | "timeoutMs"
    | "heartbeatTimeoutMs"
    | "source"
    | "actionVersion"
    | "retryOf"
    | "retryRule"
  >;

export interface WantedRun {
  readonly unchanged: Unchanged;
  readonly parameters: JsonObject;
  readonly recommendations: JsonObject;
  /** A sorted set. */
  readonly labels: readonly string[];
  /** Whether it is refused if another run repeats the same one. */
  readonly isFirstRetry?: boolean;
  /** See `RunCreation`. */
  readonly scheduled?: Pick<RunCreation, "scheduled" | "startFailed">;
  /** Complete, with its secrets. */
  readonly trigger: Trigger | undefined;
  /** The trigger of a stored action as a GET shows it, with null instead of each secret. */
  readonly shownTrigger?: ShownRequest | undefined;
  readonly gates: WantedGates;
  readonly reporter?: ActionReporter | undefined;
  /** If only the request is wanted, to show or to test it. There will be no such run. */
  readonly madeUp?: {
    /** Where the body has the definition of the action; null if the stored one is used. */
    readonly definitionAt: string | null;
  };
}

/** What a run takes from the request that creates it. `origin`: of the request. */
export interface Asked extends Origin {
  /** `…/action-runs`: the URL of a run is this and its id. */
  readonly runsUrl: string;
  readonly actor: Actor;
  /** Whether the request must name a person if the run has gates. */
  readonly mustNamePerson: boolean;
  /** Not part of what a key is bound to, because each try of a request can have a span of its own. */
  readonly traceparent: string | null;
}

/** A fault in a stored trigger gets no pointer, because that trigger is not in the request body. */
function refusalOfTrigger(fault: PrepareFault, { unchanged, madeUp }: WantedRun): ApiError {
  if (unchanged.source === "trigger") return refusalOf(fault.code, [fault]);
  const holder = madeUp?.definitionAt ?? null;
  if (holder === null || fault.path.length === 0) return new ApiError(fault.code, sentenceOf([fault]));
  return refusalOf(fault.code, [{ ...fault, path: [holder, ...fault.path] }]);
}

/** A run with an id of its own, ready to be sent to its coordinator. */
export interface PreparedRun {
  readonly run: NewRun;
  readonly dispatch: NewDispatch | null;
  /** What people see of the request, as JSON. Null if the run needs no approval and is not made up. */
  readonly preview: string | null;
  /** A promise, because a run without a dispatch is sent while its token is signed. */
  readonly token: Promise<string>;
}

/** Throws `too_many_labels`, `invalid_body`, `person_required`, or why the webhook may not be sent. */
export async function prepareRun(asked: Asked, wanted: WantedRun): Promise<PreparedRun> {
  const { scope, ring } = asked;
  const { labels, trigger, shownTrigger, reporter, madeUp } = wanted;
  if (labels.length > LABELS_MAX) {
    const sentence = `The run would have ${labels.length} labels. Send at most ${LABELS_MAX}, together with those of the action.`;
    throw new ApiError("too_many_labels", sentence, { pointer: "/labels" });
  }
  const createdAt = Date.now();
  const gates = trigger === undefined ? null : await sealableGates(asked, wanted.gates, createdAt);
  // The service takes no other id for one of its runs, so nothing can be reported about a run that is made up.
  const id = madeUp ? newUuidV7(createdAt) : await createRunId(ring, scope, createdAt);
  const run = toNewRun(asked, wanted, gates, { id, createdAt });
  const grant = { scope, runId: id, expiresAt: run.deadlineAt };
  const token = madeUp ? Promise.resolve(madeUpCallbackToken(grant)) : signCallbackToken(ring, grant);
  if (trigger === undefined) return { run, dispatch: null, preview: null, token };
  const context = toContext(asked, wanted, run, await token);
  const prepared = await prepareDispatch(trigger, context, asked, reporter?.execution);
  if (!prepared.ok) throw refusalOfTrigger(prepared.error, wanted);
  const isShown = madeUp !== undefined || (gates !== null && gates.approval !== null);
  const preview = isShown && shownTrigger !== undefined ? previewOf(shownTrigger, context) : null;
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
  { unchanged, parameters, recommendations, labels, reporter }: WantedRun,
  gates: Gates | null,
  { id, createdAt }: Pick<NewRun, "id" | "createdAt">,
): NewRun {
  const { title, subject, ...others } = unchanged;
  return {
    ...others,
    // A call sends the name of a member even if it is null, and most runs lack some of these.
    ...(title !== null && { title }),
    ...(subject !== null && { subject }),
    ...(actor.tokenId !== OPERATOR.id && { createdBy: lineageOf(actor.tokenId, actor.parents) }),
    ...(reporter !== undefined && { reporter: { issuer: reporter.issuer, claims: reporter.claims } }),
    ...(actor.proven !== undefined && { creatorProof: actor.proven }),
    id,
    parameters: JSON.stringify(parameters),
    recommendations: JSON.stringify(recommendations),
    labels: JSON.stringify(labels),
    traceparent,
    triggeredBy: nameOf(actor),
    via: viaOf(actor),
    gates,
    createdAt,
    deadlineAt: deadlineOf(gates, createdAt, unchanged.timeoutMs),
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
      timeoutSeconds: run.timeoutMs / 1000,
      traceparent,
    },
    parameters,
    recommendations,
    entity: { id: entityId },
  };
}

/** They never change, whatever happens to the action: an approver decides about the run that was asked for. */
export interface WantedGates {
  readonly notBefore: number | null;
  readonly waitTimeoutMs: number;
  readonly approval: ApprovalRule | null;
  readonly concurrency: Concurrency | null;
}

type GatedRun = Pick<WantedRun, "parameters"> & Pick<NewRun, "entityId">;

/** `asked`: of the request's body, `waitTimeout` in minutes. Throws `gate_needs_trigger` and `invalid_concurrency_key`. */
export function wantedGates(
  asked: { readonly notBefore?: Instant | undefined; readonly waitTimeout?: number | undefined },
  action: Pick<ResolvedAction, "approval" | "concurrency" | "waitTimeout"> | null,
  run: GatedRun,
  hasTrigger: boolean,
): WantedGates {
  const { notBefore, waitTimeout = action?.waitTimeout ?? WAIT_TIMEOUT_DEFAULT_MINUTES } = asked;
  if (notBefore !== undefined && !hasTrigger) {
    const sentence =
      "notBefore holds back the trigger, and this run has no trigger. Add a trigger, or leave notBefore out.";
    throw new ApiError("gate_needs_trigger", sentence, { pointer: "/notBefore" });
  }
  return {
    notBefore: notBefore?.ceilMs ?? null,
    waitTimeoutMs: waitTimeout * MINUTE_MS,
    // The PUT refused gates without a trigger.
    approval: action?.approval ?? null,
    concurrency: concurrencyOf(action?.concurrency, run),
  };
}

function concurrencyOf(stored: ResolvedAction["concurrency"], run: GatedRun): Concurrency | null {
  if (stored === undefined) return null;
  const { group, limit, onConflict } = stored;
  const key = renderedKey(stored.key, { parameters: run.parameters, entity: { id: run.entityId } });
  if (!key.ok) throw new ApiError("invalid_concurrency_key", key.error.sentence, { pointer: key.error.pointer });
  return { group, key: key.value, limit, onConflict };
}

/** Null if the run may start at once. Throws `invalid_body` if `notBefore` is too far ahead. */
export function gatesOf(
  { notBefore: asked, waitTimeoutMs, approval, concurrency }: WantedGates,
  createdAt: number,
  creator: Actor,
): Omit<Gates, "sealedUnder"> | null {
  const notBefore = asked !== null && asked > createdAt ? asked : null;
  if (notBefore !== null && notBefore > createdAt + NOT_BEFORE_MAX_DAYS * DAY_MS) {
    const message = `is too far ahead; send an instant in the next ${NOT_BEFORE_MAX_DAYS} days.`;
    throw refusalOf("invalid_body", [{ path: ["notBefore"], message }]);
  }
  if (notBefore === null && approval === null && concurrency === null) return null;
  const waitUntil = (notBefore ?? createdAt) + waitTimeoutMs;
  return { notBefore, approval, concurrency, waitUntil, creator };
}

/** The latest instant at which the run can still be open. A gated run's timeout starts when it is released. */
export function deadlineOf(gates: Pick<Gates, "waitUntil"> | null, createdAt: number, timeoutMs: number): number {
  return (gates?.waitUntil ?? createdAt) + timeoutMs;
}
