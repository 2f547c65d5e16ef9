/**
 * A run's dispatch: the webhook that starts its workflow, and how far it got. PURE: `now` and `random` are passed in.
 * The receiver gets it at least once, because an attempt is on record, with a lease, before it leaves.
 */
import {
  dispatchEndsAt,
  isFromWorkingHost,
  isRetryable,
  mayHaveBegun,
  nextAttemptAt,
  type RetryPolicy,
} from "./backoff.ts";

/** The timeout of an attempt. */
export const ATTEMPT_MAX_MS = 15_000;
/** How long to wait for a connection. A receiver that takes longer counts as one that accepts connections. */
export const CONNECT_MAX_MS = 2000;
/** An attempt that reports no result within this time counts as lost. */
export const LEASE_MS = 30_000;
/** A dispatch is given up after so many attempts that may have begun the job. Otherwise a slow receiver starts many. */
export const UNSURE_ATTEMPTS_MAX = 3;

/**
 * While new keys or settings roll out, an isolate with the old ones can't send a request that was made under the new
 * ones. For this long after the run's creation, such an attempt is retried.
 */
const ROLLOUT_MS = 600_000;
const ROLLOUT_RETRY_MS = 20_000;

/** What starts the run: a 2xx response, or only the first heartbeat. */
export type StartOn = "accepted" | "heartbeat";

/** A sealed request with its retries: one that starts a job, or one that stops it. */
export interface NewRequest extends RetryPolicy {
  /** The receiver's host, the only part of the URL that timelines and logs show. The rest can contain values. */
  readonly host: string;
  /** The request, which only the Worker can open. */
  readonly sealed: Uint8Array<ArrayBuffer>;
}

export interface NewDispatch extends NewRequest {
  readonly startOn: StartOn;
  /** The stop request; left out if the trigger has no `cancel`. */
  readonly stopRequest?: NewRequest;
}

/** Where the attempts of a request are. */
export interface AttemptState {
  /** The latest attempt's number, from 1; 0 before the first. */
  readonly attempt: number;
  /** When the next attempt is due; null while one is under way. */
  readonly nextAt: number | null;
  /** When the attempt under way counts as lost; null if there is none. */
  readonly leaseUntil: number | null;
}

/** How far a request got. */
export interface Progress extends AttemptState {
  /** Whether an earlier attempt may have arrived although its response did not. */
  readonly isUnsure: boolean;
  /** How many attempts have failed although they may have begun the job. */
  readonly unsureAttempts: number;
}

/** A request and how far it got. */
export type Tried = NewRequest & Progress;
export interface Dispatch extends NewDispatch, Progress {
  /** No attempt begins at this instant or later. */
  readonly endsAt: number;
}

/**
 * How an attempt ended. `status`: null if there was no response. `isFinal`: there will be no other attempt, because the
 * request can't be sent, or because the response does not meet the trigger's conditions.
 */
export interface AttemptResult {
  readonly status: number | null;
  readonly durationMs: number;
  /** The rest of a sentence that begins with the receiver's host. */
  readonly reason: string;
  readonly isFinal: boolean;
  /** This isolate's keys or settings could not send the request. Another isolate may be able to. */
  readonly isUnready?: boolean;
  /** There was no connection to the receiver, so it can't have begun anything. */
  readonly isUnreached?: boolean;
  /**
   * The start of the response, sealed, in base64. Only for readers with `actions:manage`. Null if there was no body.
   */
  readonly excerpt: string | null;
  readonly retryAfter: string | null;
  /** The sealed values of the response that the stop request uses. */
  readonly values?: Uint8Array<ArrayBuffer>;
  /** The page of the job, as the trigger's `link` makes it from the response. */
  readonly link?: string;
  /** The execution that began, as the action's `reporter` makes it from the response. */
  readonly execution?: string;
}

/** What the result of an attempt means for its request. */
export type Outcome<T extends Tried = Tried> =
  | { readonly type: "accepted" }
  | { readonly type: "retry"; readonly request: T & { readonly nextAt: number } }
  /** `reason` is a sentence. `isUnready`: our own keys or settings could not send the request. */
  | { readonly type: "given_up"; readonly reason: string; readonly isUnready?: boolean }
  /** The result of an older attempt. It changes nothing. */
  | { readonly type: "ignored" };

/** `createdAt` is the run's. `endsAt`: no attempt begins at this instant or later. */
interface Circumstances {
  readonly now: number;
  readonly createdAt: number;
  readonly endsAt: number;
  readonly random: number;
  /** How many failed attempts may have begun the job. The last of them ends the request. Null: any number. */
  readonly unsureMax: number | null;
  /** Statuses besides 2xx which say that there is nothing left to do. */
  readonly done?: ReadonlySet<number>;
}

export function newDispatch(
  dispatch: NewDispatch,
  run: { readonly createdAt: number; readonly deadlineAt: number },
  now: number,
): Dispatch {
  const endsAt = dispatchEndsAt(run, dispatch);
  return { ...dispatch, endsAt, attempt: 0, nextAt: now, leaseUntil: null, isUnsure: false, unsureAttempts: 0 };
}

