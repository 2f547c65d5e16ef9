/** The journal's table of pauses: while a group or the environment is paused, no run with a gate is released there. */

import { NO_GROUP } from "../gates.ts";
import type { Pause } from "../protocol.ts";

const COLUMNS = `slot_group AS "group", reason, until, paused_by AS by, via, paused_at AS at`;

export class PauseRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The pause that holds back the runs of a group: its own, or the environment's, which is the group "". */
  of(group: string, now: number): Pause | null {
    const pauses = `
      SELECT ${COLUMNS} FROM pauses WHERE slot_group IN (?, ?) AND (until IS NULL OR until > ?)
      ORDER BY slot_group DESC LIMIT 1`;
    return [...this.#sql.exec<Pick<Pause, keyof Pause>>(pauses, group, NO_GROUP.group, now)][0] ?? null;
  }

  all(): Pause[] {
    return [...this.#sql.exec<Pick<Pause, keyof Pause>>(`SELECT ${COLUMNS} FROM pauses ORDER BY slot_group`)];
  }

  put({ group, reason, until, by, via, at }: Pause): void {
    this.#sql.exec(
      `INSERT INTO pauses (slot_group, reason, until, paused_by, via, paused_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET reason = excluded.reason, until = excluded.until, paused_by = excluded.paused_by,
         via = excluded.via, paused_at = excluded.paused_at`,
      ...[group, reason, until, by, via, at],
    );
  }

  /** False if there is no such pause. */
  erase(group: string): boolean {
    return [...this.#sql.exec("DELETE FROM pauses WHERE slot_group = ? RETURNING 1", group)].length > 0;
  }

  /** Removes the pauses that have ended. Returns whether there were any. */
  eraseEnded(now: number): boolean {
    return [...this.#sql.exec("DELETE FROM pauses WHERE until <= ? RETURNING 1", now)].length > 0;
  }

  /** When the next pause ends by itself; Infinity if none does. */
  nextEndAt(): number {
    const { at } = this.#sql.exec<{ at: number | null }>("SELECT min(until) AS at FROM pauses").one();
    return at ?? Number.POSITIVE_INFINITY;
  }
}
