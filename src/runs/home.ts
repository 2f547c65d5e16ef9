/** Where an environment's runs are in D1, its moves between databases, and the calls about them. PURE. */

import type { RunCount } from "./run-counts.ts";

/** The primary database of an environment. Of two homes, the one with the higher generation counts. */
export interface Home {
  /** Its number: 0 is the control database. */
  readonly database: number;
  readonly generation: number;
}

/** The home of an environment for which nobody has chosen one: all were here before there was a second database. */
export const FIRST_HOME: Home = { database: 0, generation: 0 };

export function newerHome(a: Home | null, b: Home | null): Home | null {
  if (a === null || b === null) return a ?? b;
  return b.generation > a.generation ? b : a;
}

export interface HomeState {
  /** Null if nobody has decided yet, because it never had a run. */
  readonly home: Home | null;
  /** The moves that are not over, the oldest first. Only the last one can be under way. */
  readonly moves: readonly Move[];
  readonly bytes: number;
  /** Whether it never had a run, and nobody has chosen its database. */
  readonly isNew: boolean;
  /** The runs that the database lacks in their newest version. `oldestAt`: when the first of these changes was made. */
  readonly unreplicated: RunCount;
}

export type MoveStatus =
  /** The new database gets every change. The runs that are older are copied. */
  | "copying"
  /** The environment lives in the new database. The control database knows it. */
  | "switching"
  /** The old database is kept for readers that remember it. */
  | "resting"
  /** The rows are deleted in the database that the environment has left. */
  | "cleaning"
  /** They are gone. An hour later they are deleted once more, against a statement that ran late. */
  | "cleaned";

/** What is kept of a move. It is over an hour after the cleaning, and then it is forgotten. */
export interface MoveRecord {
  readonly from: Home;
  readonly target: Home;
  /** Whether the environment stays where it was. Then the target is cleaned. */
  readonly isCancelled: boolean;
  readonly requestedAt: number;
  /** When the control database came to know that the target is the home; null before. */
  readonly switchedAt: number | null;
  /** When the first cleaning was over; null before. */
  readonly cleanedAt: number | null;
}

export interface Move extends MoveRecord {
  readonly status: MoveStatus;
  /** While it is copying: how many runs the copy still has to look at. Otherwise null. */
  readonly remaining: number | null;
}

/** Whether it was not cancelled, and the control database does not know it yet. */
export function isUnderWay({ status }: Pick<Move, "status">): boolean {
  return status === "copying" || status === "switching";
}

/** Where the rows of the environment are deleted when the move has switched or was cancelled. */
export function leftDatabase({ isCancelled, from, target }: MoveRecord): number {
  return (isCancelled ? target : from).database;
}

export type MoveReply =
  | { readonly ok: true; readonly move: Move }
  /** `moved_lately`: the rows in that database are not all deleted yet. */
  | { readonly ok: false; readonly reason: "move_under_way" | "moved_lately" };

export interface MoveCalls {
  state(): Promise<HomeState>;
  /** Decides where an environment lives that never had a run. Returns where it lives, if somebody has decided before. */
  chooseHome(database: number): Promise<Home>;
  /** Begins a move, or returns the same one that is under way. `from`: where the caller has seen the environment. */
  begin(from: Home, database: number): Promise<MoveReply>;
  /** Cancels the move if the environment does not live in the target yet; null if there is none. */
  cancel(): Promise<MoveReply | null>;
}
