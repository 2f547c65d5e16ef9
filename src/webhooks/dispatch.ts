/** A run's dispatch. PURE. It arrives at least once: an attempt is on record, with a lease, before it leaves. */
import { HOUR_MS, MINUTE_MS } from "../base/time.ts";

export const ATTEMPT_MAX_MS = 15_000;
/** How long to wait for a connection. A receiver that takes longer counts as one that accepts connections. */
export const CONNECT_MAX_MS = 2000;
/** Then an attempt without a result counts as lost. */
export const LEASE_MS = 30_000;
/** A dispatch is given up after so many attempts that may have begun the job. Otherwise a slow receiver starts many. */
export const UNSURE_ATTEMPTS_MAX = 3;

/** So long after a run's creation, an isolate may lack new keys or settings. Such an attempt is retried. */
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
  readonly stopRequest?: NewRequest;
}

export interface AttemptState {
  /** The latest attempt's number, from 1; 0 before the first. */
  readonly attempt: number;
  /** When the next attempt is due; null while one is under way. */
  readonly nextAt: number | null;
  /** When the attempt under way counts as lost; null if there is none. */
  readonly leaseUntil: number | null;
}

export interface Progress extends AttemptState {
  /** Whether an earlier attempt may have arrived although its response did not. */
  readonly isUnsure: boolean;
  /** How many attempts have failed although they may have begun the job. */
  readonly unsureAttempts: number;
}

export type Tried = NewRequest & Progress;
export interface Dispatch extends NewDispatch, Progress {
  /** No attempt begins at this instant or later. */
  readonly endsAt: number;
}

/** `status`: null without a response. `isFinal`: no other attempt follows, whatever the status is. */
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
  /** The start of the response, sealed, in base64. Only for readers with `actions:manage`. Null without a body. */
  readonly excerpt: string | null;
  readonly retryAfter: string | null;
  /** The sealed values of the response that the stop request uses. */
  readonly values?: Uint8Array<ArrayBuffer>;
  /** The page of the job, as the trigger's `link` makes it from the response. */
  readonly link?: string;
  /** The execution that began, as the action's `reporter` makes it from the response. */
  readonly execution?: string;
}

export type Outcome<T extends Tried = Tried> =
  | { readonly type: "accepted" }
  | { readonly type: "retry"; readonly request: T & { readonly nextAt: number } }
  /** `reason` is a sentence. `isUnready`: our own keys or settings could not send the request. */
  | { readonly type: "given_up"; readonly reason: string; readonly isUnready?: boolean }
  /** The result of an older attempt. It changes nothing. */
  | { readonly type: "ignored" };

/** `createdAt` is the run's. */
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
  { createdAt, deadlineAt }: { readonly createdAt: number; readonly deadlineAt: number },
  now: number,
): Dispatch {
  // If only time bounds the attempts, the last one comes early, because somebody waits for the run.
  const retriesEndAt = createdAt + Math.min(Math.ceil((deadlineAt - createdAt) / 2), RETRIES_MAX_MS);
  const endsAt = dispatch.maxAttempts === null ? retriesEndAt : deadlineAt;
  return { ...dispatch, endsAt, attempt: 0, nextAt: now, leaseUntil: null, isUnsure: false, unsureAttempts: 0 };
}

/** Null if nothing is planned. */
export function dispatchDueAt({ nextAt, leaseUntil }: AttemptState): number | null {
  return leaseUntil ?? nextAt;
}

export function isAttemptDue({ nextAt, leaseUntil }: AttemptState, now: number): boolean {
  return leaseUntil === null && nextAt !== null && now >= nextAt;
}

export function isAttemptLost({ leaseUntil }: AttemptState, now: number): boolean {
  return leaseUntil !== null && now >= leaseUntil;
}

export function beginAttempt<T extends AttemptState>(request: T, now: number): T {
  return { ...request, attempt: request.attempt + 1, nextAt: null, leaseUntil: now + LEASE_MS };
}

export const UNANSWERED = { status: null, durationMs: 0, isFinal: false, excerpt: null, retryAfter: null };

/** The result of an attempt that reported none before its lease ended. */
export const LOST: AttemptResult = {
  ...UNANSWERED,
  durationMs: LEASE_MS,
  reason: "may or may not have been reached: the attempt was cut off",
};

/**
 * A 2xx that meets the conditions always counts, and any other result counts only from the attempt under way. After an
 * attempt that may have arrived, 409 means that it did. During a rollout, an attempt that could not be sent does not count.
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

/** `not_made`: our own keys or settings could not send the request. */
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