/** When the dispatch needs something next; null if nothing is planned. */
export function dispatchDueAt({ nextAt, leaseUntil }: AttemptState): number | null {
  return leaseUntil ?? nextAt;
}

export function isAttemptDue({ nextAt, leaseUntil }: AttemptState, now: number): boolean {
  return leaseUntil === null && nextAt !== null && now >= nextAt;
}

export function isAttemptLost({ leaseUntil }: AttemptState, now: number): boolean {
  return leaseUntil !== null && now >= leaseUntil;
}

/** The request with its next attempt under way. */
export function beginAttempt<T extends AttemptState>(request: T, now: number): T {
  return { ...request, attempt: request.attempt + 1, nextAt: null, leaseUntil: now + LEASE_MS };
}

/** The members of a result without a response. */
export const UNANSWERED = { status: null, durationMs: 0, isFinal: false, excerpt: null, retryAfter: null };

/** The result of an attempt that reported none before its lease ended. */
export const LOST: AttemptResult = {
  ...UNANSWERED,
  durationMs: LEASE_MS,
  reason: "may or may not have been reached: the attempt was cut off",
};

/**
 * What a result means. A 2xx that meets the conditions always counts, and any other result counts only from the attempt
 * under way. After an attempt that may have arrived, 409 means that it did. If the next attempt would begin too late,
 * the request is given up now. During a rollout, an attempt that could not be sent does not count. The next attempt
 * reuses its number.
 */
export function outcomeOf<T extends Tried>(
  request: T,
  attempt: number,
  result: AttemptResult,
  { now, createdAt, endsAt, random, unsureMax, done }: Circumstances,
): Outcome<T> {
  const { status } = result;
  if (isSuccess(status) && !result.isFinal) return { type: "accepted" };
  if (attempt !== request.attempt || request.leaseUntil === null) return { type: "ignored" };
  if (status === 409 && request.isUnsure) return { type: "accepted" };
  if (status !== null && done?.has(status)) return { type: "accepted" };

  const what = `${request.host} ${result.reason}`;
  if (result.isUnready && now < createdAt + ROLLOUT_MS) {
    const nextAt = now + Math.ceil((ROLLOUT_RETRY_MS * (1 + random)) / 2);
    if (nextAt >= endsAt) return givenUp(what, true);
    return { type: "retry", request: { ...request, attempt: attempt - 1, nextAt, leaseUntil: null } };
  }
  if (result.isFinal || !isRetryable(status)) return givenUp(what, result.isUnready);
  const sentence = attempt === 1 ? what : `${what}, at attempt ${attempt}`;
  if (request.maxAttempts !== null && attempt >= request.maxAttempts) return givenUp(sentence);
  const hasMaybeBegun = mayHaveBegunJob(result);
  const unsureAttempts = request.unsureAttempts + (hasMaybeBegun ? 1 : 0);
  if (unsureMax !== null && unsureAttempts >= unsureMax) {
    return givenUp(`${sentence}, and ${unsureAttempts} attempts may have begun the job`);
  }
  const nextAt = nextAttemptAt(request, attempt, result.retryAfter, { now, endsAt, random });
  if (nextAt === null) return givenUp(`${sentence}, and the time for retries would be up before the next attempt`);
  // 502 comes from a gateway, and the receiver may still have the request.
  const isUnsure = request.isUnsure || hasMaybeBegun || status === 502;
  return { type: "retry", request: { ...request, nextAt, leaseUntil: null, isUnsure, unsureAttempts } };
}

/** What a result means that no attempt follows. `not_made`: our own keys or settings could not send the request. */
export function testOutcomeOf({ status, isFinal, isUnready }: AttemptResult) {
  if (isUnready) return "not_made";
  if (isSuccess(status) && !isFinal) return "delivered";
  return isFinal || !isRetryable(status) ? "refused" : "failed";
}

/** Whether a job may be at work after this result of the dispatch's last attempt. */
export function mayHaveJob({ isUnsure }: Pick<Tried, "isUnsure">, result: AttemptResult): boolean {
  const { status, isFinal } = result;
  return isUnsure || (isSuccess(status) && !isFinal) || status === 502 || mayHaveBegunJob(result);
}

/** Whether an attempt that failed may have begun the job. */
function mayHaveBegunJob({ status, isFinal, isUnreached, isUnready }: AttemptResult): boolean {
  if (status === null) return !isFinal && !isUnreached && !isUnready;
  return isRetryable(status) && mayHaveBegun(status);
}

/** Whether a result says that the receiver's host works; null if the result says nothing of the host. */
export function isHostWorking({ status, isUnready, isFinal }: AttemptResult): boolean | null {
  if (status === null) return isUnready || isFinal ? null : false;
  return isFromWorkingHost(status);
}

function isSuccess(status: number | null): boolean {
  return status !== null && status >= 200 && status <= 299;
}

function givenUp(sentence: string, isUnready = false): Extract<Outcome, { type: "given_up" }> {
  return { type: "given_up", reason: `${sentence}.`, ...(isUnready && { isUnready }) };
}
