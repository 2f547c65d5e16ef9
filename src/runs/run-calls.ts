/** The calls that create, read and change one run. */

import type { NewDispatch } from "../webhooks/delivery.ts";
import type { NewRun, RunSource } from "./run.ts";
import type { Inclusion, RunRefusal, RunReply } from "./run-answer.ts";
import type { CancelRequest, RunEvent } from "./transition.ts";

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

/** `mayWrite`: whether the caller may write data. Without it, a run that has or had a gate can't be deleted. */
export interface EventOptions {
  readonly replayOnly?: boolean;
  readonly mayWrite?: boolean;
}

/** News from a workflow that is still running. */
export interface Heartbeat {
  readonly message?: string | undefined;
  /** From 0 to 1. */
  readonly progress?: number | undefined;
  readonly externalUrl?: string | undefined;
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

/** What else a create can send. */
export interface RunCreation extends Inclusion {
  /** JSON text for the approvers of the run; left out if it needs none. */
  readonly preview?: string;
  /** Refuses the run as `already_retried` if another run repeats the same one. */
  readonly isFirstRetry?: true;
}

export interface InputsAnswer {
  readonly ok: true;
  readonly isOver: boolean;
  readonly isRetried: boolean;
  readonly source: RunSource;
  readonly inputs: RunInputs;
}

export type InputsReply = InputsAnswer | RunRefusal;

export interface RunCalls {
  /**
   * Creates a run, or finds the one that this key created. With a dispatch, the first attempt is sent. That of a run
   * with gates waits until the run is released.
   */
  create(run: NewRun, changeKey: ChangeKey, dispatch: NewDispatch | null, creation?: RunCreation): Promise<RunReply>;
  /** The run that this key created, for a create that would be refused today. */
  recall(changeKey: ChangeKey, inclusion?: Inclusion): Promise<RunReply>;
  /** The run as the journal has it, with its deadline applied. */
  read(id: string, inclusion?: Inclusion): Promise<RunReply>;
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
}
