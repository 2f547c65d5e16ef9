/** The calls about the database where an environment lives, and about moving the environment to another one. */

import type { Home } from "./home.ts";

/** What a coordinator says of where its runs are. */
export interface Placement {
  /** Null if nobody has decided yet: it has no run, or the control database could not be asked. */
  readonly home: Home | null;
  /** The moves that are not over, the oldest first. Only the last one can be under way. */
  readonly moves: readonly Move[];
  /** How many bytes the coordinator stores. */
  readonly bytes: number;
}

export type MoveStatus =
  /** The runs land in both databases, and those that are older are copied. */
  | "copying"
  /** The new database has everything. The control database is told that it is the home. */
  | "switching"
  /** The old database is kept for readers that remember it. */
  | "resting"
  /** The rows are deleted in the database that the environment has left. */
  | "cleaning"
  /** They are gone. An hour later they are deleted once more, against a statement that ran late. */
  | "cleaned";

/** A move. It is over an hour after the cleaning, and then it is forgotten. */
export interface Move {
  readonly from: Home;
  readonly target: Home;
  readonly status: MoveStatus;
  /** Whether the environment stays where it was. Then the target is cleaned. */
  readonly isCancelled: boolean;
  readonly requestedAt: number;
  /** When the target became the home; null before. */
  readonly switchedAt: number | null;
  /** When the first cleaning was over; null before. */
  readonly cleanedAt: number | null;
  /** While it is copying: how many runs the copy still has to look at. Otherwise null. */
  readonly remaining: number | null;
}

/** Whether it has not switched and was not cancelled. */
export function isUnderWay({ status }: Pick<Move, "status">): boolean {
  return status === "copying" || status === "switching";
}

/** Where the rows of the environment are deleted when the move has switched or was cancelled. */
export function leftDatabase({ isCancelled, from, target }: Pick<Move, "isCancelled" | "from" | "target">) {
  return (isCancelled ? target : from).database;
}

export type MoveReply =
  | { readonly ok: true; readonly move: Move }
  /** `moved_lately`: the rows in that database are not all deleted yet. */
  | { readonly ok: false; readonly reason: "move_under_way" | "moved_lately" };

export interface MoveCalls {
  placement(): Promise<Placement>;
  /**
   * Begins a move to the database with this number. The same request again gets the move that is under way. `from`:
   * where the caller has seen the environment.
   */
  begin(from: Home, database: number): Promise<MoveReply>;
  /** Cancels the move if it has not switched yet; null if there is none. */
  cancel(): Promise<MoveReply | null>;
}
