/** The journal's table of timeline events. */

import type { StoredEvent, TimelineEvent } from "../timeline.ts";

/** No run keeps more events. Beyond that, its oldest heartbeats are replaced by their count. */
export const EVENTS_MAX = 1000;
/** How many heartbeats are replaced at once. Counting events is slow, so it happens only once in so many. */
const THINNED_AT_ONCE = 100;

/** One statement for any number of events, whether or not the run has some already. */
const APPEND = `
  INSERT INTO events (run_id, seq, type, at, data)
  SELECT ?1, last.seq + new.key + 1, new.value ->> 0, max(last.at, new.value ->> 1), new.value ->> 2
  FROM json_each(?2) AS new,
       (SELECT seq, at FROM (SELECT seq, at FROM events WHERE run_id = ?1 ORDER BY seq DESC LIMIT 1)
        UNION ALL SELECT 0, 0 LIMIT 1) AS last
  RETURNING seq`;

export class TimelineRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Appends events. Their instants never go backwards, even if the clock does. */
  append(runId: string, events: readonly TimelineEvent[]): void {
    if (events.length === 0) return;
    let latest = 0;
    const rows = events.map(({ type, at, data }) => {
      latest = Math.max(latest, at);
      return [type, latest, JSON.stringify(data)];
    });
    const added = this.#sql.exec<{ seq: number }>(APPEND, runId, JSON.stringify(rows));
    for (const { seq } of [...added]) {
      if (seq >= EVENTS_MAX && seq % THINNED_AT_ONCE === 0) this.#thin(runId);
    }
  }

  last(runId: string): StoredEvent | null {
    return this.#rows("WHERE run_id = ? ORDER BY seq DESC LIMIT 1", runId)[0] ?? null;
  }

  lastHeartbeat(runId: string): StoredEvent | null {
    return this.#rows("WHERE run_id = ? AND type = 'heartbeat' ORDER BY seq DESC LIMIT 1", runId)[0] ?? null;
  }

  /** The next `limit` events after the one numbered `after`, oldest first. */
  after(runId: string, after: number, limit: number): StoredEvent[] {
    return this.#rows("WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?", runId, after, limit);
  }

  /** Replaces the oldest heartbeats by one event that holds their count, at the place of the last of them. */
  #thin(runId: string): void {
    const { kept } = this.#sql
      .exec<{ kept: number }>("SELECT count(*) AS kept FROM events WHERE run_id = ?", runId)
      .one();
    if (kept <= EVENTS_MAX - THINNED_AT_ONCE) return;
    const thinned = this.#rows(
      "WHERE run_id = ? AND type IN ('heartbeat', 'heartbeats_thinned') ORDER BY seq LIMIT ?",
      runId,
      THINNED_AT_ONCE + 1,
    );
    const newest = thinned.at(-1);
    if (newest === undefined || thinned.length < 2) return;
    const count = thinned.reduce((sum, event) => sum + countOf(event), 0);
    this.#sql.exec(
      `DELETE FROM events WHERE run_id = ? AND seq < ? AND type IN ('heartbeat', 'heartbeats_thinned')`,
      runId,
      newest.seq,
    );
    this.#sql.exec(
      "UPDATE events SET type = 'heartbeats_thinned', data = ? WHERE run_id = ? AND seq = ?",
      JSON.stringify({ count }),
      runId,
      newest.seq,
    );
  }

  #rows(clauses: string, ...bindings: (string | number)[]): StoredEvent[] {
    const query = `SELECT seq, type, at, data FROM events ${clauses}`;
    return [...this.#sql.exec<Pick<StoredEvent, keyof StoredEvent>>(query, ...bindings)];
  }
}

/** How many heartbeats an event stands for. */
function countOf({ type, data }: StoredEvent): number {
  return type === "heartbeat" ? 1 : (JSON.parse(data) as { count: number }).count;
}
