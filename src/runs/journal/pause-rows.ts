/**
 * While a pause holds a group or the environment, no run with a gate is released there. Pauses are few, and each alarm
 * asks for them, so there is a copy in memory.
 */
import { hasEnded, inForceFor, isInForce, type NewPause, type Pause } from "../pauses.ts";
import { Rows } from "./rows.ts";

export class PauseRows extends Rows {
  /** In the order of their groups and of the instants from which they hold. */
  #pauses: readonly Pause[];

  constructor(sql: SqlStorage) {
    super(sql);
    const rows = this.query<Omit<Pause, "isPlanned"> & { readonly isPlanned: number }>(
      `SELECT concurrency_group AS "group", from_at AS "from", is_planned AS isPlanned, reason, until,
         paused_by AS by, via, paused_at AS at
       FROM pauses ORDER BY concurrency_group, from_at`,
    );
    this.#pauses = rows.map((row) => ({ ...row, isPlanned: row.isPlanned === 1 }));
  }

  inForce(group: string, now: number): Pause[] {
    return inForceFor(this.#pauses, group, now);
  }

  all(now: number): Pause[] {
    return this.#pauses.filter((pause) => !hasEnded(pause, now));
  }

  /**
   * Replaces the group's pause with this `from`, or the one that was put without one. So a repeated call writes the
   * same row. A `from` in the past counts as none. Null, and nothing is written, if there are `max` others.
   */
  put(put: NewPause, max: number, now: number): Pause | null {
    const ofGroup = this.#pauses.filter(({ group }) => group === put.group);
    const startsAt = Math.max(put.from ?? 0, now);
    const isPlanned = startsAt > now;
    const isSame = (one: Pause) => one.from === put.from && (isPlanned || !hasEnded(one, now));
    const replaced = ofGroup.find(isSame) ?? (isPlanned ? undefined : ofGroup.find((one) => !one.isPlanned));
    if (this.all(now).filter((one) => one !== replaced).length >= max) return null;
    const isKept = replaced !== undefined && !hasEnded(replaced, now);
    // A pause that holds from now on must not take the key of a planned one that begins now.
    const taken = new Set(ofGroup.filter((one) => one !== replaced).map((one) => one.from));
    let firstFree = startsAt;
    while (taken.has(firstFree)) firstFree++;
    const pause: Pause = { ...put, ...(isKept ? timesOf(replaced) : { from: firstFree, isPlanned }) };
    const { group, from, reason, until, by, via, at } = pause;
    // One statement, and the table first: if it throws, neither may have changed. An ended pause gets another `from`.
    const write = `
      INSERT INTO pauses (concurrency_group, from_at, is_planned, reason, until, paused_by, via, paused_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
    const update = `
      UPDATE pauses SET concurrency_group = ?, from_at = ?, is_planned = ?, reason = ?, until = ?,
        paused_by = ?, via = ?, paused_at = ?
      WHERE concurrency_group = ? AND from_at = ?`;
    const values = [group, from, pause.isPlanned ? 1 : 0, reason, until, by, via, at];
    if (replaced === undefined) this.sql.exec(write, ...values);
    else this.sql.exec(update, ...values, group, replaced.from);
    const others = this.#pauses.filter((one) => one !== replaced);
    this.#pauses = [...others, pause].sort(byKey);
    return pause;
  }

  /** Without `from`, all of the group that have begun. */
  ending(group: string, from: number | null, now: number): readonly Pause[] {
    return this.#pauses.filter(
      (pause) =>
        pause.group === group && (from === null ? isInForce(pause, now) || hasEnded(pause, now) : pause.from === from),
    );
  }

  erase(pauses: readonly Pause[]): void {
    const keys = JSON.stringify(pauses.map(({ group, from }) => [group, from]));
    const erase = `
      DELETE FROM pauses
      WHERE (concurrency_group, from_at) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))`;
    this.sql.exec(erase, keys);
    this.#pauses = this.#pauses.filter((one) => !pauses.includes(one));
  }

  eraseEnded(now: number): boolean {
    const ended = this.#pauses.filter((pause) => hasEnded(pause, now));
    if (ended.length === 0) return false;
    this.erase(ended);
    return true;
  }

  /** No run waits for a pause to begin, so that rings nothing. */
  nextEndAt(): number {
    return Math.min(...this.#pauses.map(({ until }) => until ?? Number.POSITIVE_INFINITY));
  }
}

function timesOf({ from, isPlanned }: Pause): Pick<Pause, "from" | "isPlanned"> {
  return { from, isPlanned };
}

/** Groups are ASCII, so their order is that of SQLite. */
function byKey(a: Pause, b: Pause): number {
  if (a.group === b.group) return a.from - b.from;
  return a.group < b.group ? -1 : 1;
}
