/** Each endpoint is a receiver of its own, so none holds up others. What is sent is rendered at each attempt. */
import { log } from "../../../base/log.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, msSinceOrJustNow, msSinceOrLongAgo } from "../../../base/time.ts";
import { isAttemptDue, LEASE_MS, parseRetryAfter, RETRY_WAIT_MAX_MS } from "../../../webhooks/dispatch.ts";
import {
  type Delivery,
  type DeliveryResult,
  deliveryId,
  type EndpointKey,
  eventOf,
  type HappenedEvent,
  type MadeAttempt,
  type Match,
  readDeliveryId,
} from "../../endpoint-deliveries.ts";
import type { Outcome } from "../../run-counts.ts";
import { PartWith } from "../context.ts";
import { Outbox, type Outgoing, type RequestKind } from "../sending/outbox.ts";
import type { PermitPolicy, Queued } from "../sending/receiver-queues.ts";
import type { Retries } from "../starts/retries.ts";
import type { DefinitionReads } from "./definition-reads.ts";

/** How long a delivery is kept, and tried, at least. Its run's purge removes it sooner. */
const KEPT_MS = 7 * DAY_MS;
const EXPIRES_EVERY_MS = HOUR_MS;
/** How long an endpoint has failed before the Worker is asked whether to disable it, and how often it is asked. */
const CONSIDERED_AFTER_MS = DAY_MS;
const CONSIDERED_EVERY_MS = HOUR_MS;
/** Of an endpoint that is gone, one attempt erases so many deliveries, and the next one more. */
const ERASED_AT_ONCE = 2000;

/** `eventSeq`: the number of the event that the attempt sent. Left out if no attempt was made. */
interface EventResult extends DeliveryResult {
  readonly eventSeq?: number | null;
}

type OutgoingDelivery = Outgoing<Delivery>;

