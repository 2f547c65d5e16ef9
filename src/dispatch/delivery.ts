/**
 * A run's delivery: what is known of telling its workflow to begin. PURE: no I/O, no clock, no dice; `now` and
 * `random` are passed in. At least once: an attempt is on record, with a lease, before it leaves.
 */

import { isRetryable, type RetryPolicy, retryDelayMs } from "./backoff.ts";

/** How long an attempt may take, from leaving to its answer. */
export const ATTEMPT_MAX_MS = 15_000;
/** When an attempt whose result did not come counts as lost. */
export const LEASE_MS = 30_000;

/**
 * How long after the run's creation an attempt is tried again that this isolate could not send. While a change of keys or
 * settings rolls out, an isolate with the old ones meets a request that was made under the new ones.
 */
export const ROLLOUT_MS = 600_000;
const ROLLOUT_RETRY_MS = 20_000;

/** What starts the run: a 2xx of the receiver, or only the first heartbeat. */
export type StartOn = "accepted" | "heartbeat";

export interface NewDelivery extends RetryPolicy {
  /** The receiver's host: all of the address that may be told. */
  readonly host: string;
  readonly startOn: StartOn;
  /** The request, sealed by the Worker; its secrets are never in the clear here. */
  readonly sealed: Uint8Array<ArrayBuffer>;
}

export interface Delivery extends NewDelivery {
  /** The latest attempt's number, from 1; 0 before the first. */
  readonly attempt: number;
  /** When the next attempt is to leave; null while one is under way. */
  readonly nextAt: number | null;
  /** When the attempt under way counts as lost; null while none is. */
  readonly leaseUntil: number | null;
  /** Whether some attempt may have arrived without our knowing. */
  readonly isUnsure: boolean;
}

/** What came of an attempt. `status` null: no answer, for `reason`. `isFinal`: it was not even sent, and never will be. */
export interface AttemptAnswer {
  readonly status: number | null;
  readonly durationMs: number;
  /** Completes the sentence that begins with the receiver's host. */
  readonly reason: string;
  readonly isFinal: boolean;
  /** It was not sent because of this isolate's keys or settings: another isolate may be able to. */
  readonly isUnready?: boolean;
  readonly excerpt: string | null;
  /** Why there is no excerpt of an answer that had a body: it may hold a secret of the request. */
  readonly excerptOmitted?: "secret";
  readonly retryAfter: string | null;
}

export type Verdict =
  | { readonly outcome: "accepted" }
  | { readonly outcome: "retry"; readonly delivery: Delivery & { readonly nextAt: number } }
  /** `reason` is a sentence. */
  | { readonly outcome: "given_up"; readonly reason: string }
  /** The result of an older attempt changes nothing. */
  | { readonly outcome: "ignored" };

/** `createdAt`, `deadlineAt`: the run's. */
export interface Circumstances {
  readonly now: number;
  readonly createdAt: number;
  readonly deadlineAt: number;
  readonly random: number;
}

export function newDelivery(delivery: NewDelivery, now: number): Delivery {
  return { ...delivery, attempt: 0, nextAt: now, leaseUntil: null, isUnsure: false };
}

/** When the delivery needs something done. */
export function deliveryDueAt({ nextAt, leaseUntil }: Delivery): number | null {
  return leaseUntil ?? nextAt;
}

export function isAttemptDue({ nextAt, leaseUntil }: Delivery, now: number): boolean {
  return leaseUntil === null && nextAt !== null && now >= nextAt;
}

export function isAttemptLost({ leaseUntil }: Delivery, now: number): boolean {
  return leaseUntil !== null && now >= leaseUntil;
}

/** The delivery with its next attempt under way. */
export function beginAttempt(delivery: Delivery, now: number): Delivery {
  return { ...delivery, attempt: delivery.attempt + 1, nextAt: null, leaseUntil: now + LEASE_MS };
}

/** What counts in place of a result that did not come. */
export const LOST: AttemptAnswer = {
  status: null,
  durationMs: LEASE_MS,
  reason: "may or may not have been reached: the attempt was cut off",
  isFinal: false,
  excerpt: null,
  retryAfter: null,
};

/**
 * What a result means. A 2xx always counts, anything else only from the attempt under way. After an attempt that may
 * have arrived, 409 means that it did. A next try that would fall past the deadline is given up now. An attempt that
 * was not ready to be sent does not count while a deploy may be rolling out: the next one has its number.
 */
export function judge(
  delivery: Delivery,
  attempt: number,
  answer: AttemptAnswer,
  { now, createdAt, deadlineAt, random }: Circumstances,
): Verdict {
  const { status } = answer;
  if (status !== null && status >= 200 && status <= 299) return { outcome: "accepted" };
  if (attempt !== delivery.attempt || delivery.leaseUntil === null) return { outcome: "ignored" };
  if (status === 409 && delivery.isUnsure) return { outcome: "accepted" };

  const what = `${delivery.host} ${answer.reason}`;
  if (answer.isUnready && now < createdAt + ROLLOUT_MS) {
    const nextAt = now + Math.ceil((ROLLOUT_RETRY_MS * (1 + random)) / 2);
    if (nextAt >= deadlineAt) return givenUp(what);
    return { outcome: "retry", delivery: { ...delivery, attempt: attempt - 1, nextAt, leaseUntil: null } };
  }
  if (answer.isFinal || !isRetryable(status)) return givenUp(what);
  if (attempt >= delivery.maxAttempts)
    return givenUp(attempt === 1 ? what : `${what}, at attempt ${attempt}`);
  const nextAt = now + retryDelayMs(delivery, attempt, answer.retryAfter, now, random);
  if (nextAt >= deadlineAt) return givenUp(`${what}, and the run's time would be up before the next attempt`);
  // Behind a gateway that gave up waiting, the request may have arrived all the same.
  const isUnsure = delivery.isUnsure || status === null || status === 502 || status === 504;
  return { outcome: "retry", delivery: { ...delivery, nextAt, leaseUntil: null, isUnsure } };
}

function givenUp(sentence: string): Verdict {
  return { outcome: "given_up", reason: `${sentence}.` };
}
