/** What a run is, what can hold it back, and who acts on it. PURE: `now` is passed in. */
import type { Proven } from "../base/ids.ts";
import type { RETRIED_ENDS } from "../base/limits.ts";
import { DAY_MS } from "../base/time.ts";

export const OPEN_STATUSES = ["pending", "running"] as const;
export const ENDED_STATUSES = ["succeeded", "failed", "cancelled"] as const;
export const STATUSES = [...OPEN_STATUSES, ...ENDED_STATUSES] as const;
export type Status = (typeof STATUSES)[number];

/** What people know a run by, each in one line; null if nobody said. No later change of an action counts. */
export interface Face {
  readonly title: string | null;
  /** What it works on, such as a service. A history is of an action, an entity and a subject. */
  readonly subject: string | null;
}

/** Which proofs of a job open the run's callback, as its action says it. */
export interface Reporter {
  readonly issuer: string;
  readonly claims: Readonly<Record<string, string | string[]>>;
}

/** What a caller decides, without a title and a subject that are null. Instants in ms. JSON objects are opaque text. */
export interface NewRun extends Partial<Face> {
  readonly id: string;
  readonly actionName: string;
  readonly entityId: string | null;
  readonly parameters: string;
  readonly recommendations: string;
  readonly triggeredBy: string;
  readonly createdAt: number;
  /** The token that acted, if `triggeredBy` names a person; otherwise null. */
  readonly via: string | null;
  /** The line of the token that created it (`lineageOf`). Left out if the operator did. */
  readonly createdBy?: string | null;
  /** Whose proof opens its callback. Left out if only the callback token does. */
  readonly reporter?: Reporter | null;
  readonly creatorProof?: Proven | null;
  readonly timeoutMs: number;
  /** The run is open only before this instant. While the run waits at a gate: the latest instant that this can be. */
  readonly deadlineAt: number;
  readonly heartbeatTimeoutMs: number | null;
  /** What starts the work: a stored action, a trigger of the create, or somebody else. A retry depends on it. */
  readonly source: RunSource;
  /** The version of the stored action that started the run; null without one. Its name is `actionName`. */
  readonly actionVersion: number | null;
  readonly retryOf: string | null;
  /** A sorted JSON array of texts without repeats. */
  readonly labels: string;
  readonly traceparent: string | null;
  readonly gates: Gates | null;
  readonly retryRule?: RetryRule | null;
}

export interface RetryRule {
  /** Which automatic retry of its chain this run is. 0: nobody has retried it by itself. */
  readonly attempt: number;
  /** How long each retry waits after the end before it, in ms: one for each retry. */
  readonly delaysMs: readonly number[];
  /** Which ends are retried. `failed`: the job said so. `delivery`: the webhook was not taken. */
  readonly on: readonly (typeof RETRIED_ENDS)[number][];
  /** The origin of the request that created the first run. The callback URL begins with it if PUBLIC_URL is not set. */
  readonly origin: string;
}

export interface NextRetry {
  readonly attempt: number;
  readonly at: number;
  /** The run that retries. Null until it is created. */
  readonly runId: string | null;
  /** A sentence: why no retry follows after all. Null if one does. */
  readonly dropped: string | null;
}

/** What a list of something else shows of a run. All null: the run is no longer kept. */
export type RunName = Face & { readonly actionName: string | null };
export const UNKNOWN_NAME: RunName = { actionName: null, title: null, subject: null };

export type RunSource = "action" | "trigger" | "none";

export interface Run extends Omit<NewRun, keyof Face | "createdBy" | "creatorProof" | "reporter" | "retryRule">, Face {
  readonly createdBy: string | null;
  readonly creatorProof: Proven | null;
  readonly reporter: Reporter | null;
  /** The execution that the receiver's response named, and that alone may use its proof; null if it named none. */
  readonly execution: string | null;
  readonly retryRule: RetryRule | null;
  readonly version: number;
  readonly status: Status;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  readonly error: string | null;
  readonly output: string | null;
  /** The last sign of life: creation, dispatch, start, or heartbeat. Null while the dispatch is under way. */
  readonly silentSince: number | null;
  readonly endCause: EndCause | null;
  /** The name of the token. All four `cancel…` members are null without a cancel, and after a DELETE. */
  readonly cancelBy: string | null;
  readonly cancelReason: string | null;
  readonly cancelRequestedAt: number | null;
  /** When the run ends as cancelled if it is still open; at most its deadline. */
  readonly cancelUntil: number | null;
  readonly externalUrl: string | null;
  readonly externalUrlChanges: number;
  /** The first gate that is still closed; null if none is, or if the run has ended. */
  readonly waitingFor: WaitingFor | null;
  readonly waitingSince: number | null;
  readonly waitingReason: string | null;
  readonly releasedAt: number | null;
  /** The approvals that count, the oldest first. */
  readonly approvals: readonly Approval[];
  /** When approvals were withdrawn last, because their tokens were revoked; null if none was. */
  readonly withdrawnAt: number | null;
  readonly rejectedBy: Actor | null;
  readonly throughPause: ThroughPause | null;
  readonly failedAttempt: FailedAttempt | null;
  readonly nextRetry: NextRetry | null;
  /** When its texts were erased; null if they were not. 0: they are overwritten, and the erasure is not done. */
  readonly erasedAt: number | null;
}

