/** The calls about the database where an environment lives, and about moving the environment to another one. */

import type { Home } from "./home.ts";

/** What one coordinator says of where its runs are. */
export interface Placement {
  /** Null if nobody has decided yet: it has no run, or the control database could not be asked. */
  readonly home: Home | null;
  /** Where its runs land as well, because the environment moves there; null if it does not move. */
  readonly target: Home | null;
  /** Whether the target has everything up to the change that was noted when it was asked before. */
  readonly isReady: boolean;
  /** Whether the home shows nothing that the target lacks, and never will. */
  readonly isClosed: boolean;
  /** How many runs the copy still has to look at; 0 without a target. */
  readonly remaining: number;
  /** How many bytes the coordinator stores. */
  readonly bytes: number;
}

/**
 * What the driver tells each coordinator.
 * - `copy`: let all runs land in the target as well.
 * - `close`: the same, and nothing may land in the home before the target has it.
 * - `switch`: the target is the home. Nothing lands in the old home any more.
 * - `cancel`: forget the target.
 */
export interface MoveOrder {
  readonly step: "copy" | "close" | "switch" | "cancel";
  /** Of two messages of a move, the one with the higher number is the later one. */
  readonly turn: number;
  readonly from: Home;
  readonly target: Home;
}

/** What the operator asks for. */
export interface MoveRequest {
  readonly from: Home;
  readonly target: Home;
}

export type MoveStatus =
  /** The runs land in both databases, and those that are older are copied. */
  | "copying"
  /** The new database has everything. All are told that it is the home. */
  | "switching"
  /** The old database is kept for readers that remember it. */
  | "resting"
  /** The rows are deleted in the database that the environment has left. */
  | "cleaning"
  /** They are gone. An hour later they are deleted once more, against a statement that ran late. */
  | "cleaned";

/** A move as its driver knows it. It is over an hour after the cleaning, and then it is forgotten. */
export interface Move extends MoveRequest {
  readonly status: MoveStatus;
  /** Whether the environment stays where it was. Then the target is cleaned. */
  readonly isCancelled: boolean;
  readonly requestedAt: number;
  /** When the last coordinator learned of the new home; null before. */
  readonly switchedAt: number | null;
  /** When the first cleaning was over; null before. */
  readonly cleanedAt: number | null;
  /** How many runs the copy still has to look at, of all coordinators; null if that is not known. */
  readonly remaining: number | null;
}

export type MoveReply =
  | { readonly ok: true; readonly move: Move }
  /** `moved_lately`: the rows in that database are not all deleted yet. */
  | { readonly ok: false; readonly reason: "move_under_way" | "moved_lately" };

export interface MoveCalls {
  placement(): Promise<Placement>;
  /** Begins a move. The same request again gets the move that is under way. */
  begin(request: MoveRequest): Promise<MoveReply>;
  /** Cancels the move if it has not switched yet; null if there is none. */
  cancel(): Promise<MoveReply | null>;
  /** The move that is under way or was a moment ago; null if there is none. */
  underWay(): Promise<Move | null>;
  /** Whether a move that is not over leads into this database or out of it. */
  hasMoveOf(database: number): Promise<boolean>;
}
