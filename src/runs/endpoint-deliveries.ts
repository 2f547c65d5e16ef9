/** What a coordinator and the Worker say to each other about endpoints. Only the Worker knows their secrets. PURE. */
import type { AttemptResult, AttemptState } from "../webhooks/dispatch.ts";
import { isFinal, lacksApproval, type Run, type RunName } from "./run.ts";

const APPROVAL_REQUESTED = "action_run.approval_requested";

export const EVENT_TYPES = [
  "action_run.succeeded",
  "action_run.failed",
  "action_run.cancelled",
  APPROVAL_REQUESTED,
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** A run has at most one delivery of each kind for an endpoint. */
export type DeliveryKind = "ended" | "approval";

export interface HappenedEvent {
  readonly kind: DeliveryKind;
  readonly type: EventType;
  readonly at: number;
}

/** Null if it makes none. Approvals are asked for from the creation on, and again when some were withdrawn. */
export function eventOf(
  run: Pick<Run, "status" | "createdAt" | "completedAt" | "waitingFor" | "gates" | "approvals" | "withdrawnAt">,
): HappenedEvent | null {
  const { status, createdAt, completedAt, withdrawnAt } = run;
  if (lacksApproval(run)) {
    return { kind: "approval", type: APPROVAL_REQUESTED, at: withdrawnAt ?? createdAt };
  }
  const ended = EVENT_TYPES.find((type) => type === `action_run.${status}`);
  if (ended === undefined || completedAt === null) return null;
  return { kind: "ended", type: ended, at: completedAt };
}

/** Of an earlier run of the same action, entity and subject. */
export type PreviousStatus = "succeeded" | "failed" | null;

export interface RunWithEvent extends HappenedEvent, Pick<Run, "id" | "source" | "actionName" | "entityId" | "labels"> {
  readonly seq: number;
  /** Less than `seq` if the end became final later. Null if the run is open. */
  readonly endedSeq: number | null;
  readonly previousStatus: PreviousStatus;
  readonly isFinal: boolean;
  readonly bytes: number;
}

export function withEvent(
  run: Parameters<typeof eventOf>[0] & Pick<Run, "nextRetry"> & Omit<RunWithEvent, keyof HappenedEvent | "isFinal">,
): RunWithEvent | null {
  const event = eventOf(run);
  const { id, seq, endedSeq, source, actionName, entityId, labels, previousStatus, bytes } = run;
  const facts = { id, seq, endedSeq, source, actionName, entityId, labels, previousStatus, bytes };
  return event && { ...event, ...facts, isFinal: isFinal(run) };
}

/** With the version at which it was created, so an endpoint never gets the deliveries of a deleted one of its name. */
export type EndpointKey = string;

export interface Match {
  readonly run: RunWithEvent;
  readonly endpoint: EndpointKey;
}

/** An endpoint as D1 has it, without secrets. `isDisabled`: by the service. `filter`: JSON of an EndpointFilter. */
export interface ReadEndpoint {
  readonly endpoint: EndpointKey;
  readonly version: number;
  readonly isDisabled: boolean;
  readonly filter: string;
}

export interface Endpoints {
  considerDisabling(scope: string, endpoint: EndpointKey, version: number): Promise<void>;
}

export function readEndpointKey(key: EndpointKey): { name: string; createdVersion: number } {
  const [name = "", createdVersion] = key.split("@");
  return { name, createdVersion: Number(createdVersion) };
}

export function endpointKey(endpoint: { readonly name: string; readonly createdVersion: number }): EndpointKey {
  return `${endpoint.name}@${endpoint.createdVersion}`;
}

export interface DeliveryAttempt {
  readonly scope: string;
  readonly endpoint: EndpointKey;
  readonly runId: string;
  readonly kind: DeliveryKind;
  readonly type: EventType;
  readonly at: number;
  readonly actionRun: string;
  readonly details: string;
  readonly previousStatus: PreviousStatus;
  /** Whether the run is made up. */
  readonly isTest?: boolean;
}

/**
 * How an attempt of a delivery ended. `failed` counts as an attempt and against the endpoint's health. `refused` ends
 * only this delivery. `not_made`: no attempt was possible, because D1 is down or a key is on its way. `gone`: the
 * endpoint is deleted or disabled, so none of its deliveries will be sent.
 */
export interface DeliveryResult
  extends Pick<AttemptResult, "status" | "durationMs" | "reason" | "excerpt" | "retryAfter"> {
  readonly verdict: "delivered" | "failed" | "refused" | "not_made" | "gone";
  /** Any answer below 500 but 408, 425 and 429 says that the receiver works. Null if nothing was sent. */
  readonly isAlive: boolean | null;
  /** The version of the endpoint that was used; 0 if none was loaded. Health is counted per version. */
  readonly version: number;
}

export interface EndpointHealth {
  readonly version: number;
  /** Attempts in a row without any answer that says that the receiver is alive. */
  readonly failures: number;
  readonly failingSince: number | null;
  /** The days since then with a failure, counted from 1970, ascending. */
  readonly failedDays: readonly number[];
  /** The last success that was noted; null if there was none. Another one may have come within a day after it. */
  readonly succeededAt: number | null;
}

/** `missing`: of runs that the endpoint never heard of. The events happened from `since` on and before `until`. */
export interface RecoveryOrder {
  readonly since: number;
  readonly until: number | null;
  readonly include: "failed" | "missing";
}

export function isSameOrder(a: RecoveryOrder, b: RecoveryOrder): boolean {
  return a.since === b.since && a.until === b.until && a.include === b.include;
}

/** `deliveries`: how many the recovery has brought. `isOver`: there are no more, or it has brought all that it may. */
export interface Recovery extends RecoveryOrder {
  readonly deliveries: number;
  readonly isOver: boolean;
}

/** What decides which events an endpoint hears of. `actionNames` null: every action. */
export interface EndpointFilter {
  readonly events: readonly (EventType | "action_run.*")[];
  readonly actionNames: readonly string[] | null;
  readonly labels: readonly string[];
  readonly includeUnstored: boolean;
  readonly onlyOnChange: boolean;
  readonly final: boolean;
  readonly disabled: boolean;
  readonly showsPrevious: boolean;
}

/** An endpoint that nobody has disabled. It hears of events behind the number `afterSeq`, when it was not stored yet. */
export interface Listener {
  readonly endpoint: EndpointKey;
  readonly afterSeq: number;
  readonly filter: EndpointFilter;
}

/** What is not known about the outcome before counts as a change. */
export function hears({ filter }: Pick<Listener, "filter">, run: RunWithEvent): boolean {
  if (!run.isFinal && waitsForFinal({ filter })) return false;
  const isCompared = filter.onlyOnChange && (filter.includeUnstored || run.source === "action");
  const isSame = run.type === `action_run.${run.previousStatus}`;
  return isWanted(filter, run) && !(isSame && isCompared);
}

/** Whether it hears of an end only when the end is final. Only final ends are compared. */
export function waitsForFinal({ filter }: Pick<Listener, "filter">): boolean {
  return filter.final || filter.onlyOnChange;
}

export function needsPrevious({ filter }: Pick<Listener, "filter">): boolean {
  return filter.showsPrevious || filter.onlyOnChange;
}

function isWanted({ events, actionNames, labels, includeUnstored }: EndpointFilter, run: RunWithEvent): boolean {
  if (!events.some((event) => event === "action_run.*" || event === run.type)) return false;
  // A caller can give a run any name. Only a run of a stored action is what its name says.
  const isNamed = includeUnstored || run.source === "action";
  if (actionNames !== null && !(isNamed && actionNames.includes(run.actionName))) return false;
  if (labels.length === 0) return true;
  const ofRun = new Set(JSON.parse(run.labels) as string[]);
  return labels.every((label) => ofRun.has(label));
}

export const DELIVERY_STATES = ["waiting", "delivered", "failed"] as const;
type DeliveryState = (typeof DELIVERY_STATES)[number];

/** `excerpt`: the start of the response, sealed. */
export interface MadeAttempt {
  readonly at: number;
  readonly status: number | null;
  readonly durationMs: number;
  readonly reason: string;
  readonly excerpt: string | null;
}

export interface DeliveryRef {
  readonly endpoint: EndpointKey;
  readonly runId: string;
  readonly kind: DeliveryKind;
}

export interface Delivery extends DeliveryRef, AttemptState {
  readonly type: EventType;
  readonly state: DeliveryState;
  /** Whether somebody asked for it again. Then its attempts say nothing of the endpoint's health. */
  readonly isResend: boolean;
  readonly weight: number;
  readonly expiresAt: number;
  readonly attempts: readonly MadeAttempt[];
}

export type NamedDelivery = Delivery & RunName;

export type DeliveryPosition = Pick<DeliveryRef, "runId" | "kind">;

export interface DeliveryFilter {
  readonly state?: DeliveryState | undefined;
  readonly before?: DeliveryPosition | undefined;
  readonly limit: number;
}

/** A page can be short, or empty, and still have a next one. */
export interface DeliveryPage<D = Delivery> {
  readonly deliveries: readonly D[];
  readonly nextBefore: DeliveryPosition | null;
}

export function deliveryId({ endpoint, runId, kind }: DeliveryRef): string {
  return `${endpoint} ${runId} ${kind}`;
}

export function readDeliveryId(id: string): DeliveryRef {
  const [endpoint = "", runId = "", kind = ""] = id.split(" ");
  return { endpoint, runId, kind: kind as DeliveryKind };
}

export interface EndpointReport {
  readonly health: EndpointHealth | null;
  readonly isHalfOpen: boolean;
  readonly recovery: Recovery | null;
  readonly newest: NamedDelivery | null;
}

/** `isHalfOpen`: the schedules of its deliveries stand still. */
export interface DeliveriesReply extends DeliveryPage<NamedDelivery> {
  readonly isHalfOpen: boolean;
}

export type EventContent = Omit<DeliveryAttempt, "scope" | "endpoint" | "isTest">;

export type ResendReply = "accepted" | "run_not_found" | "no_such_event";

export interface EndpointCalls {
  report(key: EndpointKey): Promise<EndpointReport>;
  /** Also notes what `note` notes, because the endpoint is about to be enabled. */
  forgetHealth(key: EndpointKey): Promise<void>;
  page(key: EndpointKey, filter: DeliveryFilter): Promise<DeliveriesReply>;
  /** `type`: null for the run's newest event. */
  resend(key: EndpointKey, runId: string, type: EventType | null): Promise<ResendReply>;
  /** Null if a recovery with another order is under way. */
  recover(key: EndpointKey, order: RecoveryOrder): Promise<Recovery | null>;
  lastEvent(runId: string): Promise<EventContent | Exclude<ResendReply, "accepted">>;
  /** Counts a test of an endpoint or an action: 0, or in how many ms the next one is allowed. */
  admitTest(): Promise<number>;
}
