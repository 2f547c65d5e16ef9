import {
  erasedData,
  isImpliedByEnd,
  isTimelineDerived,
  newest,
  type StoredEvent,
  type TimelineEvent,
  type TimelineSource,
  withDerived,
} from "../timeline.ts";
import { Rows, Table } from "./rows.ts";
import { filledUp } from "./run-rows.ts";

/** No run keeps more events. Beyond that, its oldest heartbeats are replaced by their count. */
export const EVENTS_MAX = 1000;
const TOLD_MAX = 20;
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

export class TimelineRows extends Rows {
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
    for (const { seq } of this.query<{ seq: number }>(APPEND, id, JSON.stringify(rows), createdAt)) {
      if (seq >= EVENTS_MAX && seq % THINNED_AT_ONCE === 0) this.#thin(id);
    }
  }

  last(run: TimelineSource): StoredEvent {
    const [stored] = this.#rows("WHERE run_id = ? ORDER BY seq DESC LIMIT 1", run.id);
    return newest(run, stored ?? null);
  }

  lastHeartbeat(runId: string): StoredEvent | null {
    return this.#rows("WHERE run_id = ? AND type = 'heartbeat' ORDER BY seq DESC LIMIT 1", runId)[0] ?? null;
  }

  /** Whether the run has no such event, and few of its type: a job can repeat what causes them. */
  isNews(runId: string, { type, data }: TimelineEvent): boolean {
    const told = this.#rows("WHERE run_id = ? AND type = ? LIMIT ?", runId, type, TOLD_MAX);
    return told.length < TOLD_MAX && told.every((event) => event.data !== JSON.stringify(data));
  }

  hasAttempt(runId: string): boolean {
    return this.hasRow("SELECT 1 FROM events WHERE run_id = ? AND type = 'attempt_started' LIMIT 1", runId);
  }

  /** The number of the newest attempt that has begun; 0 before the first. Reads the run's whole timeline. */
  lastAttempt(runId: string): number {
    const last = "SELECT max(data ->> 'attempt') FROM events WHERE run_id = ? AND type = 'attempt_started'";
    return this.numberOf(last, runId) ?? 0;
  }

  isAttemptOpen(runId: string, attempt: number): boolean {
    const count = (type: string) =>
      this.#rows("WHERE run_id = ? AND type = ? AND data ->> 'attempt' = ?", runId, type, attempt).length;
    return count("attempt_started") > count("attempt_answered");
  }

  /** `isFinal` false: fills what is left up to the same length, so that SQLite writes over the text. */
  erase(runId: string, isFinal: boolean): void {
    for (const { seq, data } of this.#rows("WHERE run_id = ?", runId)) {
      const erased = erasedData(data);
      if (erased === data) continue;
      const written = isFinal ? erased : filledUp(erased, data);
      this.sql.exec("UPDATE events SET data = ? WHERE run_id = ? AND seq = ?", written, runId, seq);
    }
  }

  after(run: TimelineSource, after: number, limit: number): StoredEvent[] {
    const stored = this.#rows("WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?", run.id, after, limit);
    return withDerived(run, stored, after).slice(0, limit);
  }

  /** The event with their count has the number and the instant of the last of these heartbeats. */
  #thin(runId: string): void {
    const kept = this.numberOf("SELECT count(*) FROM events WHERE run_id = ?", runId) ?? 0;
    if (kept <= EVENTS_MAX - THINNED_AT_ONCE) return;
    const thinned = this.#rows(
      "WHERE run_id = ? AND type IN ('heartbeat', 'heartbeats_thinned') ORDER BY seq LIMIT ?",
      runId,
      THINNED_AT_ONCE + 1,
    );
    const newest = thinned.at(-1);
    if (newest === undefined || thinned.length < 2) return;
    const count = thinned.reduce((sum, event) => sum + countOf(event), 0);
    const erase = "DELETE FROM events WHERE run_id = ? AND seq < ? AND type IN ('heartbeat', 'heartbeats_thinned')";
    this.sql.exec(erase, runId, newest.seq);
    const note = "UPDATE events SET type = 'heartbeats_thinned', data = ? WHERE run_id = ? AND seq = ?";
    this.sql.exec(note, JSON.stringify({ count }), runId, newest.seq);
  }

  #rows(clauses: string, ...bindings: (string | number)[]): StoredEvent[] {
    return this.query(`SELECT seq, type, at, data FROM events ${clauses}`, ...bindings);
  }
}

function countOf({ type, data }: StoredEvent): number {
  return type === "heartbeat" ? 1 : (JSON.parse(data) as { count: number }).count;
}

/** Callers can send any number of changes, and each is a row. */
export const ACCEPTED_MAX = 1000;

/** `hasGrace`: whether a cancel left the run open, so that its job could stop. `at`: when it was accepted, in ms. */
export interface AcceptedChange {
  readonly key: string;
  readonly fingerprint: string;
  readonly hasGrace: boolean;
  readonly at: number;
}

/** Kept as long as the run. A change that changed nothing and has the Worker's own key is not kept. */
export class AcceptedChanges extends Table<AcceptedChange & { readonly runId: string }> {
  of(runId: string, key: string): AcceptedChange | null {
    return this.selectOne("WHERE run_id = ? AND key = ?", runId, key);
  }

  erase(runId: string): void {
    this.sql.exec("DELETE FROM accepted_changes WHERE run_id = ?", runId);
  }

  /** Beyond ACCEPTED_MAX, nothing is written. A repeated change then counts as a new one. */
  insert(runId: string, accepted: AcceptedChange): void {
    const count = "SELECT count(*) FROM accepted_changes WHERE run_id = ?";
    if ((this.numberOf(count, runId) ?? 0) < ACCEPTED_MAX) this.insertRow({ ...accepted, runId });
  }
}
