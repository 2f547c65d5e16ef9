/**
 * The calls and messages between the Worker and a coordinator. Old and new code meet during a deploy, so only add.
 * Refusals are values, because an error loses its class on its way from the object to the Worker.
 */

import type { NewDelivery } from "../webhooks/delivery.ts";
import type { Actor } from "./actor.ts";
import type { ApprovalRule, DecisionConflict, Slot, WaitingFor } from "./gates.ts";
import type { Message, MessageFilter, MessagePage } from "./message.ts";
import type { NewRun, RunSource, Status } from "./run.ts";
import type { RunCounts } from "./run-counts.ts";
import type {
  EndpointHealth,
  EndpointKey,
  EventType,
  MessageAttempt,
  Recovery,
  RecoveryOrder,
} from "./telling.ts";
import type { CancelRequest, Conflict, RunEvent } from "./transition.ts";

/**
 * Identifies a change, so that a repeated call gets the same answer. The key begins with its origin: `t:` the holder of
 * an API token, `c:` the holder of a callback token, `m:` this service.
 */
export interface ChangeKey {
  readonly key: string;
  /** A hash of the request. The same key with another fingerprint is another request. */
  readonly fingerprint: string;
  /** The same hash under the other keys of the ring, if the hash is keyed. */
  readonly otherFingerprints?: readonly string[];
  /** The ids of the keys of `fingerprint` and `otherFingerprints`, in this order. */
  readonly keyIds?: readonly string[];
}

/** News from a workflow that is still running. */
export interface Heartbeat {
  readonly message?: string | undefined;
  /** From 0 to 1. */
  readonly progress?: number | undefined;
  readonly externalUrl?: string | undefined;
}

/** How late the platform may run an alarm. An alarm that is later counts as dropped. */
export const ALARM_LATE_MS = 60_000;

/** `actionRun` is the JSON for the wire. */
export interface RunAnswer {
  readonly ok: true;
  readonly id: string;
  readonly actionRun: string;
  readonly status: Status;
  readonly deadlineAt: number;
  readonly tokenExpiresAt: number;
  readonly replayed: boolean;
  /** A bookmark of D1 that covers this version; null if this version may not have landed. */
  readonly bookmark: string | null;
  /** Whether the run has ended. */
  readonly isOver: boolean;
  /** When the run's retention is over. */
  readonly purgeAt: number;
  /** The JSON of `details`, if the call asked for it. */
  readonly details?: string;
  /** Only after a heartbeat: the cancel that counts; null if nobody asked. */
  readonly cancel?: CancelOrder | null;
  /** Only after a heartbeat: why its `externalUrl` is not the run's. */
  readonly externalUrlRefused?: string | undefined;
  /** Only after a cancel: whether the run stayed open when the cancel was accepted, so that its job could stop. */
  readonly hasGrace?: boolean;
  /**
   * Only after an approval, a rejection or a release: when it was accepted. A repetition has the same instant, unless
   * the person decided through another token.
   */
  readonly decidedAt?: number;
  /** Only for a create that was repeated: whether only the receiver may know the callback token. */
  readonly isTokenHidden?: boolean;
}

/** A cancel, as the job hears it. Instants in ms. */
export interface CancelOrder {
  readonly reason: string | null;
  readonly requestedAt: number;
  readonly until: number;
  /** By the coordinator's clock, because the job's may be wrong. */
  readonly remainingMs: number;
}

/** What a new run takes from the run that it repeats. `parameters`, `recommendations` and `labels` are JSON text. */
export interface RunInputs {
  readonly actionName: string;
  readonly entityId: string | null;
  readonly parameters: string;
  readonly recommendations: string;
  readonly labels: string;
  readonly timeoutMs: number;
  readonly heartbeatTimeoutMs: number | null;
}

export interface InputsAnswer {
  readonly ok: true;
  readonly isOver: boolean;
  readonly source: RunSource;
  readonly inputs: RunInputs;
}