export class Deliveries
  extends PartWith<{ reads: DefinitionReads; retries: Retries }>
  implements RequestKind<Delivery, EventResult, OutgoingDelivery>
{
  readonly permits: PermitPolicy = {
    // An attempt has its run twice: as the journal's row, and as the JSON that it sends.
    max: { attempts: 200, bytes: 16_000_000 },
    roomOf: () => ({ attempts: 8, bytes: Number.POSITIVE_INFINITY }),
    halfOpenAfter: 5,
    trialEveryMs: 60_000,
  };
  readonly batchMax = 100;
  readonly lostEvent = "delivery_lost";
  readonly lost: DeliveryResult = {
    verdict: "failed",
    isAlive: null,
    version: 0,
    status: null,
    durationMs: LEASE_MS,
    reason: "may or may not have been reached: the attempt was cut off",
    excerpt: null,
    retryAfter: null,
  };
  readonly outbox: Outbox<Delivery, EventResult> = new Outbox(this, this.journal.deliveries, this.context);
  readonly #trials = new Set<string>();
  readonly #consideredAt = new Map<EndpointKey, number>();

  /** In a transaction; launch what it returns after that. The first one of each endpoint may be under way. */
  insert(matches: readonly Match[], now: number): Delivery[] {
    const begun = new Map<string, Delivery>();
    if (matches.length === 0) return [];
    this.outbox.queue.addWaiting(now, () => {
      const waiting: string[] = [];
      for (const { run, endpoint } of matches) {
        const planned = newDelivery(run.id, run, endpoint, run.bytes, now);
        const isFirst = !begun.has(endpoint);
        const delivery = isFirst ? this.outbox.begin(planned, planned.expiresAt, now) : planned;
        if (!this.journal.deliveries.insert(delivery)) continue;
        if (isFirst) begun.set(endpoint, delivery);
        else this.outbox.wait(delivery, delivery.expiresAt, now);
        if (delivery.leaseUntil === null) waiting.push(deliveryId(delivery));
      }
      const id = waiting.sort().at(-1);
      return id === undefined ? null : { dueAt: now, id };
    });
    return [...begun.values()];
  }

  send(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.outbox.launch(deliveryId(delivery), delivery);
  }

  launch(deliveries: readonly Delivery[]): void {
    this.send(deliveries);
    this.outbox.startWaiting();
  }

  /** An attempt under way counts as the one that is asked for. */
  resend(endpoint: EndpointKey, runId: string, event: HappenedEvent, bytes: number, now: number): void {
    const fresh = newDelivery(runId, event, endpoint, bytes, now);
    const known = this.journal.deliveries.of(fresh);
    if (known !== null && known.leaseUntil !== null) return;
    const delivery = { ...fresh, isResend: true };
    this.journal.transaction(() => {
      if (known !== null) this.journal.deliveries.erase(known);
      this.journal.deliveries.insert(delivery);
    });
    this.outbox.submit(deliveryId(delivery), { request: delivery, endsAt: delivery.expiresAt }, now);
  }

  queued({ endpoint, weight, attempt }: Delivery): Queued {
    return { receiver: endpoint, weight, attempt };
  }

  failuresBefore({ receiver }: Queued): number {
    return this.journal.endpointHealth.of(receiver)?.failures ?? 0;
  }

  find(id: string, now: number): OutgoingDelivery | null {
    const delivery = this.journal.deliveries.of(readDeliveryId(id));
    if (delivery === null || delivery.state !== "waiting") return null;
    // An attempt under way still shows how it ends.
    if (delivery.leaseUntil === null && !this.#isNeeded(delivery)) {
      this.journal.deliveries.erase(delivery);
      return null;
    }
    const { nextAt } = delivery;
    const isInTurn = nextAt !== null && nextAt > now && this.outbox.isHalfOpen(delivery.endpoint);
    return { request: isInTurn ? { ...delivery, nextAt: now } : delivery, endsAt: delivery.expiresAt };
  }

  idle(id: string, now: number): void {
    const delivery = this.journal.deliveries.of(readDeliveryId(id));
    if (delivery === null) return;
    if (delivery.leaseUntil === null && delivery.expiresAt <= now) this.journal.deliveries.erase(delivery);
    else this.journal.deliveries.update(delivery);
  }

  attempt(id: string, delivery: Delivery): Promise<EventResult> {
    if (this.outbox.isHalfOpen(delivery.endpoint)) this.#trials.add(id);
    const named = this.parts.retries.named(delivery.runId);
    return named === null ? this.#send(delivery) : named.then(() => this.#send(delivery));
  }

  #send({ runId, endpoint, kind, type }: Delivery): Promise<EventResult> {
    const run = this.journal.runs.byId(runId);
    const event = run && this.context.replies.event(run);
    // The purge has removed the delivery as well, or the next pass drops it.
    if (event?.kind !== kind) return Promise.resolve(this.lost);
    const { scope } = this.journal;
    const { eventSeq = null } = run ?? {};
    const sending = this.context.entrypoints.DeliverySender.send({ ...event, scope, endpoint, kind, type });
    return sending.then((result) => ({ ...result, eventSeq }));
  }

  /** An attempt that could not be made holds its endpoint up, too. Otherwise a lost key would be looked for all the time. */
  isWorking({ verdict, isAlive }: DeliveryResult): boolean | null {
    return verdict === "not_made" ? false : isAlive;
  }

  write({ request }: OutgoingDelivery, now: number): void {
    this.journal.deliveries.update(request);
    this.context.arm(now);
  }

  answered({ request }: OutgoingDelivery, attempt: number, result: EventResult, now: number): void {
    const isTrial = this.#trials.delete(deliveryId(request));
    if (this.#isOfEarlierEvent(request, result)) return;
    const isOld = attempt !== request.attempt || request.leaseUntil === null;
    if (isOld && result.verdict !== "delivered") return;
    const { endpoint, runId } = request;
    const isHalfOpen = this.outbox.isHalfOpen(endpoint);
    // It can repeat texts that were erased while the attempt was under way.
    const isErased = result.excerpt !== null && this.journal.runs.isErased(runId);
    const kept = isErased ? { ...result, excerpt: null } : result;
    const next = deliveryAfter(request, kept, { now, random: Math.random(), isTrial, isHalfOpen });
    this.journal.transaction(() => {
      if (!request.isResend) this.#noteHealth(endpoint, result, now);
      if (next !== null) this.journal.deliveries.update(next);
      else this.#eraseAll(request, now);
      if (next !== null && next.state !== "waiting") this.#count(next, next.state);
    });
    // The alarm may have looked further in this very millisecond.
    if (next === null) this.#lookFor(endpoint);
    if (next !== null && isAttemptDue(next, now)) this.outbox.wait(next, next.expiresAt, now);
    this.context.arm(now);
    if (result.verdict === "failed" && !request.isResend) this.#considerDisabling(endpoint, result.version, now);
    if (next?.state !== "failed") return;
    const { status, reason } = result;
    const coordinator = this.journal.scope;
    log("info", "delivery_given_up", { coordinator, run: runId, endpoint, attempt, status, reason });
  }

  giveUp({ request }: OutgoingDelivery, now: number): void {
    this.journal.deliveries.erase(request);
    this.#count(request, "expired");
    this.context.arm(now);
    const { runId: run, endpoint } = request;
    log("info", "delivery_expired", { coordinator: this.journal.scope, run, endpoint });
  }

  /** Whether the run still lacks approvals, if the delivery asks for them. An end stays. */
  #isNeeded({ runId, kind }: Delivery): boolean {
    if (kind === "ended") return true;
    const run = this.journal.runs.byId(runId);
    return run !== null && eventOf(run)?.kind === kind;
  }

  /** Whether approvals were withdrawn since the attempt began, so that the delivery is another one now. */
  #isOfEarlierEvent({ runId, kind }: Delivery, { eventSeq }: EventResult): boolean {
    if (kind === "ended" || eventSeq === undefined) return false;
    const run = this.journal.runs.byId(runId);
    return run !== null && eventOf(run)?.kind === kind && run.eventSeq !== eventSeq;
  }

  #noteHealth(endpoint: string, { verdict, version, isAlive }: DeliveryResult, now: number): void {
    if (version === 0) return;
    const { endpointHealth } = this.journal;
    if (verdict === "delivered") endpointHealth.succeeded(endpoint, version, now);
    if (verdict === "failed") endpointHealth.failed(endpoint, version, isAlive, now);
  }

  /** For metrics. Nobody who does not ask for them pays the row. One that was sent again was counted before. */
  #count({ endpoint, isResend }: Delivery, outcome: Outcome): void {
    const { endedCounts, endpointHealth } = this.journal;
    if (endedCounts.hasBegun && !isResend) endpointHealth.count(endpoint, outcome);
  }

  #considerDisabling(endpoint: EndpointKey, version: number, now: number): void {
    const { failingSince = null } = this.journal.endpointHealth.of(endpoint) ?? {};
    if (failingSince === null || now - failingSince < CONSIDERED_AFTER_MS) return;
    const askedAt = this.#consideredAt.get(endpoint);
    if (askedAt !== undefined && msSinceOrLongAgo(askedAt, now) < CONSIDERED_EVERY_MS) return;
    this.#consideredAt.set(endpoint, now);
    this.#disable(endpoint, version).catch((error: unknown) =>
      this.logFailure("disabling_failed", error, { endpoint }),
    );
  }

  async #disable(endpoint: EndpointKey, version: number): Promise<void> {
    this.parts.reads.note(null, Date.now());
    await this.context.entrypoints.WebhookEndpoints.considerDisabling(this.journal.scope, endpoint, version);
    this.parts.reads.readSoon();
  }

  #lookFor(endpoint: EndpointKey): void {
    if (!this.journal.endpoints.listeners.some((listener) => listener.endpoint === endpoint)) return;
    this.parts.reads.note(null, Date.now());
    this.parts.reads.readSoon();
  }

  /** What waits goes too, unless the endpoint may have been stored or enabled since the attempt read it. */
  #eraseAll(delivery: Delivery, now: number): void {
    const { deliveries, endpointHealth, recoveries, fanOut } = this.journal;
    deliveries.erase(delivery);
    endpointHealth.erase(delivery.endpoint);
    if (msSinceOrJustNow(fanOut.noted?.at ?? 0, now) < LEASE_MS) return;
    deliveries.eraseWaiting(delivery.endpoint, ERASED_AT_ONCE);
    recoveries.erase(delivery.endpoint);
  }
}

