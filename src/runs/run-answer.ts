/** What a coordinator answers about one run: the run, or why it refuses. */

import type { DecisionConflict } from "./gates.ts";
import type { Status } from "./run.ts";
import type { Conflict } from "./transition.ts";

/**
 * What an answer has besides the run. The details cost a query, so an answer has them only if the call asks for them.
 */
export interface Inclusion {
  readonly include?: "details" | undefined;
}

/** `actionRun` is the JSON for the wire. */
export interface RunAnswer {
  readonly ok: true;
  readonly id: string;
  readonly actionRun: string;
  readonly status: Status;
  readonly deadlineAt: number;
  /** When the callback token expires, if the run has gates. Otherwise it expires at the deadline. */
  readonly tokenExpiresAt?: number;
  readonly replayed: boolean;
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
   * Only after an approval, a rejection, a release or a cancel: when it was accepted. A repetition has the same instant,
   * unless the person decided through another token.
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
    | "token_invalid"
    | DecisionConflict
    | Conflict;
}

export type RunReply = RunAnswer | RunRefusal;