/** `reason`: the start of a sentence. `nextAt`: when the next attempt is due. */
export interface FailedAttempt {
  readonly attempt: number;
  readonly at: number;
  readonly reason: string;
  readonly nextAt: number;
}

export const END_CAUSES = [
  "callback",
  "cancel",
  "delivery",
  "start",
  "deadline",
  "silence",
  "gate",
  "rejected",
  "replaced",
] as const;
export type EndCause = (typeof END_CAUSES)[number];

/** A pending run. Its silence counts from its creation, or from the end of its dispatch if there is one. */
export function begin(input: NewRun, now: number, { isDispatching = false } = {}): Run {
  const { gates, createdAt } = input;
  return {
    title: null,
    subject: null,
    createdBy: null,
    creatorProof: null,
    reporter: null,
    execution: null,
    retryRule: null,
    ...input,
    silentSince: isDispatching ? null : createdAt,
    waitingFor: gates && nextGate(gates, [], now),
    waitingSince: gates && createdAt,
    waitingReason: null,
    releasedAt: null,
    approvals: [],
    withdrawnAt: null,
    rejectedBy: null,
    throughPause: null,
    failedAttempt: null,
    nextRetry: null,
    erasedAt: null,
    endCause: null,
    version: 1,
    status: "pending",
    startedAt: null,
    completedAt: null,
    error: null,
    output: null,
    cancelBy: null,
    cancelReason: null,
    cancelRequestedAt: null,
    cancelUntil: null,
    externalUrl: null,
    externalUrlChanges: 0,
  };
}

export type RunState = Pick<Run, "id" | "status"> & { readonly isWaiting: boolean };

export function isOpen(run: Pick<Run, "status">): boolean {
  return run.status === "pending" || run.status === "running";
}

export function isWaiting({ waitingFor }: Pick<Run, "waitingFor">): boolean {
  return waitingFor !== null;
}

/** Whether the run waits and its approval gate is closed, even if its time comes first. */
export function lacksApproval({ waitingFor, gates, approvals }: RunToDecide): boolean {
  return waitingFor !== null && approvals.length < (gates?.approval?.required ?? 0);
}

export function isQueued({ waitingFor }: Pick<Run, "waitingFor">): boolean {
  return waitingFor === "concurrency" || waitingFor === "pause";
}

/** When the run's time began to count: at its release, or at its creation without gates. */
export function beganAt({ releasedAt, createdAt }: Pick<Run, "releasedAt" | "createdAt">): number {
  return releasedAt ?? createdAt;
}

/** When its callback token expires. The token is made at create, for the latest instant that the deadline can be. */
export function tokenExpiresAt({ gates, timeoutMs, deadlineAt }: NewRun): number {
  return gates === null ? deadlineAt : gates.waitUntil + timeoutMs;
}

/** When an open run ends by itself: at its deadline, at the end of a grace, or after too long a silence or wait. */
export function timeIsUpAt(run: Run): number {
  const { deadlineAt, cancelUntil, silentSince, heartbeatTimeoutMs, gates } = run;
  if (gates !== null && isWaiting(run)) return gates.waitUntil;
  const latest = Math.min(deadlineAt, cancelUntil ?? Number.POSITIVE_INFINITY);
  if (silentSince === null || heartbeatTimeoutMs === null) return latest;
  return Math.min(latest, silentSince + heartbeatTimeoutMs);
}

export function isTimeUp(run: Run, now: number): boolean {
  return isOpen(run) && now >= timeIsUpAt(run);
}

export type End = Partial<Pick<Run, "error" | "output">>;

/** The run after its end at `at`, or a little later if something of the run happened later. */
export function ended(run: Run, status: Status, at: number, endCause: EndCause, end: End): Run {
  const { startedAt, silentSince, cancelRequestedAt, waitingSince } = run;
  const happened = [startedAt ?? beganAt(run), silentSince ?? 0, cancelRequestedAt ?? 0, waitingSince ?? 0];
  const completedAt = Math.max(at, ...happened);
  const isOver = { waitingFor: null, waitingSince: null, waitingReason: null };
  return { ...run, ...end, ...isOver, version: run.version + 1, status, completedAt, endCause };
}

