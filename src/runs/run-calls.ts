import type { NewDispatch } from "../webhooks/dispatch.ts";
import type { NewPause, Pause } from "./pauses.ts";
import type {
  Actor,
  ApprovalRule,
  ConcurrencyQueue,
  Decided,
  DecisionConflict,
  NewRun,
  Run,
  RunSource,
  Status,
  WaitingFor,
} from "./run.ts";
import type { CancelRequest, Conflict, RunEvent } from "./transition.ts";

/** A key begins with its origin: `t:` a token's holder, `c:` a callback token's holder, `m:` this service. */
export interface ChangeKey {
  readonly key: string;
  readonly fingerprint: string;
  readonly otherFingerprints?: readonly string[];
  /** The ids of the keys of `fingerprint` and `otherFingerprints`, in this order. */
  readonly keyIds?: readonly string[];
  readonly agent?: CallingAgent;
}

/**
 * Agents repeat a call after time limits of their own, and send no key. So the same call finds the last run that it
 * made. After another call it is a new intention: the third of "deploy 1, deploy 2, deploy 1" is a rollback.
 */
export interface CallingAgent {
  readonly caller: string;
  readonly client: string;
}

/** `mayWrite`: whether the caller may write data. Without it, a run that has or had a gate can't be deleted. */
export interface EventOptions {
  readonly replayOnly?: boolean;
  readonly mayWrite?: boolean;
}

export interface Heartbeat {
  readonly message?: string | undefined;
  /** From 0 to 1. */
  readonly progress?: number | undefined;
  readonly externalUrl?: string | undefined;
  /** The newest output of the job. It is no news of the run: nothing writes it. */
  readonly tail?: string | undefined;
}

type RunInputs = Pick<
  Run,
  | ("actionName" | "entityId" | "title" | "subject" | "labels")
  | ("parameters" | "recommendations" | "timeoutMs" | "heartbeatTimeoutMs")
>;

export interface RunCreation extends Inclusion {
  /** JSON text for the approvers of the run. */
  readonly preview?: string;
  /** Refuses the run as `already_retried` if another run repeats the same one. */
  readonly isFirstRetry?: true;
  /** The time of a schedule whose run it is. Refuses the run as `time_decided` if the time needs none any more. */
  readonly scheduled?: { readonly name: string; readonly at: number };
  /** Why the run can't start, as a sentence: it fails at once. */
  readonly startFailed?: string;
}

export interface InputsAnswer {
  readonly ok: true;
  readonly isOver: boolean;
  readonly isRetried: boolean;
  readonly source: RunSource;
  readonly inputs: RunInputs;
  /** One that has not begun. `id`: null if it is not created yet. */
  readonly plannedRetry?: { readonly id: string | null };
}

export type InputsReply = InputsAnswer | RunRefusal;

