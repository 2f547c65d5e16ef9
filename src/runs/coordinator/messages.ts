/**
 * The messages of an environment's runs: each tells one webhook endpoint of one run. Each endpoint is a receiver of its
 * own, so that one that hangs or fails holds up no other. A message never changes a run. Its row is a reminder: what it
 * sends is rendered at each attempt, from the run and from the endpoint as it is then.
 */

import { log, logFailure } from "../../base/log.ts";
import { DAY_MS, HOUR_MS, msSinceOrJustNow, msSinceOrLongAgo } from "../../base/time.ts";
import { isAttemptDue, LEASE_MS } from "../../webhooks/delivery.ts";
import type { Journal } from "../journal/journal.ts";
import { type Message, messageId, readMessageId } from "../message.ts";
import {
  type EndpointKey,
  eventOf,
  type HappenedEvent,
  type Match,
  type MessageAttempt,
  type MessageResult,
} from "../telling.ts";
import type { DueQueue } from "./alarm/due-queue.ts";
import type { PermitPolicy, Queued } from "./attempt-slots.ts";
import { messageAfter } from "./message-schedule.ts";
import { type Arming, Outbox, type Outgoing, type RequestKind } from "./outbox.ts";
import type { Replies } from "./replies.ts";

/** Makes one attempt of a message, in a Worker invocation of its own. */
export interface MessageSender {
  send(attempt: MessageAttempt): Promise<MessageResult>;
}

/** How long a message is kept, and tried, at least. Its run's purge removes it sooner. */
const KEPT_MS = 7 * DAY_MS;
/** Messages expire together, so that the alarm does not ring for each. */
const EXPIRES_EVERY_MS = HOUR_MS;
/** How long an endpoint has failed before the Worker is asked whether to disable it, and how often it is asked. */
const CONSIDERED_AFTER_MS = DAY_MS;
const CONSIDERED_EVERY_MS = HOUR_MS;
/** How many messages of an endpoint that is gone are erased at once. The next attempt of the others erases more. */
const ERASED_AT_ONCE = 2000;

/**
 * What a Messages does with endpoints. `isGone`: called when an attempt found the endpoint deleted or disabled.
 * `considerDisabling`: disables a version of an endpoint if it has failed for days.
 */
export interface EndpointEffects {
  isGone(endpoint: EndpointKey): void;
  considerDisabling(endpoint: EndpointKey, version: number): Promise<void>;
}

export interface MessageSending extends Arming {
  readonly sender: MessageSender;
}

const NO_EFFECTS: EndpointEffects = { isGone: () => {}, considerDisabling: async () => {} };

/** `eventSeq`: the number of the event that the attempt told of. Left out if no attempt was made. */
interface ToldResult extends MessageResult {
  readonly eventSeq?: number | null;
}

type OutgoingMessage = Outgoing<Message>;

export class Messages implements RequestKind<Message, ToldResult, OutgoingMessage> {
  readonly permits: PermitPolicy = {
    // An attempt has its run twice: as the journal's row, and as the JSON that it sends.
    max: { attempts: 200, bytes: 16_000_000 },
    roomOf: () => ({ attempts: 8, bytes: Number.POSITIVE_INFINITY }),
    halfOpenAfter: 5,
    trialEveryMs: 60_000,
  };
  readonly batchMax = 100;
  readonly lostEvent = "message_lost";
  readonly lost: MessageResult = {
    verdict: "failed",
    isAlive: null,
    version: 0,
    status: null,
    durationMs: LEASE_MS,
    reason: "may or may not have been reached: the attempt was cut off",
    excerpt: null,
    retryAfter: null,
  };
  readonly #journal: Journal;
  readonly #sender: MessageSender;
  /** Set once, when the parts of the coordinator that they call are there. */
  effects = NO_EFFECTS;
  readonly #arm: (now: number) => void;
  readonly #replies: Replies;
  readonly #queue: DueQueue;
  readonly #outbox: Outbox<Message, ToldResult>;
  /** The messages whose attempt under way is a trial request. */
  readonly #trials = new Set<string>();
  /** When the Worker was last asked whether to disable an endpoint. */
  readonly #consideredAt = new Map<EndpointKey, number>();

  constructor(journal: Journal, queue: DueQueue, replies: Replies, { sender, ...arming }: MessageSending) {
    this.#journal = journal;
    this.#replies = replies;
    this.#sender = sender;
    this.#arm = arming.arm;
    this.#queue = queue;
    this.#outbox = new Outbox(this, queue, arming);
  }