/** What a list may expect of D1. */
export interface Settled {
  /** Whether D1 may lack a change that the coordinator had when it was asked. */
  readonly isBehind: boolean;
  /** Whether D1 has refused a run, which it lacks until it takes it. A list leaves such a run out. */
  readonly lacksRefused: boolean;
  /** A bookmark of D1 that covers all that has landed; null if none is known. */
  readonly bookmark: string | null;
}

/** A page of a run's timeline. */
export interface TimelineAnswer {
  readonly ok: true;
  /** JSON for the wire, oldest first. */
  readonly events: readonly string[];
  /** The number of the last of these events; the caller's `after` if there are none. */
  readonly lastSeq: number;
  /** The number of the run's newest event. */
  readonly newestSeq: number;
  /** Whether no event can follow these. */
  readonly isOver: boolean;
}

/**
 * Which runs of the feed of changes a call asks for. A run must have each label. `waiting`: runs that this
 * gate can hold back, or any gate, whether or not they wait now.
 */
export interface ChangeFilter {
  readonly actionName?: string | undefined;
  readonly waiting?: WaitingFor | "any" | undefined;
  readonly group?: string | undefined;
  readonly labels?: readonly string[] | undefined;
}

/** `after`: the page starts behind the change with this number; null asks only for the newest number. */
export interface AskedChanges extends ChangeFilter, Inclusion {
  readonly after: number | null;
}

/** A page of the feed of changes. */
export interface ChangesAnswer {
  readonly ok: true;
  /** JSON for the wire, in the order of the changes, with commas between the runs. Empty if there is no run. */
  readonly runs: string;
  /** Everything up to this number was read. The next page starts behind it. */
  readonly readSeq: number;
  /** The number of the coordinator's newest change. */
  readonly newestSeq: number;
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
    | "claimed"
    | "concurrency_limit"
    | "too_many_waiting"
    | "write_required"
    | DecisionConflict
    | Conflict;
  /** Only if the reason is `claimed`: where the run of this key lives, or must be made. */
  readonly claim?: Slot;
  /** As in a RunAnswer. Only if the run's status is why the event is refused. */
  readonly bookmark?: string | null;
}

export type RunReply = RunAnswer | RunRefusal;

/** `run`: the run that the key created; null if it has created none, which must be made at `claim`. */
export type ClaimReply =
  | RunRefusal
  | { readonly ok: true; readonly run: RunAnswer | null; readonly claim: Slot };

/** Who approves or rejects a run, or opens its time gate. */
export interface Decision {
  readonly by: Actor;
  readonly reason: string | null;
}

/** What an approver reads. `approvals`: JSON text, as in the run's details. `request`: JSON text; null after the end. */
export interface ApprovalAnswer {
  readonly ok: true;
  readonly rule: ApprovalRule;
  readonly approvals: string;
  /** Why the asker can't approve or reject the run now; null if they can. */
  readonly conflicts: Readonly<Record<"approve" | "reject", DecisionConflict | null>>;
  readonly request: string | null;
  readonly actionName: string;
  readonly actionVersion: number | null;
}

export type ApprovalReply =
  | ApprovalAnswer
  | { readonly ok: false; readonly reason: "run_not_found" | "approval_not_found" };

/** `group`: "" for the whole environment. `until`: in ms; null if only a call ends it. `by`: a person or a token. */
export interface Pause {
  readonly group: string;
  readonly reason: string;
  readonly until: number | null;
  readonly by: string;
  readonly via: string | null;
  readonly at: number;
}

/** A group and key with open runs. `limit`: the least of them. `pause`: its reason. */
export interface ConcurrencyGroup extends Slot {
  readonly limit: number;
  readonly holders: number;
  readonly waiters: number;
  readonly pause: string | null;
}

/** What only a create of a run with gates sends. `preview`: JSON text, for its approvers. */
export interface GatedCreation extends Inclusion {
  readonly preview: string | null;
}
export type InputsReply = InputsAnswer | RunRefusal;
export type TimelineReply = TimelineAnswer | RunRefusal;
export type ChangesReply = ChangesAnswer | RunRefusal;

