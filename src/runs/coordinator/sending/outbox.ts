/** An attempt is in the journal, with a lease, before it leaves. Without a permit, a request writes nothing and waits. */
import { type AttemptState, beginAttempt, isAttemptDue, isAttemptLost } from "../../../webhooks/dispatch.ts";
import type { DueRows } from "../../journal/due-rows.ts";
import type { DueWork } from "../alarm.ts";
import { type Context, Part } from "../context.ts";
import { AttemptPermits, DueQueue, type PermitPolicy, type Queued } from "./receiver-queues.ts";

/** `endsAt`: no attempt begins at this instant or later. */
export interface Outgoing<T> {
  readonly request: T;
  readonly endsAt: number;
}

/** `T`: a request and how far it got. `R`: how an attempt ended. */
export interface RequestKind<T extends AttemptState, R, O extends Outgoing<T>> {
  readonly permits: PermitPolicy;
  readonly batchMax: number;
  readonly lostEvent: string;
  readonly lost: R;
  queued(request: T): Queued;
  /** How many attempts to a receiver have failed in a row, before this object knew it. */
  failuresBefore(queued: Queued): number;
  find(id: string, now: number): O | null;
  idle(id: string, now: number): void;
  /** Rejects if nobody knows whether the request arrived. */
  attempt(id: string, request: T): Promise<R>;
  /** Whether a result says that the receiver works; null if it says nothing of that. */
  isWorking(result: R): boolean | null;
  write(outgoing: O, now: number): void;
  answered(outgoing: O, attempt: number, result: R, now: number): void;
  /** `isOvertaken`: there was no request any more, so the result was not applied. */
  useResult?(id: string, request: T, result: R, isOvertaken: boolean, now: number): void;
  /** Its time was up before its next attempt was due, or before a permit was free. */
  giveUp(outgoing: O, now: number, isHalfOpen: boolean): void;
}

export class Outbox<T extends AttemptState, R, O extends Outgoing<T> = Outgoing<T>> extends Part implements DueWork {
  readonly #kind: RequestKind<T, R, O>;
  readonly queue: DueQueue;
  readonly #permits: AttemptPermits;

  constructor(kind: RequestKind<T, R, O>, rows: DueRows, context: Context) {
    super(context);
    this.#kind = kind;
    this.#permits = new AttemptPermits(kind.permits, (queued) => kind.failuresBefore(queued));
    this.queue = new DueQueue(rows, this.#permits);
  }

  nextAt(now: number): number {
    return this.queue.nextAt(now);
  }

  /** The request with its next attempt under way, or unchanged if it must wait. Journal it, then launch it. */
  begin(request: T, endsAt: number, now: number): T {
    const queued = this.#kind.queued(request);
    if (this.queue.isBehindOthers(queued) || !this.#permits.hasRoomFor(queued, now)) {
      this.wait(request, endsAt, now);
      return request;
    }
    return beginAttempt(request, now);
  }

  isHalfOpen(receiver: string): boolean {
    return this.#permits.isHalfOpen(receiver);
  }

  wait(request: T, endsAt: number, now: number): void {
    const queued = this.#kind.queued(request);
    const trialInMs = this.#permits.trialInMs(queued.receiver, now);
    const until = trialInMs > 0 ? Math.min(endsAt, now + trialInMs) : endsAt;
    this.queue.wait(queued, { until, isBlocked: !this.#permits.hasRoomForAll(queued.weight) }, now);
  }

  /** Never waits. The request leaves only when the journal is durable. */
  launch(id: string, request: T): void {
    if (request.leaseUntil === null) return;
    const { attempt } = request;
    const { receiver, weight } = this.#kind.queued(request);
    const lost = (error: unknown) => this.logFailure(this.#kind.lostEvent, error, { run: id });
    void this.#permits
      .hold(
        { receiver, weight, attempt: attempt - 1 },
        Date.now(),
        () => this.#kind.attempt(id, request),
        (result) => this.#kind.isWorking(result),
      )
      .then(
        (result) => this.#attemptEnded(id, request, result),
        (error: unknown) => {
          lost(error);
          this.#attemptLost(id, request);
        },
      )
      .finally(() => this.startWaiting())
      .catch(lost);
  }

  submit(id: string, outgoing: O, now: number): void {
    const { request, endsAt } = outgoing;
    const begun = isAttemptDue(request, now) ? this.begin(request, endsAt, now) : request;
    this.#write(id, { ...outgoing, request: begun }, now);
  }

  /** Throws, after all rows, if a row could not be deferred. */
  takeBatch(now: number): number {
    const stuck: unknown[] = [];
    const due = this.queue.takeBatch(now, this.#kind.batchMax, (id, maySend) =>
      this.#processSafely(id, now, stuck, maySend),
    );
    if (stuck.length > 0) throw stuck[0];
    return due;
  }

  startWaiting(): void {
    if (!this.queue.isAnyWaiting) return;
    const now = Date.now();
    this.queue.startWaiting(now, this.#kind.batchMax, (id) => this.#processSafely(id, now, [], true));
    this.context.arm(now);
  }

  #processSafely(id: string, now: number, stuck: unknown[], maySend: boolean): void {
    try {
      this.#process(id, now, maySend);
    } catch (error) {
      this.logFailure("due_row_failed", error, { run: id });
      try {
        this.queue.rows.defer(id, now);
      } catch (cause) {
        stuck.push(cause);
      }
    }
  }

  #process(id: string, now: number, maySend: boolean): void {
    const found = this.#kind.find(id, now);
    if (found === null || !this.#proceed(id, found, now, maySend)) this.#kind.idle(id, now);
  }

  /** False if nothing is due. Without `maySend`, an attempt that is due waits. */
  #proceed(id: string, outgoing: O, now: number, maySend: boolean): boolean {
    const { request, endsAt } = outgoing;
    const isAttemptPlanned = request.leaseUntil === null && request.nextAt !== null;
    if (isAttemptLost(request, now)) this.#kind.answered(outgoing, request.attempt, this.#kind.lost, now);
    else if (isAttemptPlanned && now >= endsAt) {
      this.#kind.giveUp(outgoing, now, this.#permits.isHalfOpen(this.#kind.queued(request).receiver));
    } else if (isAttemptDue(request, now) && maySend) this.#sendOrWait(id, outgoing, now);
    else if (isAttemptDue(request, now)) this.wait(request, endsAt, now);
    else return false;
    return true;
  }

  #sendOrWait(id: string, outgoing: O, now: number): void {
    const begun = this.begin(outgoing.request, outgoing.endsAt, now);
    if (begun.leaseUntil !== null) this.#write(id, { ...outgoing, request: begun }, now);
  }

  #write(id: string, outgoing: O, now: number): void {
    this.#kind.write(outgoing, now);
    this.launch(id, outgoing.request);
  }

  #attemptEnded(id: string, request: T, result: R): void {
    const now = Date.now();
    const found = this.#kind.find(id, now);
    if (found !== null) this.#kind.answered(found, request.attempt, result, now);
    this.#kind.useResult?.(id, request, result, found === null, now);
  }

  #attemptLost(id: string, request: T): void {
    const now = Date.now();
    if (this.#kind.find(id, now) === null) {
      this.#kind.useResult?.(id, request, this.#kind.lost, true, now);
    }
  }
}