  /** Whether the endpoint fails. It gets only trial requests then, and the schedules of its messages stand still. */
  isHalfOpen(endpoint: string): boolean {
    return this.#outbox.isHalfOpen(endpoint);
  }

  /**
   * Writes the messages of events. The first one of each endpoint has its first attempt under way if a permit is free.
   * The others wait, because a permit is taken only when an attempt leaves. Call it in a transaction, and launch what
   * it returns after that. A message that is there already stays as it is.
   */
  insert(matches: readonly Match[], now: number): Message[] {
    const begun = new Map<string, Message>();
    if (matches.length === 0) return [];
    this.#queue.addWaiting(now, () => {
      const waiting: string[] = [];
      for (const { run, endpoint } of matches) {
        const planned = newMessage(run.id, run, endpoint, run.bytes, now);
        const isFirst = !begun.has(endpoint);
        const message = isFirst ? this.#outbox.begin(planned, planned.expiresAt, now) : planned;
        if (!this.#journal.messages.insert(message)) continue;
        if (isFirst) begun.set(endpoint, message);
        else this.#outbox.wait(message, message.expiresAt, now);
        if (message.leaseUntil === null) waiting.push(messageId(message));
      }
      const id = waiting.sort().at(-1);
      return id === undefined ? null : { dueAt: now, id };
    });
    return [...begun.values()];
  }

  /** Sends the first attempts that `insert` has begun. */
  send(messages: readonly Message[]): void {
    for (const message of messages) this.#outbox.launch(messageId(message), message);
  }

  /** The same, and sends others for which there is a permit. */
  launch(messages: readonly Message[]): void {
    this.send(messages);
    this.#outbox.startWaiting();
  }

  /** Sends a message again, or for the first time. An attempt that is under way counts as that. */
  resend(endpoint: EndpointKey, runId: string, event: HappenedEvent, bytes: number, now: number): void {
    const fresh = newMessage(runId, event, endpoint, bytes, now);
    const known = this.#journal.messages.of(fresh);
    if (known !== null && known.leaseUntil !== null) return;
    const message = { ...fresh, isResend: true };
    this.#journal.transaction(() => {
      if (known !== null) this.#journal.messages.erase(known);
      this.#journal.messages.insert(message);
    });
    this.#outbox.submit(messageId(message), { request: message, endsAt: message.expiresAt }, now);
  }

  takeBatch(now: number): number {
    return this.#outbox.takeBatch(now);
  }

  queued({ endpoint, weight, attempt }: Message): Queued {
    return { receiver: endpoint, weight, attempt };
  }

  failuresBefore({ receiver }: Queued): number {
    return this.#journal.endpointHealth.of(receiver)?.failures ?? 0;
  }

  find(id: string, now: number): OutgoingMessage | null {
    const message = this.#journal.messages.of(readMessageId(id));
    if (message === null || message.state !== "waiting") return null;
    // An attempt under way still shows how it ends.
    if (message.leaseUntil === null && !this.#isNeeded(message)) {
      this.#journal.messages.erase(message);
      return null;
    }
    const { nextAt } = message;
    const isInTurn = nextAt !== null && nextAt > now && this.isHalfOpen(message.endpoint);
    return { request: isInTurn ? { ...message, nextAt: now } : message, endsAt: message.expiresAt };
  }

  /** Removes a message that has expired, or corrects when it is due. */
  idle(id: string, now: number): void {
    const message = this.#journal.messages.of(readMessageId(id));
    if (message === null) return;
    if (message.leaseUntil === null && message.expiresAt <= now) this.#journal.messages.erase(message);
    else this.#journal.messages.update(message);
  }

  attempt(id: string, { runId, endpoint, kind, type }: Message): Promise<ToldResult> {
    if (this.isHalfOpen(endpoint)) this.#trials.add(id);
    const run = this.#journal.runs.byId(runId);
    const event = run && this.#replies.event(run);
    // The purge has removed the message as well, or the next pass drops it.
    if (event?.kind !== kind) return Promise.resolve(this.lost);
    const { scope } = this.#journal;
    const { eventSeq = null } = run ?? {};
    const telling = this.#sender.send({ ...event, scope, endpoint, kind, type });
    return telling.then((result) => ({ ...result, eventSeq }));
  }

  /** An attempt that could not be made holds its endpoint up, too. Otherwise a lost key would be looked for all the time. */
  isWorking({ verdict, isAlive }: MessageResult): boolean | null {
    return verdict === "not_made" ? false : isAlive;
  }

  write({ request }: OutgoingMessage, now: number): void {
    this.#journal.messages.update(request);
    this.#arm(now);
  }

  answered({ request }: OutgoingMessage, attempt: number, result: ToldResult, now: number): void {
    const isTrial = this.#trials.delete(messageId(request));
    if (this.#isOfEarlierEvent(request, result)) return;
    const isOld = attempt !== request.attempt || request.leaseUntil === null;
    if (isOld && result.verdict !== "delivered") return;
    const { endpoint, runId } = request;
    const isHalfOpen = this.isHalfOpen(endpoint);
    const next = messageAfter(request, result, { now, random: Math.random(), isTrial, isHalfOpen });
    this.#journal.transaction(() => {
      if (!request.isResend) this.#noteHealth(endpoint, result, now);
      if (next !== null) this.#journal.messages.update(next);
      else this.#eraseAll(request, now);
    });
    // The alarm may have looked further in this very millisecond.
    if (next === null) this.effects.isGone(endpoint);
    if (next !== null && isAttemptDue(next, now)) this.#outbox.wait(next, next.expiresAt, now);
    this.#arm(now);
    if (result.verdict === "failed" && !request.isResend) this.#considerDisabling(endpoint, result.version, now);
    if (next?.state !== "failed") return;
    const { status, reason } = result;
    log("info", "message_given_up", {
      coordinator: this.#journal.scope,
      run: runId,
      endpoint,
      attempt,
      status,
      reason,
    });
  }

  useResult(): void {
    // A message that is gone needs no result.
  }

  giveUp({ request }: OutgoingMessage, now: number): void {
    this.#journal.messages.erase(request);
    this.#arm(now);
    log("info", "message_expired", {
      coordinator: this.#journal.scope,
      run: request.runId,
      endpoint: request.endpoint,
    });
  }

  /** Whether the run still lacks approvals, if the message asks for them. An end stays. */
  #isNeeded({ runId, kind }: Message): boolean {
    if (kind === "ended") return true;
    const run = this.#journal.runs.byId(runId);
    return run !== null && eventOf(run)?.kind === kind;
  }

  /** Whether approvals were withdrawn since the attempt began, so that the message is another one now. */
  #isOfEarlierEvent({ runId, kind }: Message, { eventSeq }: ToldResult): boolean {
    if (kind === "ended" || eventSeq === undefined) return false;
    const run = this.#journal.runs.byId(runId);
    return run !== null && eventOf(run)?.kind === kind && run.eventSeq !== eventSeq;
  }

  #noteHealth(endpoint: string, { verdict, version, isAlive }: MessageResult, now: number): void {
    if (version === 0) return;
    const { endpointHealth } = this.#journal;
    if (verdict === "delivered") endpointHealth.succeeded(endpoint, version, now);
    if (verdict === "failed") endpointHealth.failed(endpoint, version, isAlive, now);
  }

  #considerDisabling(endpoint: EndpointKey, version: number, now: number): void {
    const { failingSince = null } = this.#journal.endpointHealth.of(endpoint) ?? {};
    if (failingSince === null || now - failingSince < CONSIDERED_AFTER_MS) return;
    const askedAt = this.#consideredAt.get(endpoint);
    if (askedAt !== undefined && msSinceOrLongAgo(askedAt, now) < CONSIDERED_EVERY_MS) return;
    this.#consideredAt.set(endpoint, now);
    const { scope } = this.#journal;
    this.effects
      .considerDisabling(endpoint, version)
      .catch((error: unknown) => logFailure("disabling_failed", error, { coordinator: scope, endpoint }));
  }

  /** What waits goes too, unless the endpoint may have been stored or enabled since the attempt read it. */
  #eraseAll(message: Message, now: number): void {
    const { messages, endpointHealth, recoveries, telling } = this.#journal;
    messages.erase(message);
    endpointHealth.erase(message.endpoint);
    if (msSinceOrJustNow(telling.noted?.at ?? 0, now) < LEASE_MS) return;
    messages.eraseWaiting(message.endpoint, ERASED_AT_ONCE);
    recoveries.erase(message.endpoint);
  }
}

function newMessage(
  runId: string,
  { kind, type }: HappenedEvent,
  endpoint: EndpointKey,
  bytes: number,
  now: number,
): Message {
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
