/**
 * The order in which requests are processed. A row that gets no permit stays due in the journal, so the object remembers
 * which receivers have such rows, and how far the alarm has looked. In memory only: a new one looks at everything.
 */

import { msSinceOrLongAgo } from "../../../base/time.ts";
import { LEASE_MS } from "../../../webhooks/dispatch.ts";
import { BEGINNING, type Due, type DueRows } from "../../journal/due-rows.ts";

const KINDS = ["first", "retry"] as const;
type Kind = (typeof KINDS)[number];

export class DueQueue {
  readonly rows: DueRows;
  readonly #permits: AttemptPermits;
  /** The receivers that may have waiting rows. The one that was served last is at the end. */
  readonly #waiting: Readonly<Record<Kind, Set<string>>> = { first: new Set(), retry: new Set() };
  /** The receiver whose row is too heavy for what all receivers leave. No other row of its kind overtakes that row. */
  readonly #blocked: Record<Kind, string | null> = { first: null, retry: null };
  /** The next trial request is another row, because one alone may be at fault. */
  readonly #lastTrial = new Map<string, string>();
  /** The alarm looks behind this row. Everything that is due up to it waits for a permit or is done. */
  #lookedUpTo = BEGINNING;
  #lookAgainAt = Number.POSITIVE_INFINITY;
  /** Whether a waiting row is being processed. Others of its receiver may wait behind it. */
  #isProcessing = false;

  constructor(rows: DueRows, permits: AttemptPermits) {
    this.rows = rows;
    this.#permits = permits;
  }

  get isAnyWaiting(): boolean {
    return this.#isProcessing || KINDS.some((kind) => this.#waiting[kind].size > 0);
  }

  /** Whether others come first, even if a permit is free: those of its receiver, and one that is too heavy. */
  isBehindOthers({ receiver, attempt }: Pick<Queued, "receiver" | "attempt">): boolean {
    return KINDS.slice(0, attempt === 0 ? 1 : 2).some(
      (kind) => this.#waiting[kind].has(receiver) || (this.#blocked[kind] ?? receiver) !== receiver,
    );
  }