/** What an erasure keeps: what happened and when, the action, and who created, approved and stopped the run. */
type Evidence =
  | ("id" | "actionName" | "source" | "actionVersion" | "retryOf" | "retryRule" | "status" | "endCause")
  | ("triggeredBy" | "via" | "createdBy" | "creatorProof" | "reporter" | "cancelBy" | "rejectedBy")
  | ("createdAt" | "startedAt" | "completedAt" | "deadlineAt" | "releasedAt" | "withdrawnAt" | "silentSince")
  | ("cancelRequestedAt" | "cancelUntil" | "waitingSince" | "waitingFor" | "waitingReason")
  | ("timeoutMs" | "heartbeatTimeoutMs" | "externalUrlChanges");

/** The run without its texts. The compiler asks what becomes of a new member. */
export function erased(run: Run, isOccupying: boolean, now: number): Run {
  const { gates, approvals, throughPause, nextRetry } = run;
  const withoutReason = <T extends Decided>(decided: T): T => ({ ...decided, reason: null });
  const others: Omit<Run, Evidence> = {
    version: run.version + 1,
    erasedAt: Math.max(now, run.completedAt ?? now),
    entityId: null,
    title: null,
    subject: null,
    parameters: "{}",
    recommendations: "{}",
    labels: "[]",
    traceparent: null,
    error: null,
    output: null,
    cancelReason: null,
    externalUrl: null,
    execution: null,
    failedAttempt: null,
    // Why there is no retry can name members of the inputs. No text may get longer, or SQLite frees the old one.
    nextRetry: nextRetry && { ...nextRetry, dropped: nextRetry.dropped && "Erased." },
    approvals: approvals.map(withoutReason),
    throughPause: throughPause && { ...withoutReason(throughPause), pauses: [] },
    // The key is made of the run's inputs.
    gates: isOccupying || !gates?.concurrency ? gates : { ...gates, concurrency: { ...gates.concurrency, key: "" } },
  };
  return { ...run, ...others };
}

/** When the run's retention is over. For an open run, the latest instant that this can be. */
export function purgeAt(run: Pick<Run, "completedAt" | "deadlineAt">, retentionDays: number): number {
  return (run.completedAt ?? run.deadlineAt) + retentionDays * DAY_MS;
}

/** When the coordinator has something to do for this run next. `dispatchDueAt`: null if no dispatch is under way. */
export function dueAt(run: Run & { readonly purgeAt: number }, dispatchDueAt: number | null): number {
  const opensAt = run.waitingFor === "time" ? (run.gates?.notBefore ?? null) : null;
  const due = isOpen(run)
    ? Math.min(timeIsUpAt(run), dispatchDueAt ?? Number.POSITIVE_INFINITY, opensAt ?? Number.POSITIVE_INFINITY)
    : run.purgeAt;
  if (!Number.isSafeInteger(due) || due <= 0) throw new RangeError(`run ${run.id} would be due at ${due}`);
  return due;
}

/** What can hold back a run's webhook, in the order of the gates. A pause counts last: it holds back only what nothing else does. */
export const WAITING_FOR = ["time", "approval", "concurrency", "pause"] as const;
export type WaitingFor = (typeof WAITING_FOR)[number];

export type OnConflict = "queue" | "cancel_running" | "reject";

/** Runs with the same concurrency group and key share a queue. `key`: empty if the action has none. */
export interface ConcurrencyQueue {
  readonly group: string;
  readonly key: string;
}

export interface Concurrency extends ConcurrencyQueue {
  /** How many runs of the queue may be running, as the run's version of the action says. */
  readonly limit: number;
  readonly onConflict: OnConflict;
}

/** The queue of runs with gates but no group. It has no limit, but a pause of the environment holds them back. */
export const NO_GROUP: ConcurrencyQueue = { group: "", key: "" };

export function queueOf({ concurrency }: Pick<Gates, "concurrency">): ConcurrencyQueue {
  return concurrency ?? NO_GROUP;
}

export interface ApprovalRule {
  readonly required: number;
  readonly allowSelf: boolean;
  /** The ids of the tokens that alone may decide. Missing: each token that may approve runs. */
  readonly tokens?: readonly string[] | undefined;
}

/** The gates of a run, which never change. Instants in ms. At least one of the three is there. */
export interface Gates {
  readonly notBefore: number | null;
  readonly approval: ApprovalRule | null;
  readonly concurrency: Concurrency | null;
  readonly waitUntil: number;
  /** Who created the run, so that nobody approves their own. */
  readonly creator: Actor;
  /** The id of the signing key that sealed the run's request. Null if nothing is sealed, as for a made-up run. */
  readonly sealedUnder: string | null;
}

export interface Decided {
  readonly by: Actor;
  readonly at: number;
  readonly reason: string | null;
}

export type Approval = Decided;