/** An event stream or a wait that follows a run, or the feed of changes. */
export interface Watcher {
  /** Chosen by the Worker, the same for every call of one watcher. */
  readonly key: string;
  readonly tokenId: string;
}

/**
 * What an answer has besides the run. The details cost a query, so an answer has them only if the call asks for them.
 */
export interface Inclusion {
  readonly include?: "details" | undefined;
}

/** Which events of a timeline a call asks for. */
export interface TimelinePage {
  /** The page starts after the event with this number. */
  readonly after: number;
  readonly limit: number;
  /** Whether the caller may see receivers' responses. Default: no. */
  readonly withExcerpts?: boolean | undefined;
}

export interface Wait extends Inclusion {
  readonly maxMs: number;
  /** Whether the watcher calls again. After its last call it leaves its seat. */
  readonly isLast: boolean;
}

/** `isProbed`: the endpoint fails, so that the schedules of its messages stand still. */
export interface MessagesReply extends MessagePage {
  readonly isProbed: boolean;
}

/** What one coordinator knows of a webhook endpoint. `newest`: the message of the newest run. */
export interface EndpointReport {
  readonly health: EndpointHealth | null;
  readonly isProbed: boolean;
  readonly recovery: Recovery | null;
  readonly newest: Message | null;
}

/** What a message says of a run's event. */
export type RunEventToTell = Pick<MessageAttempt, "runId" | "kind" | "type" | "at" | "actionRun" | "details">;

export type ResendReply = "accepted" | "run_not_found" | "no_such_event";

/** `mayWrite`: whether the caller may write data. Without it, a run that has or had a gate can't be deleted. */
export interface EventOptions {
  readonly replayOnly?: boolean;
  readonly mayWrite?: boolean;
}

