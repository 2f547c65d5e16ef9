/**
 * What holds back the webhook of a new run: its request, and the action that it runs. PURE: `createdAt` is passed in.
 * The gates of a run never change, whatever happens to the action: an approver decides about the run that was asked for.
 */

import { renderedKey } from "../../../actions/concurrency-key.ts";
import type { ResolvedAction } from "../../../actions/resolve.ts";
import type { JsonObject } from "../../../base/json.ts";
import { NOT_BEFORE_MAX_DAYS, WAIT_TIMEOUT_DEFAULT_MINUTES } from "../../../base/limits.ts";
import { DAY_MS, type Instant, MINUTE_MS } from "../../../base/time.ts";
import { ApiError } from "../../../http/errors.ts";
import { refusalOf } from "../../../http/refusal.ts";
import type { Actor } from "../../actor.ts";
import type { ApprovalRule, Concurrency, Gates } from "../../gates.ts";

/** The members of a request's body that are about waiting. */
export interface AskedWait {
  readonly notBefore?: Instant | undefined;
  /** In minutes. */
  readonly waitTimeout?: number | undefined;
}

/** What a new run would wait for. `gatesOf` judges it later, because a replay of an earlier request wins over a refusal. */
export interface WantedGates {
  readonly notBefore: number | null;
  readonly waitTimeoutMs: number;
  readonly approval: ApprovalRule | null;
  readonly concurrency: Concurrency | null;
}

/** The gates of a run whose request is not sealed yet. */
type UnsealedGates = Omit<Gates, "sealedUnder">;

type GatedAction = Pick<ResolvedAction, "trigger" | "approval" | "concurrency" | "waitTimeout">;

/** The run as far as gates need it. */
export interface GatedRun {
  readonly parameters: JsonObject;
  readonly entityId: string | null;
}

/**
 * `action`: null for a create. `hasTrigger`: whether there is anything to hold back. Throws `gate_needs_trigger` and
 * `invalid_concurrency_key`.
 */
export function wantedGates(
  asked: AskedWait,
  action: GatedAction | null,
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

/**
 * Null if the run may start at once: then it is a run like any other. An instant in the past means now. Throws
 * `invalid_body` if the instant is too far ahead.
 */
export function gatesOf(
  { notBefore: asked, waitTimeoutMs, approval, concurrency }: WantedGates,
  createdAt: number,
  creator: Actor,
): UnsealedGates | null {
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