function mayHaveBegunJob({ status, isFinal, isUnreached, isUnready }: AttemptResult): boolean {
  if (status === null) return !isFinal && !isUnreached && !isUnready;
  return isRetryable(status) && mayHaveBegun(status);
}

/** Whether a result says that the receiver's host works; null if the result says nothing of the host. */
export function isHostWorking({ status, isUnready, isFinal }: AttemptResult): boolean | null {
  if (status === null) return isUnready || isFinal ? null : false;
  return !HOST_FAILS.has(status);
}

function isSuccess(status: number | null): boolean {
  return status !== null && status >= 200 && status <= 299;
}

function givenUp(sentence: string, isUnready = false): Extract<Outcome, { type: "given_up" }> {
  return { type: "given_up", reason: `${sentence}.`, ...(isUnready && { isUnready }) };
}

export interface RetryPolicy {
  /** Includes the first attempt. Null: only the request's time bounds the attempts. */
  readonly maxAttempts: number | null;
  /** The longest first wait that we choose. */
  readonly initialDelayMs: number;
}

/** The longest wait before a retry that a receiver can ask for, and that we choose if `maxAttempts` is set. */
export const RETRY_WAIT_MAX_MS = HOUR_MS;
/** The longest wait that we choose if only time bounds the attempts. A product that is back should not wait for us. */
const STEADY_WAIT_MAX_MS = MINUTE_MS;
/** For how long a dispatch is retried at most if only time bounds its attempts. */
const RETRIES_MAX_MS = HOUR_MS;
/** How long before the end of its time a request has its last attempt. Alarms can be late. */
const LAST_ATTEMPT_MS = 1000;

const DATE_MAX_MS = 8.64e15;

/** Whether an attempt may be retried: after no response (null), 5xx, 408, 425 and 429. Every other status is final. */
export function isRetryable(status: number | null): boolean {
  if (status === null || status === 408 || status === 425 || status === 429) return true;
  return status >= 500 && status <= 599;
}

/** These come from a server or a proxy that has not passed the request on. 521 to 530 are Cloudflare's. */
const NOT_BEGUN: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 521, 522, 523, 525, 526, 530]);

/** Whether a receiver that answered with this retryable status may have begun what the request asks for. */
export function mayHaveBegun(status: number): boolean {
  return !NOT_BEGUN.has(status);
}

/** These speak against the receiver's host, and not only against this request. A 500 can be one hook's fault. */
const HOST_FAILS: ReadonlySet<number> = new Set([...NOT_BEGUN, 504, 520, 524]);

/** In ms. The wait is bounded before the jitter, so that runs that failed together stay apart. */
export function backoffMs({ maxAttempts, initialDelayMs }: RetryPolicy, attempt: number, random: number): number {
  const longest = maxAttempts === null ? Math.max(STEADY_WAIT_MAX_MS, initialDelayMs) : RETRY_WAIT_MAX_MS;
  const wait = Math.min(initialDelayMs * 2 ** (attempt - 1), longest);
  return Math.ceil(wait / 2) + Math.floor((random * wait) / 2);
}

/** What a Retry-After header asks for (RFC 9110, 10.2.3), in ms: 0 for the past, null if it is missing or invalid. */
export function parseRetryAfter(value: string | null, now: number): number | null {
  const text = value?.trim() ?? "";
  if (/^[0-9]+$/.test(text)) return Math.min(Number(text) * 1000, DATE_MAX_MS - now);
  const at = httpDate(text);
  return at === null ? null : Math.max(at - now, 0);
}

/** An IMF-fixdate in ms, the one form that RFC 9110, 5.6.7, lets senders make. Null for any other text. */
function httpDate(text: string): number | null {
  const at = Date.parse(text);
  // Date.parse accepts far more, such as "foo 1". What it makes of an IMF-fixdate prints as the same text.
  return Number.isNaN(at) || new Date(at).toUTCString() !== text ? null : at;
}

/** Null if no time is left. If only time bounds the attempts, there is a last one just before the end. */
export function nextAttemptAt(
  policy: RetryPolicy,
  attempt: number,
  retryAfter: string | null,
  { now, endsAt, random }: { readonly now: number; readonly endsAt: number; readonly random: number },
): number | null {
  const askedMs = parseRetryAfter(retryAfter, now) ?? 0;
  const at = now + Math.max(backoffMs(policy, attempt, random), Math.min(askedMs, RETRY_WAIT_MAX_MS));
  if (at < endsAt) return at;
  const lastAt = endsAt - LAST_ATTEMPT_MS;
  const hasLastAttempt = policy.maxAttempts === null && lastAt >= now + Math.max(askedMs, LAST_ATTEMPT_MS);
  return hasLastAttempt ? lastAt : null;
}