export interface Coordinator {
  /** Creates a run, or finds the one that this key created. With a delivery, the first attempt is sent. */
  create(
    run: NewRun,
    changeKey: ChangeKey,
    delivery: NewDelivery | null,
    inclusion?: Inclusion,
  ): Promise<RunReply>;
  /**
   * The same for a run with gates. Its delivery waits until the run is released. A coordinator that does not know this
   * method must start nothing, so `create` does not take such a run.
   */
  createGated(
    run: NewRun,
    changeKey: ChangeKey,
    delivery: NewDelivery,
    creation: GatedCreation,
  ): Promise<RunReply>;
  /**
   * Called at the coordinator of a caller's key, before a run with a group is made at the coordinator of its group. The
   * first claim of a key says where its run lives, whatever its action's group is later.
   */
  claim(changeKey: ChangeKey, slot: Slot, inclusion?: Inclusion): Promise<ClaimReply>;
  approve(id: string, decision: Decision, changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  reject(id: string, decision: Decision, changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  /** Opens the time gate of a run. */
  release(id: string, by: Actor, changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  /** `asker`: about whose decisions the answer speaks. */
  approval(id: string, asker: Actor): Promise<ApprovalReply>;
  /** Whether something holds back the run's webhook, or did. False for a run that the coordinator does not know. */
  hasGates(id: string): Promise<boolean>;
  /** Replaces an older pause of the group. False if there are too many others. */
  pause(pause: Pause): Promise<boolean>;
  /** False if there is no such pause. */
  resume(group: string): Promise<boolean>;
  pauses(): Promise<readonly Pause[]>;
  /** The next groups behind `after`, in order. `only`: of this group; null for all. */
  concurrencyGroups(
    only: string | null,
    after: Slot | null,
    limit: number,
  ): Promise<readonly ConcurrencyGroup[]>;
  /** Says which limit a version of an action has. A higher version's limit counts for all open runs of the action. */
  setLimit(group: string, actionName: string, version: number, limit: number): Promise<void>;
  /** The run that this key created, for a create that would be refused today. */
  recall(changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  /** The inputs of a run, for a new run that repeats it. */
  inputs(id: string): Promise<InputsReply>;
  /**
   * Applies an event to a run, or answers as before if this key already did so. With `replayOnly` the call changes
   * nothing, because an expired token may only learn what its own report did.
   */
  applyEvent(id: string, event: RunEvent, changeKey: ChangeKey, options?: EventOptions): Promise<RunReply>;
  /** Ends a run or asks it to stop, or answers as before if this key already did so. The answer has `hasGrace`. */
  cancel(id: string, request: CancelRequest, changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  /**
   * Notes a heartbeat. The first one starts a pending run. A heartbeat without news changes nothing that a caller can
   * see. The answer has `cancel`, and `externalUrlRefused` if the run did not get the heartbeat's `externalUrl`.
   */
  heartbeat(id: string, heartbeat: Heartbeat): Promise<RunReply>;
  /** The run as the journal has it, with its deadline applied. */
  read(id: string, inclusion?: Inclusion): Promise<RunReply>;
  /** Lands what has not landed yet, so that a list can show it. Waits 2 s at most. */
  settle(): Promise<Settled>;
  /** A page of the timeline. */
  events(id: string, page: TimelinePage): Promise<TimelineReply>;
  /** The same. If the page has no event yet, waits up to `maxMs` for one. */
  watch(id: string, page: TimelinePage, watcher: Watcher, maxMs: number): Promise<TimelineReply>;
  /** The run when it has ended, or as it is after `maxMs`. */
  waitForEnd(id: string, watcher: Watcher, wait: Wait): Promise<RunReply>;
  /** The runs that changed after a number, at most 200 of 1 MiB together. Refused as `cursor_gone` beyond the newest. */
  changes(asked: AskedChanges): Promise<ChangesReply>;
  /** The same. If the page has no run yet, waits up to `maxMs` for one. A watcher is woken at most once a second. */
  watchChanges(asked: AskedChanges, watcher: Watcher, maxMs: number): Promise<ChangesReply>;
  /** Gives a watcher's seat back. */
  unwatch(watcherKey: string): Promise<void>;
  /**
   * For metrics: the open runs, and every run that has ended since counting began. The first call begins it, with the
   * oldest run that is kept.
   */
  counts(): Promise<RunCounts>;
  /**
   * Called by the sweep: sets an alarm that was dropped. Returns when the sweep must look again, which can be in the
   * past; null if the coordinator keeps nothing any more. One that has counted runs always keeps something.
   */
  poke(): Promise<number | null>;
  /**
   * Rebuilds D1 from the journal, step by step. Returns how many runs are left. A repeated call does not start over.
   */
  resync(): Promise<number>;
  /** Call this before a webhook endpoint is stored: each end from now on is told to the endpoints that D1 has then. */
  notify(): Promise<void>;
  endpoint(key: EndpointKey): Promise<EndpointReport>;
  /** Forgets how an endpoint has answered, and notes what `notify` notes, because the endpoint is enabled again. */
  forgetHealth(key: EndpointKey): Promise<void>;
  /** A page of the messages of an endpoint. */
  messages(key: EndpointKey, filter: MessageFilter): Promise<MessagesReply>;
  /** Sends the message of a run's event again, or for the first time. `type`: null for the run's newest event. */
  resend(key: EndpointKey, runId: string, type: EventType | null): Promise<ResendReply>;
  /** Begins or goes on to bring messages back. Null if a recovery with another order is under way. */
  recover(key: EndpointKey, order: RecoveryOrder): Promise<Recovery | null>;
  /** The end of a run as a message tells it, for a test. */
  lastEvent(runId: string): Promise<RunEventToTell | Exclude<ResendReply, "accepted">>;
  /** Counts a test of an endpoint of this environment: 0, or in how many ms the next one is allowed. */
  admitTest(): Promise<number>;
}