function newDelivery(
  runId: string,
  { kind, type }: HappenedEvent,
  endpoint: EndpointKey,
  bytes: number,
  now: number,
): Delivery {
  return {
    endpoint,
    runId,
    kind,
    type,
    state: "waiting",
    isResend: false,
    weight: bytes,
    attempt: 0,
    nextAt: now,
    leaseUntil: null,
    attempts: [],
    expiresAt: Math.ceil((now + KEPT_MS) / EXPIRES_EVERY_MS) * EXPIRES_EVERY_MS,
  };
}

const WAITS_MS = [5000, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 10 * HOUR_MS] as const;
/** A wait is longer or shorter by this part of itself at most, so that deliveries that failed together stay apart. */
const JITTER = 0.2;
const NOT_MADE_WAIT_MS = 30_000;
const ATTEMPTS_SHOWN = 10;

export interface Circumstances {
  readonly now: number;
  readonly random: number;
  readonly isTrial: boolean;
  readonly isHalfOpen: boolean;
}

/** The waits are those of Standard Webhooks. Null: the endpoint is gone. Trial requests keep the number of attempts. */
export function deliveryAfter(delivery: Delivery, result: DeliveryResult, at: Circumstances): Delivery | null {
  const { now, random, isTrial, isHalfOpen } = at;
  const { verdict } = result;
  if (verdict === "gone") return null;
  const over = { leaseUntil: null, nextAt: null };
  const jitter = 1 + JITTER * (2 * random - 1);
  if (verdict === "not_made") {
    const nextAt = now + Math.ceil(NOT_MADE_WAIT_MS * jitter);
    return { ...delivery, ...over, attempt: delivery.attempt - 1, nextAt };
  }
  const attempts = [...delivery.attempts, madeAttempt(result, now)].slice(-ATTEMPTS_SHOWN);
  const next = { ...delivery, ...over, attempts };
  if (verdict === "delivered") return { ...next, state: "delivered" };
  if (verdict === "refused") return { ...next, state: "failed" };
  if (isTrial) return { ...next, attempt: delivery.attempt - 1, nextAt: now };
  const wait = WAITS_MS[delivery.attempt - 1];
  if (wait === undefined) return { ...next, state: "failed" };
  if (isHalfOpen) return { ...next, nextAt: now };
  const asked = Math.min(parseRetryAfter(result.retryAfter, now) ?? 0, RETRY_WAIT_MAX_MS);
  return { ...next, nextAt: now + Math.max(Math.ceil(wait * jitter), asked) };
}

function madeAttempt({ status, durationMs, reason, excerpt }: DeliveryResult, now: number): MadeAttempt {
  return { at: Math.max(now - durationMs, 0), status, durationMs, reason, excerpt };
}