export interface RunCalls {
  /** Finds the run that this key created, if there is one. The first attempt leaves at once, or with the release. */
  create(run: NewRun, changeKey: ChangeKey, dispatch: NewDispatch | null, creation?: RunCreation): Promise<RunReply>;
  /** For a create that would be refused today. `refusedEventOf`: whose event is counted if there is no such run. */
  recall(changeKey: ChangeKey, options?: Inclusion & { readonly refusedEventOf?: string }): Promise<RunReply>;
  read(id: string, inclusion?: Inclusion): Promise<RunReply>;
  inputs(id: string): Promise<InputsReply>;
  /** `replayOnly` changes nothing, because an expired token may only learn what its own report did. */
  applyEvent(id: string, event: RunEvent, changeKey: ChangeKey, options?: EventOptions): Promise<RunReply>;
  /** The answer has `hasGrace`. */
  cancel(id: string, request: CancelRequest, changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  /** Waits a moment for the databases. Cancels an open run first. A repeated call returns how far it got. */
  erase(id: string, by: Actor): Promise<ErasureReply>;
  erasure(id: string): Promise<ErasureReply>;
  /** The first one starts a pending run. The answer has `cancel`, `watched` and `externalUrlRefused`. */
  heartbeat(id: string, heartbeat: Heartbeat): Promise<RunReply>;
  job(id: string): Promise<JobReply>;
  /** Notes that a proof got the run's callback token, or did not. */
  noteJob(id: string, told: JobTold): Promise<JobReply>;
}

export interface JobAnswer extends Pick<Run, "reporter" | "execution" | "deadlineAt"> {
  readonly ok: true;
  readonly isAnswered: boolean;
  readonly refused: RunRefusal["reason"] | null;
}

export type JobReply = JobAnswer | RunRefusal;

export interface JobTold {
  readonly type: "token_issued" | "token_refused";
  readonly execution: string;
  readonly attempt: string | null;
}

/** What an answer has besides the run. The details cost a query, so only a call that asks for them gets them. */
export interface Inclusion {
  readonly include?: "details" | undefined;
}

export interface RunAnswer {
  readonly ok: true;
  readonly id: string;
  readonly actionRun: string;
  readonly status: Status;
  readonly deadlineAt: number;
  /** When the callback token expires, if the run has gates. Otherwise it expires at the deadline. */
  readonly tokenExpiresAt?: number;
  readonly replayed: boolean;
  readonly isOver: boolean;
  readonly isRetryPlanned?: true;
  readonly purgeAt: number;
  readonly details?: string;
  /** Only after a heartbeat: the cancel that counts; null if nobody asked. */
  readonly cancel?: CancelOrder | null;
  /** Only after a heartbeat: why its `externalUrl` is not the run's. */
  readonly externalUrlRefused?: string | undefined;
  readonly watched?: boolean;
  /** Only after a cancel: whether the run stayed open when the cancel was accepted, so that its job could stop. */
  readonly hasGrace?: boolean;
  /** Only after a decision or a cancel: when it was accepted, unless the person decided through another token. */
  readonly decidedAt?: number;
  /** Only for a create that was repeated: whether only the receiver may know the callback token. */
  readonly isTokenHidden?: boolean;
}

export interface CancelOrder {
  readonly reason: string | null;
  readonly requestedAt: number;
  readonly until: number;
  /** By the coordinator's clock, because the job's may be wrong. */
  readonly remainingMs: number;
}

export interface RunRefusal {
  readonly ok: false;
  readonly reason:
    | "cursor_gone"
    | "run_not_found"
    | "id_taken"
    | "key_reused"
    | "key_unverifiable"
    | "overloaded"
    | "storage_full"
    | "too_many_watchers"
    | "concurrency_limit"
    | "too_many_waiting"
    | "write_required"
    | "already_retried"
    | "retry_planned"
    | "retry_dropped"
    | "time_decided"
    | "run_erased"
    | "erasure_not_found"
    | "token_invalid"
    | "not_paused"
    | DecisionConflict
    | Conflict;
}

export type RunReply = RunAnswer | RunRefusal;

export interface ErasureAnswer {
  readonly ok: true;
  readonly erasedAt: number;
  readonly isComplete: boolean;
  /** The runs that repeat this one, or that this one repeats, in the order of their creation. They are kept. */
  readonly retries: readonly string[];
  /** Runs of this chain that are in the archive. `prefix`: of the first objects that can have the run. */
  readonly archived: readonly { readonly id: string; readonly prefix: string }[];
}

export type ErasureReply = ErasureAnswer | RunRefusal;

export type Decision = Pick<Decided, "by" | "reason">;

/** `approvals`: JSON text, as in the details. `request`: JSON text; null after the run's end. */
export interface ApprovalAnswer extends Pick<Run, "actionName" | "actionVersion" | "title" | "subject"> {
  readonly ok: true;
  readonly rule: ApprovalRule;
  readonly approvals: string;
  readonly conflicts: Readonly<Record<"approve" | "reject", DecisionConflict | null>>;
  readonly request: string | null;
  readonly waitUntil: number | null;
}

export type ApprovalReply =
  | ApprovalAnswer
  | { readonly ok: false; readonly reason: "run_not_found" | "approval_not_found" };

/** `limit`: the least of its open runs. */
export interface ConcurrencyGroup extends ConcurrencyQueue {
  readonly limit: number;
  readonly running: number;
  readonly queued: number;
}

export interface GroupsAnswer {
  readonly groups: readonly ConcurrencyGroup[];
  readonly pauses: readonly Pause[];
}

export interface GateCalls {
  approve(id: string, decision: Decision, changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  reject(id: string, decision: Decision, changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  release(id: string, by: Actor, changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  releaseThroughPause(id: string, decision: Decision, changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  approval(id: string, asker: Actor): Promise<ApprovalReply>;
  /** Also false for a run that the coordinator does not know. */
  hasGates(id: string): Promise<boolean>;
  /** Null if there are too many others. */
  pause(pause: NewPause): Promise<Pause | null>;
  /** Without `from`, ends those of the group that hold now. False if there is none. */
  resume(group: string, from?: number | null): Promise<boolean>;
  pauses(): Promise<readonly Pause[]>;
  /** `only`: of this group; null for all. */
  groups(only: string | null, after: ConcurrencyQueue | null, limit: number): Promise<GroupsAnswer>;
  /** Says which limit a version of an action has. A higher version's limit counts for all open runs of the action. */
  setLimit(group: string, actionName: string, version: number, limit: number): Promise<void>;
}

export interface Tail {
  readonly text: string;
  readonly at: number;
}

export interface TimelinePage {
  readonly after: number;
  readonly limit: number;
  readonly withExcerpts?: boolean | undefined;
  /** The instant of the tail that a stream has; 0 if it has none. */
  readonly tailAt?: number | undefined;
}

export interface TimelineAnswer {
  readonly ok: true;
  readonly events: readonly string[];
  readonly lastSeq: number;
  readonly newestSeq: number;
  readonly isOver: boolean;
  /** Only for a stream: a tail that it does not have. */
  readonly tail?: Tail;
}

export type TimelineReply = TimelineAnswer | RunRefusal;

/** A run must have each label. `waiting`: runs that this gate can hold back, whether or not they wait now. */
export interface ChangeFilter {
  readonly actionName?: string | undefined;
  readonly subject?: string | undefined;
  readonly waiting?: WaitingFor | "any" | undefined;
  readonly group?: string | undefined;
  readonly labels?: readonly string[] | undefined;
}

/** Up to where the feed was read. A number is of one epoch, but 0 is before every change in each. */
export interface FeedPosition {
  readonly epoch: number;
  readonly seq: number;
}

/** `after`: the page starts behind this position; null asks only for the newest position. */
export interface AskedChanges extends ChangeFilter, Inclusion {
  readonly after: FeedPosition | null;
}

export interface ChangesAnswer {
  readonly ok: true;
  /** JSON for the wire, with commas between the runs. */
  readonly runs: string;
  readonly readTo: FeedPosition;
  readonly isCaughtUp: boolean;
}

export type ChangesReply = ChangesAnswer | RunRefusal;

export interface Subscriber {
  readonly key: string;
  readonly tokenId: string;
}

export interface Wait extends Inclusion {
  readonly maxMs: number;
  /** Whether the subscription ends with this call. */
  readonly isLast: boolean;
}

export interface WatchCalls {
  events(id: string, page: TimelinePage): Promise<TimelineReply>;
  /** The same. If the page has no event and no tail yet, waits up to `maxMs` for one. */
  watch(id: string, page: TimelinePage, subscriber: Subscriber, maxMs: number): Promise<TimelineReply>;
  waitForEnd(id: string, subscriber: Subscriber, wait: Wait): Promise<RunReply>;
  /** At most 200 runs of 1 MiB. A position of another epoch, or beyond the newest change, is `cursor_gone`. */
  changes(asked: AskedChanges): Promise<ChangesReply>;
  /** The same. If the page has no run yet, waits up to `maxMs` for one. A subscriber is woken at most once a second. */
  watchChanges(asked: AskedChanges, subscriber: Subscriber, maxMs: number): Promise<ChangesReply>;
  unwatch(subscriberKey: string): Promise<void>;
}
