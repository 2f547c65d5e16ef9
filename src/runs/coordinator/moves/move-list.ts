/**
 * The moves of an environment that are not over: at most one that is under way, and those whose old rows are not all
 * deleted yet. They are in one mark of coordinator 0's journal.
 */

import type { Home } from "../../home.ts";
import type { Marks } from "../../journal/marks.ts";
import type { Move, MoveReply, MoveRequest } from "../../move-calls.ts";

/** `remaining` is known only while the driver runs. `turns`: how many messages went to all coordinators. */
export type StoredMove = Omit<Move, "remaining"> & { readonly turns: number };

export class MoveList {
  readonly #marks: Marks;

  constructor(marks: Marks) {
    this.#marks = marks;
  }

  /** The oldest first. */
  get all(): readonly StoredMove[] {
    const mark = this.#marks.get("moves");
    return mark === null ? [] : JSON.parse(mark);
  }

  /** The one that has not switched yet; null if there is none. */
  get underWay(): StoredMove | null {
    return this.all.find(({ status }) => status === "copying" || status === "switching") ?? null;
  }

  /** The same request again gets the move that is under way. */
  begin(
    request: MoveRequest,
    now: number,
  ): Exclude<MoveReply, { ok: true }> | { ok: true; move: StoredMove } {
    const { underWay } = this;
    if (underWay !== null) {
      const isSame = underWay.target.database === request.target.database;
      return isSame ? { ok: true, move: underWay } : { ok: false, reason: "move_under_way" };
    }
    if (this.all.some((move) => leftDatabase(move).database === request.target.database)) {
      return { ok: false, reason: "moved_lately" };
    }
    const began = { switchedAt: null, cleanedAt: null, isCancelled: false, turns: 0 };
    // No home has the generation of a move that was cancelled, but its messages can still be on their way.
    const generations = this.all.map(({ target }) => target.generation + 1);
    const generation = Math.max(request.target.generation, ...generations);
    const target = { ...request.target, generation };
    const move: StoredMove = { ...request, ...began, target, status: "copying", requestedAt: now };
    this.#write([...this.all, move]);
    return { ok: true, move };
  }

  /** The move as it is now; null if it was forgotten. */
  now(move: StoredMove): StoredMove | null {
    return this.all.find((one) => isSame(one, move)) ?? null;
  }

  /** The number of the next message of this move. */
  nextTurn(move: StoredMove): number {
    return this.change(move, { turns: (this.now(move) ?? move).turns + 1 }).turns;
  }

  change(move: StoredMove, change: Partial<StoredMove>): StoredMove {
    const changed = { ...(this.now(move) ?? move), ...change };
    this.#write(this.all.map((one) => (isSame(one, move) ? changed : one)));
    return changed;
  }

  forget(move: StoredMove): void {
    this.#write(this.all.filter((one) => !isSame(one, move)));
  }

  #write(moves: readonly StoredMove[]): void {
    this.#marks.set("moves", moves.length === 0 ? null : JSON.stringify(moves));
  }
}

/** Where the rows of the environment are deleted when the move has switched or was cancelled. */
export function leftDatabase({ isCancelled, from, target }: StoredMove): Home {
  return isCancelled ? target : from;
}

function isSame(a: StoredMove, b: StoredMove): boolean {
  return a.target.generation === b.target.generation;
}
