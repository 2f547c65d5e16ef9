/**
 * The journal's table of timeline events. Events that follow from the run itself are not stored. They are derived when
 * read.
 */
import {
  isImpliedByEnd,
  isTimelineDerived,
  newest,
  type StoredEvent,
  type TimelineEvent,
  type TimelineSource,
  withDerived,
} from "../timeline.ts";

/** No run keeps more events. Beyond that, its oldest heartbeats are replaced by their count. */
export const EVENTS_MAX = 1000;
/** How many heartbeats are replaced at once. It is also how often events are counted, because counting is slow. */
const THINNED_AT_ONCE = 100;

/** `created` is derived and has the number 1, so the first stored event has the number 2. */
const APPEND = `
  INSERT INTO events (run_id, seq, type, at, data)
  SELECT ?1, last.seq + (new.value ->> 0), new.value ->> 1, max(last.at, new.value ->> 2), new.value ->> 3
  FROM json_each(?2) AS new,
       (SELECT seq, at FROM (SELECT seq, at FROM events WHERE run_id = ?1 ORDER BY seq DESC LIMIT 1)
        UNION ALL SELECT 1, CAST(?3 AS INTEGER) LIMIT 1) AS last
  RETURNING seq`;

export class TimelineRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Appends events after `created`. Their instants never go backwards, even if the clock does. */
  append(run: TimelineSource, events: readonly TimelineEvent[]): void {
    if (isTimelineDerived(run)) return;
    const { id, createdAt } = run;
    let latest = 0;
    const rows = events.flatMap((event, i) => {
      latest = Math.max(latest, event.at);
      return isImpliedByEnd(event, events[i + 1]) ? [] : [[i + 1, event.type, latest, JSON.stringify(event.data)]];
    });
    if (rows.length === 0) return;
    const added = this.#sql.exec<{ seq: number }>(APPEND, id, JSON.stringify(rows), createdAt);
    for (const { seq } of [...added]) {
      if (seq >= EVENTS_MAX && seq % THINNED_AT_ONCE === 0) this.#thin(id);
    }
  }

  /** The run's newest event. */
  last(run: TimelineSource): StoredEvent {
    const [stored] = this.#rows("WHERE run_id = ? ORDER BY seq DESC LIMIT 1", run.id);
    return newest(run, stored ?? null);
  }

  lastHeartbeat(runId: string): StoredEvent | null {
    return this.#rows("WHERE run_id = ? AND type = 'heartbeat' ORDER BY seq DESC LIMIT 1", runId)[0] ?? null;
  }

  /** Whether an attempt to send the run's webhook has begun. */
  hasAttempt(runId: string): boolean {
    return this.#rows("WHERE run_id = ? AND type = 'attempt_started' LIMIT 1", runId).length > 0;
  }

  /** The number of the newest attempt that has begun; 0 before the first. Reads the run's whole timeline. */
  lastAttempt(runId: string): number {
    const last = "SELECT max(data ->> 'attempt') AS attempt FROM events WHERE run_id = ? AND type = 'attempt_started'";
    return this.#sql.exec<{ attempt: number | null }>(last, runId).one().attempt ?? 0;
  }

  /** Whether the timeline tells of the attempt's beginning, but not of its end. Reads the run's whole timeline. */
  isAttemptOpen(runId: string, attempt: number): boolean {
    const count = (type: string) =>
      this.#rows("WHERE run_id = ? AND type = ? AND data ->> 'attempt' = ?", runId, type, attempt).length;
    return count("attempt_started") > count("attempt_answered");
  }

  /** The next `limit` events after the one numbered `after`, oldest first. */
  after(run: TimelineSource, after: number, limit: number): StoredEvent[] {
    const stored = this.#rows("WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?", run.id, after, limit);
    return withDerived(run, stored, after).slice(0, limit);
  }

  /**
   * Replaces the oldest heartbeats by one event with their count. It has the number and the instant of the last of
   * them.
   */
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

/* SECTION:
 * The journal's table of accepted changes that a caller may repeat after others came: cancels, approvals, rejections and
 * releases. So the key of each is kept as long as the run: at most ACCEPTED_MAX. A change that changed nothing and has
 * a key that the Worker created is not kept, because nobody can repeat it.
 */

/** The most changes that are kept of one run. Callers can send any number, and each is a row. */
export const ACCEPTED_MAX = 1000;

/** `hasGrace`: whether a cancel left the run open, so that its job could stop. `at`: when it was accepted, in ms. */
export interface AcceptedChange {
  readonly key: string;
  readonly fingerprint: string;
  readonly hasGrace: boolean;
  readonly at: number;
}

export class AcceptedChanges {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The change that this key asked for; null if there was none. */
  of(runId: string, key: string): AcceptedChange | null {
    const [row] = this.#sql.exec<{ fingerprint: string; hasGrace: number; at: number }>(
      "SELECT fingerprint, has_grace AS hasGrace, accepted_at AS at FROM accepted_changes WHERE run_id = ? AND key = ?",
      runId,
      key,
    );
    return row === undefined ? null : { ...row, key, hasGrace: row.hasGrace === 1 };
  }

  /** Beyond ACCEPTED_MAX, nothing is written. A repeated change then counts as a new one. */
  insert(runId: string, { key, fingerprint, hasGrace, at }: AcceptedChange): void {
    this.#sql.exec(
      `INSERT INTO accepted_changes (run_id, key, fingerprint, has_grace, accepted_at) SELECT ?1, ?2, ?3, ?4, ?5
       WHERE (SELECT count(*) FROM accepted_changes WHERE run_id = ?1) < ?6`,
      runId,
      key,
      fingerprint,
      hasGrace ? 1 : 0,
      at,
      ACCEPTED_MAX,
    );
  }
}
