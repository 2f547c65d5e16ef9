/**
 * The journal's table of pauses: while a group or the environment is paused, no run with a gate is released there. They
 * are few, and each alarm that is set asks for them, so there is a copy in memory.
 */

import type { Pause } from "../gate-calls.ts";
import { NO_GROUP } from "../gates.ts";

type PauseRow = Pick<Pause, keyof Pause>;

export class PauseRows {
  readonly #sql: SqlStorage;
  readonly #pauses: Map<string, Pause>;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    const rows = sql.exec<PauseRow>(
      `SELECT concurrency_group AS "group", reason, until, paused_by AS by, via, paused_at AS at FROM pauses`,
    );
    this.#pauses = new Map([...rows].map((row) => [row.group, row]));
  }

  /** The pause that holds back the runs of a group: its own, or the environment's, which is the group "". */
  of(group: string, now: number): Pause | null {
    return this.#living(group, now) ?? this.#living(NO_GROUP.group, now);
  }

  /** Those that have not ended, the environment's first. */
  all(now: number): Pause[] {
    const groups = [...this.#pauses.keys()].sort();
    return groups.flatMap((group) => this.#living(group, now) ?? []);
  }

  /** False, and nothing is written, if there are `max` others. */
  put(pause: Pause, max: number, now: number): boolean {
    const { group, reason, until, by, via, at } = pause;
    const others = this.all(now).filter((other) => other.group !== group);
    if (others.length >= max) return false;
    // The table first: if the write throws, memory must not have the pause.
    this.#sql.exec(
      `INSERT INTO pauses (concurrency_group, reason, until, paused_by, via, paused_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET reason = excluded.reason, until = excluded.until, paused_by = excluded.paused_by,
         via = excluded.via, paused_at = excluded.paused_at`,
      group,
      reason,
      until,
      by,
      via,
      at,
    );
    this.#pauses.set(group, pause);
    return true;
  }

  /** Whether there is such a pause, ended or not. */
  has(group: string): boolean {
    return this.#pauses.has(group);
  }

  erase(group: string): void {
    this.#sql.exec("DELETE FROM pauses WHERE concurrency_group = ?", group);
    this.#pauses.delete(group);
  }

  /** Removes the pauses that have ended. Returns whether there were any. */
  eraseEnded(now: number): boolean {
    const ended = [...this.#pauses.values()].filter(({ until }) => until !== null && until <= now);
    for (const { group } of ended) this.erase(group);
    return ended.length > 0;
  }

  /** When the next pause ends by itself; Infinity if none does. */
  nextEndAt(): number {
    const ends = [...this.#pauses.values()].map(({ until }) => until ?? Number.POSITIVE_INFINITY);
    return Math.min(...ends);
  }

  #living(group: string, now: number): Pause | null {
    const pause = this.#pauses.get(group);
    return pause !== undefined && (pause.until === null || pause.until > now) ? pause : null;
  }
}
