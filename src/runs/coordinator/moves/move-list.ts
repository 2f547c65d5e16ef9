/**
 * The moves of an environment that are not over: at most one that is under way, and those whose old rows are not all
 * deleted yet. They are in one mark of the journal.
 */

import type { Home } from "../../home.ts";
import type { Marks } from "../../journal/marks.ts";
import { isUnderWay, leftDatabase, type Move, type MoveReply } from "../../move-calls.ts";

/** `remaining` is not stored, because the copy knows it. */
export type StoredMove = Omit<Move, "remaining">;

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
    return this.all.find(isUnderWay) ?? null;
  }

  /** The same request again gets the move that is under way. */
  begin(
    from: Home,
    database: number,
    now: number,
  ): Exclude<MoveReply, { ok: true }> | { ok: true; move: StoredMove } {
    const { underWay } = this;
    if (underWay !== null) {
      const isSame = underWay.target.database === database;
      return isSame ? { ok: true, move: underWay } : { ok: false, reason: "move_under_way" };
    }
    if (this.all.some((move) => leftDatabase(move) === database))
      return { ok: false, reason: "moved_lately" };
    // A cancelled move has used its generation: a statement with it can still be under way.
    const generation = 1 + Math.max(from.generation, ...this.all.map(({ target }) => target.generation));
    return { ok: true, move: this.#add({ from, target: { database, generation }, requestedAt: now }) };
  }

  /** Adds a move that has switched already. */
  addSwitched(from: Home, target: Home, now: number): void {
    this.#add({ from, target, requestedAt: now, status: "resting", switchedAt: now });
  }

  #add(move: Pick<StoredMove, "from" | "target" | "requestedAt"> & Partial<StoredMove>): StoredMove {
    const began = { status: "copying", switchedAt: null, cleanedAt: null, isCancelled: false } as const;
    const added = { ...began, ...move };
    this.#write([...this.all, added]);
    return added;
  }

  /** The move as it is now; null if it was forgotten. */
  now(move: StoredMove): StoredMove | null {
    return this.all.find((one) => isSame(one, move)) ?? null;
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

function isSame(a: StoredMove, b: StoredMove): boolean {
  return a.target.generation === b.target.generation;
}
