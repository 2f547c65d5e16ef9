import type { RunCount } from "./run-counts.ts";

/** Of two homes, the one with the higher generation counts. */
export interface Home {
  /** 0 is the control database. */
  readonly database: number;
  readonly generation: number;
}

/** Of an environment for which nobody has chosen one: all were here before there was a second database. */
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
  readonly isNew: boolean;
  readonly unreplicated: RunCount;
}

/** docs/architecture.md, "Several databases", says what each is. */
export type MoveStatus = "copying" | "switching" | "resting" | "cleaning" | "cleaned";

/** What is kept of a move. It is over an hour after the cleaning, and then it is forgotten. */
export interface MoveRecord {
  readonly from: Home;
  readonly target: Home;
  /** Whether the environment stays where it was. Then the target is cleaned. */
  readonly isCancelled: boolean;
  readonly requestedAt: number;
  /** When the control database came to know that the target is the home; null before. */
  readonly switchedAt: number | null;
  readonly cleanedAt: number | null;
}

export interface Move extends MoveRecord {
  readonly status: MoveStatus;
  /** How many runs a copy still has to look at. */
  readonly remaining: number | null;
}

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
  /** For an environment that never had a run. Returns where it lives, if somebody has decided before. */
  chooseHome(database: number): Promise<Home>;
  /** Returns the same move if it is under way. `from`: where the caller has seen the environment. */
  begin(from: Home, database: number): Promise<MoveReply>;
  /** Null if there is no move. Refused if the environment lives in the target already. */
  cancel(): Promise<MoveReply | null>;
}