/** `group`: "" for the environment. `reason`: as it was then. Another one in its place holds the run back again. */
export interface PassedPause {
  readonly group: string;
  readonly from: number;
  readonly reason: string;
}

/** A release through the pauses that were in force then. A pause that begins later still holds the run back. */
export interface ThroughPause extends Decided {
  readonly pauses: readonly PassedPause[];
}

export type DecisionConflict = "own_run" | "already_approved" | "not_waiting" | "not_an_approver";

type RunToDecide = Pick<Run, "gates" | "approvals" | "waitingFor">;

/** Null if they can. An approval by one who could act as them is a conflict, or one person would approve twice. */
export function approveConflict(
  { gates, approvals, waitingFor }: RunToDecide,
  approver: Actor,
): DecisionConflict | null {
  if (waitingFor === null || !gates?.approval || approvals.length >= gates.approval.required) {
    return "not_waiting";
  }
  // A token below a named one is not named, because its holder chose who has it.
  if (gates.approval.tokens?.includes(approver.tokenId) === false) return "not_an_approver";
  if (!gates.approval.allowSelf && isOneself(gates.creator, approver)) return "own_run";
  return approvals.some(({ by }) => isOneself(by, approver)) ? "already_approved" : null;
}

/** Whoever may approve a run may also reject it, even after they approved it. */
export function rejectConflict(run: RunToDecide, approver: Actor): DecisionConflict | null {
  const conflict = approveConflict(run, approver);
  return conflict === "already_approved" ? null : conflict;
}

/** The first gate that is still closed, apart from a pause, which only a coordinator knows. */
export function nextGate({ notBefore, approval }: Gates, approvals: readonly Approval[], now: number): WaitingFor {
  if (notBefore !== null && now < notBefore) return "time";
  if (approval !== null && approvals.length < approval.required) return "approval";
  return "concurrency";
}

export interface Actor {
  readonly tokenId: string;
  readonly tokenName: string;
  /** Ids of the tokens above it, the nearest first. The operator is nobody's parent. */
  readonly parents: readonly string[];
  /** The person for whom the token acts, in lower case; null if it names none. */
  readonly person: string | null;
  /** What a proof said of who acts, or of who minted the token. Left out if nothing did. */
  readonly proven?: Proven;
}

export function nameOf({ person, tokenName }: Actor): string {
  return person ?? tokenName;
}

/** The program that acted, or the token that acted for a person; null if the run shows the token itself. */
export function viaOf({ person, tokenName, proven }: Actor): string | null {
  return proven?.subject ?? (person === null ? null : tokenName);
}

/** Whether nothing follows the run's end: no automatic retry, or none after all. */
export function isFinal({ nextRetry }: Pick<Run, "nextRetry">): boolean {
  return nextRetry === null || nextRetry.dropped !== null;
}

/** Who created the run. The name of the token and the person are those of that moment. */
export function creatorOf(run: Pick<Run, "createdBy" | "triggeredBy" | "via" | "creatorProof">): Actor {
  const { createdBy: lineage, triggeredBy, via, creatorProof } = run;
  // What a program shows as `via` is itself, and its proof has the person of its token.
  const isForPerson = via !== null && creatorProof?.subject === undefined;
  const named = isForPerson ? { tokenName: via, person: triggeredBy } : { tokenName: triggeredBy, person: null };
  return actorOfLine({ lineage, ...named, ...(creatorProof !== null && { proven: creatorProof }) });
}

/** An actor as rows keep it. `lineage`: see `lineageOf`; null for the operator. */
export function actorOfLine({
  lineage,
  ...by
}: Omit<Actor, "tokenId" | "parents"> & { lineage: string | null }): Actor {
  const [tokenId = "root", ...parents] = lineage?.split("/").filter(Boolean).reverse() ?? [];
  return { tokenId, parents, ...by };
}

export function isSameActor(a: Actor, b: Actor): boolean {
  if (a.person !== null && b.person !== null) return a.person === b.person;
  return a.tokenId === b.tokenId && a.person === b.person;
}

/**
 * Whether one could act as the other. The same person or identity is one, also if a person's address has changed. If
 * only one has an identity, they are two: what is below a token for people belongs to the person who minted it. A token
 * counts as one with those above and below it, because its holder can create the tokens below it.
 */
export function isOneself(a: Actor, b: Actor): boolean {
  const [personA, personB] = [a, b].map(({ person, proven }) => person ?? proven?.person ?? null);
  if (personA !== null && personA === personB) return true;
  const [identityA, identityB] = [a, b].map(({ proven }) => proven?.identity);
  if (identityA !== undefined || identityB !== undefined) return identityA === identityB;
  if (personA !== null && personB !== null) return false;
  return a.tokenId === b.tokenId || a.parents.includes(b.tokenId) || b.parents.includes(a.tokenId);
}