  /** Rows that wait for a permit need no alarm. */
  nextAt(now: number): number {
    return Math.min(this.rows.nextDueAt(this.#lookAfter(now)), this.#lookAgainAt);
  }

  /**
   * `until`: when the alarm must look again. It looks after LEASE_MS at the latest, so an alarm is set even if the
   * object dies. `isBlocked`: the row does not fit beside those of all receivers.
   */
  wait(
    { receiver, attempt }: Pick<Queued, "receiver" | "attempt">,
    { until, isBlocked }: { readonly until: number; readonly isBlocked: boolean },
    now: number,
  ): void {
    const kind = attempt === 0 ? "first" : "retry";
    // After a restart, a receiver's retries can be found before its first attempts.
    this.#waiting.first.add(receiver);
    if (kind === "retry") this.#waiting.retry.add(receiver);
    if (isBlocked) this.#blocked[kind] ??= receiver;
    this.#lookAgainAt = Math.min(this.#lookAgainAt, until, now + LEASE_MS);
  }

  /** Adds rows that are due and wait already, so that the alarm need not find them. `add` returns the last one. */
  addWaiting(now: number, add: () => Due | null): void {
    const after = this.#lookAfter(now);
    const hasLooked = this.rows.nextDueAt(after) > now;
    const last = add();
    // Rows that are added in one millisecond come in any order.
    const isBehind = last !== null && (last.dueAt > after.dueAt || last.id > after.id);
    if (hasLooked && isBehind) this.#lookedUpTo = last;
  }

  /** Rows that are due, and those whose time is up. Only waiting rows may send, because others may come before. */
  takeBatch(now: number, limit: number, process: (id: string, maySend: boolean) => void): number {
    const mayEnd = this.#lookAgainAt <= now;
    const overdue = mayEnd ? this.rows.overdue(now, limit) : [];
    const due = this.rows.due(now, limit, this.#lookAfter(now));
    for (const { id } of [...overdue, ...due]) process(id, false);
    const last = due.at(-1);
    if (last !== undefined && this.isAnyWaiting) this.#lookedUpTo = last;
    if (mayEnd) this.#lookAgainAt = Math.min(this.rows.firstEndAt(now), now + LEASE_MS);
    const started = this.startWaiting(now, limit, (id) => process(id, true));
    return Math.max(overdue.length + due.length, started);
  }

  /** First attempts come before retries. Receivers take turns, and each one's rows are in order until one must wait. */
  startWaiting(now: number, limit: number, process: (id: string) => void): number {
    let processed = 0;
    let begun = 0;
    for (const kind of KINDS) {
      const after = new Map(this.#inOrder(kind).map((receiver) => [receiver, BEGINNING]));
      this.#blocked[kind] = null;
      while (after.size > 0 && processed < limit && this.#blocked[kind] === null) {
        for (const [receiver, from] of after) {
          if (processed === limit || this.#blocked[kind] !== null) break;
          const next = this.#nextOf(receiver, kind, from, now);
          const isTrial = this.rows.nextInTurn !== undefined && this.#permits.isHalfOpen(receiver);
          const kinds = isTrial ? KINDS : [kind];
          const mustWait = next === null || this.#mustWait(receiver, kinds, () => process(next.id));
          if (next !== null) processed++;
          // Moves on even if processing the row failed and the row is still due.
          if (mustWait) after.delete(receiver);
          else after.set(receiver, next);
          if (!mustWait) begun++;
          if (!mustWait && isTrial) this.#lastTrial.set(receiver, next.id);
        }
      }
      if (this.#blocked[kind] !== null) break;
    }
    // Batches without a start would follow each other for ever.
    this.#lookLater(now, processed === limit && begun > 0);
    return processed;
  }

  #inOrder(kind: Kind): readonly string[] {
    const blocked = this.#blocked[kind];
    const receivers = [...this.#waiting[kind]];
    return blocked === null ? receivers : [blocked, ...receivers.filter((receiver) => receiver !== blocked)];
  }

  #nextOf(receiver: string, kind: Kind, after: Due, now: number): Due | null {
    const hasRoom = this.#permits.hasRoomFor({ receiver, weight: 0, attempt: kind === "first" ? 0 : 1 }, now);
    // The receiver's last room may be taken by its last row. Otherwise many receivers can be without room.
    if (!hasRoom && after === BEGINNING) return null;
    const isRetry = kind === "retry";
    const trial = this.#permits.isHalfOpen(receiver) && this.rows.nextInTurn?.(receiver, this.#lastTrial.get(receiver));
    const next = trial || this.rows.nextWaiting(receiver, isRetry, now, after);
    if (next === null) this.#waiting[kind].delete(receiver);
    return hasRoom ? next : null;
  }

  /** Whether the row must wait again. While it is processed, no row of these kinds is before it. */
  #mustWait(receiver: string, kinds: readonly Kind[], process: () => void): boolean {
    const those = kinds.map((kind) => this.#waiting[kind]).filter((receivers) => receivers.delete(receiver));
    this.#isProcessing = true;
    process();
    this.#isProcessing = false;
    const mustWait = those.some((receivers) => receivers.has(receiver));
    for (const receivers of those) receivers.add(receiver);
    return mustWait;
  }

  #lookLater(now: number, isAtLimit: boolean): void {
    if (!this.isAnyWaiting) {
      this.#lookedUpTo = BEGINNING;
      this.#lookAgainAt = Number.POSITIVE_INFINITY;
    } else if (isAtLimit) {
      this.#lookAgainAt = now;
    } else {
      for (const kind of KINDS) {
        for (const receiver of this.#waiting[kind]) {
          const waitMs = this.#permits.trialInMs(receiver, now);
          if (waitMs > 0) this.#lookAgainAt = Math.min(this.#lookAgainAt, now + waitMs);
        }
      }
    }
  }

  #lookAfter(now: number): Due {
    // After the clock stepped back, rows can be due before that row.
    return this.isAnyWaiting && this.#lookedUpTo.dueAt <= now ? this.#lookedUpTo : BEGINNING;
  }
}

export interface Room {
  readonly attempts: number;
  readonly bytes: number;
}

/** `attempt`: how many have begun. */
export interface Queued {
  readonly receiver: string;
  readonly weight: number;
  readonly attempt: number;
}

export interface PermitPolicy {
  /** For all receivers together. One request of the largest size must fit. */
  readonly max: Room;
  /** What a receiver may hold. `failures`: in a row. `left`: what the other receivers leave. */
  roomOf(failures: number, left: Room): Room;
  /** After so many failures in a row, a receiver gets one trial request in `trialEveryMs`. */
  readonly halfOpenAfter: number;
  readonly trialEveryMs: number;
}

const IDLE_RECEIVERS_MAX = 1000;

interface Receiver {
  attempts: number;
  bytes: number;
  failures: number;
  begunAt: number;
}

/**
 * How receivers share the attempts under way. The threat: one that hangs holds each permit for as long as an attempt
 * may take, and all others wait. One that fails gets one trial request at a time. In memory only.
 */
export class AttemptPermits {
  readonly #policy: PermitPolicy;
  readonly #failuresBefore: (queued: Queued) => number;
  readonly #receivers = new Map<string, Receiver>();
  #attempts = 0;
  #bytes = 0;

  constructor(policy: PermitPolicy, failuresBefore: (queued: Queued) => number) {
    this.#policy = policy;
    this.#failuresBefore = failuresBefore;
  }

  hasRoomFor(queued: Queued, now: number): boolean {
    const { receiver, weight } = queued;
    const known = this.#receivers.get(receiver);
    const { attempts = 0, bytes = 0 } = known ?? {};
    const { max } = this.#policy;
    const left = { attempts: max.attempts - this.#attempts + attempts, bytes: max.bytes - this.#bytes + bytes };
    const room = this.#policy.roomOf(known?.failures ?? this.#failuresBefore(queued), left);
    return (
      this.hasRoomForAll(weight) &&
      // One request always fits, whatever it weighs.
      (attempts === 0 || (attempts < room.attempts && bytes + weight <= room.bytes)) &&
      this.trialInMs(receiver, now) === 0
    );
  }

  hasRoomForAll(weight: number): boolean {
    const { max } = this.#policy;
    return this.#attempts < max.attempts && this.#bytes + weight <= max.bytes;
  }

  isHalfOpen(receiver: string): boolean {
    const failures =
      this.#receivers.get(receiver)?.failures ?? this.#failuresBefore({ receiver, weight: 0, attempt: 0 });
    return failures >= this.#policy.halfOpenAfter;
  }

  /** 0 if the receiver's requests need not wait for that. */
  trialInMs(receiver: string, now: number): number {
    const known = this.#receivers.get(receiver);
    if (known === undefined || !this.isHalfOpen(receiver)) return 0;
    const { trialEveryMs } = this.#policy;
    return known.attempts > 0 ? trialEveryMs : Math.max(trialEveryMs - msSinceOrLongAgo(known.begunAt, now), 0);
  }

  /** Rejects if nobody knows whether the request arrived. */
  async hold<R>(
    queued: Queued,
    now: number,
    make: () => Promise<R>,
    isWorking: (result: R) => boolean | null,
  ): Promise<R> {
    const receiver = this.#receivers.get(queued.receiver) ?? this.#remember(queued);
    receiver.begunAt = now;
    this.#take(receiver, 1, queued.weight);
    try {
      const result = await make();
      const works = isWorking(result);
      if (works !== null) receiver.failures = works ? 0 : receiver.failures + 1;
      return result;
    } finally {
      this.#take(receiver, -1, -queued.weight);
    }
  }

  #take(receiver: Receiver, attempts: number, bytes: number): void {
    receiver.attempts += attempts;
    receiver.bytes += bytes;
    this.#attempts += attempts;
    this.#bytes += bytes;
  }

  #remember(queued: Queued): Receiver {
    if (this.#receivers.size >= IDLE_RECEIVERS_MAX + this.#policy.max.attempts) this.#forgetIdle();
    const receiver = { attempts: 0, bytes: 0, failures: this.#failuresBefore(queued), begunAt: 0 };
    this.#receivers.set(queued.receiver, receiver);
    return receiver;
  }

  /** Receivers that work first, because a receiver that is forgotten counts as one that works. */
  #forgetIdle(): void {
    for (const isForgotten of [(failures: number) => failures === 0, () => true]) {
      if (this.#receivers.size < IDLE_RECEIVERS_MAX) return;
      for (const [name, { attempts, failures }] of this.#receivers) {
        if (attempts === 0 && isForgotten(failures)) this.#receivers.delete(name);
      }
    }
  }
}
