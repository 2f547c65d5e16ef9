/**
 * Walks runs in the order of the writes that made their events, or their ends. Such a number nearly always is that of
 * the run's last change, so a partial index has only the others: an end costs no row for that. A walk merges the two.
 */

import { CHANGES_MAX_BYTES, PAGE_MAX_LOOKED_AT, PAGE_MAX_ROWS } from "../../base/limits.ts";
import { type RunWithEvent, withEvent } from "../endpoint-deliveries.ts";
import type { Approval, Gates, NextRetry, Run } from "../run.ts";
import type { ChangeFilter } from "../run-calls.ts";
import { type CountedRun, type EndedCounts, NO_ENDED, withRefusedEvent, withRuns } from "../run-counts.ts";
import { Rows } from "./rows.ts";
import { KEYS_AND_IDS, keysJson } from "./run-rows.ts";

const INDEXES = { event_seq: "runs_by_event", ended_seq: "runs_by_end" } as const;

/** The object serves nobody else meanwhile. */
export const WALK_ROWS = 1000;

interface Walk {
  readonly bounds: string;
  readonly order?: "DESC";
}

/** `isMet` is 1 if `seq` is the number of the event or end; else the row only takes the walk on. `$`: the number. */
export function walkBy(number: keyof typeof INDEXES, columns: string, { bounds, order }: Walk): string {
  const within = (column: string) => bounds.replaceAll("$", column);
  return `
    SELECT change_seq AS seq, ifnull(${number} = change_seq, 0) AS isMet, ${columns}
    FROM runs INDEXED BY runs_by_change WHERE ${within("change_seq")}
    UNION ALL
    SELECT ${number} AS seq, 1 AS isMet, ${columns}
    FROM runs INDEXED BY ${INDEXES[number]} WHERE ${number} <> change_seq AND ${within(number)}
    ORDER BY seq ${order ?? ""} LIMIT ${WALK_ROWS}`;
}

const COLUMNS = `
  id, status, source, action_name AS actionName, entity_id AS entityId, labels,
    bytes, ended_seq AS endedSeq, previous_status AS previousStatus, created_at AS createdAt, completed_at AS completedAt, changed_at AS changedAt,
    waiting_for AS waitingFor, iif(waiting_for IS NULL, NULL, gates) AS gates, approvals,
    withdrawn_at AS withdrawnAt, next_retry AS nextRetry`;
const AFTER = walkBy("event_seq", COLUMNS, { bounds: "$ > ?1 AND $ <= ?2" });
const BEFORE = walkBy("event_seq", COLUMNS, { bounds: "$ < ?1", order: "DESC" });

interface Walked {
  readonly runs: readonly RunWithEvent[];
  readonly walkedTo: number;
}

type Row = Pick<Run, "status" | "createdAt" | "completedAt" | "waitingFor" | "withdrawnAt"> &
  Omit<RunWithEvent, "kind" | "type" | "at" | "isFinal"> & {
    readonly nextRetry: string | null;
    readonly isMet: number;
    readonly changedAt: number;
    readonly gates: string | null;
    readonly approvals: string | null;
  };

/**
 * Finds the runs that endpoints hear of. An end that becomes final moves `event_seq` to that write, which makes the
 * deliveries itself, so a walk that goes down misses nothing.
 */
export class RunsWithEvents extends Rows {
  after(after: number, upTo: number, limit: number): Walked {
    return this.#walk(this.sql.exec(AFTER, after, upTo), limit, { from: after, end: upTo });
  }

  /** Newest first. The walk is over, and `walkedTo` is 0, at the first row that was written before `since` (ms). */
  before(before: number, since: number, limit: number): Walked {
    return this.#walk(this.sql.exec(BEFORE, before), limit, { from: before, end: 0, since });
  }

  #walk(
    rows: Iterable<unknown>,
    limit: number,
    { from, end, since = 0 }: { readonly from: number; readonly end: number; readonly since?: number },
  ): Walked {
    const runs: RunWithEvent[] = [];
    let walked = 0;
    let walkedTo = from;
    for (const row of rows as Iterable<Row>) {
      if (row.changedAt < since) return { runs, walkedTo: end };
      walked++;
      walkedTo = row.seq;
      const run = runWithEvent(row);
      if (run !== null) runs.push(run);
      if (runs.length === limit) return { runs, walkedTo };
    }
    return { runs, walkedTo: walked < WALK_ROWS ? end : walkedTo };
  }
}

function runWithEvent({ gates, approvals, nextRetry, ...row }: Row): RunWithEvent | null {
  if (row.isMet === 0) return null;
  return withEvent({
    ...row,
    nextRetry: nextRetry === null ? null : (JSON.parse(nextRetry) as NextRetry),
    gates: gates === null ? null : (JSON.parse(gates) as Gates),
    approvals: gates === null || approvals === null ? [] : (JSON.parse(approvals) as Approval[]),
  });
}

const NEXT_RUNS = walkBy(
  "ended_seq",
  `status, source, action_name AS actionName, created_at AS createdAt, started_at AS startedAt, completed_at AS completedAt,
    end_cause AS endCause`,
  { bounds: "$ > ?1 AND $ <= ?2" },
);

type WalkedRow = Omit<CountedRun, "completedAt"> & {
  readonly seq: number;
  readonly isMet: number;
  readonly completedAt: number | null;
};

/** For metrics. The number and the counts are one row, so they agree after a crash. No row before somebody asks. */
export class EndedRunCounts extends Rows {
  #counts: EndedCounts = NO_ENDED;
  /** Ahead of the journal's number while only open runs lie between. */
  #countedSeq = 0;
  #hasBegun = false;

  constructor(sql: SqlStorage) {
    super(sql);
    const select = "SELECT counted_seq AS seq, counts FROM ended_run_counts";
    for (const { seq, counts } of this.query<{ seq: number; counts: string }>(select)) {
      this.#countedSeq = seq;
      this.#counts = JSON.parse(counts) as EndedCounts;
      this.#hasBegun = true;
    }
  }

  /** Whether anybody has asked. From then on, each ended run is counted before it is purged. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  get countedSeq(): number {
    return this.#countedSeq;
  }

  get counts(): EndedCounts {
    return this.#counts;
  }

  /** The first batch always writes its row, because from then on no run may be purged uncounted. */
  countBatch(upTo: number): void {
    const rows = this.query<WalkedRow>(NEXT_RUNS, this.#countedSeq, upTo);
    const last = rows.length < WALK_ROWS ? upTo : (rows.at(-1)?.seq ?? upTo);
    const ended = rows.filter((row): row is typeof row & CountedRun => row.isMet === 1 && row.completedAt !== null);
    if (ended.length > 0 || !this.#hasBegun) {
      this.#write(last, withRuns(this.#counts, ended));
    }
    this.#countedSeq = Math.max(this.#countedSeq, last);
  }

  countRefusedEvent(action: string): void {
    this.#write(this.#countedSeq, withRefusedEvent(this.#counts, action));
  }

  #write(seq: number, counts: EndedCounts): void {
    // The journal first: if the write throws, memory must not claim that these runs are counted.
    this.sql.exec(
      `INSERT INTO ended_run_counts (id, counted_seq, counts) VALUES (1, ?, ?)
       ON CONFLICT DO UPDATE SET counted_seq = excluded.counted_seq, counts = excluded.counts`,
      seq,
      JSON.stringify(counts),
    );
    this.#counts = counts;
    this.#hasBegun = true;
  }

  isAnyUncounted(ids: readonly string[]): boolean {
    const uncounted = `SELECT 1 FROM runs WHERE (run_key, id) IN ${KEYS_AND_IDS} AND ended_seq > ? LIMIT 1`;
    return this.hasRow(uncounted, keysJson(ids), this.#countedSeq);
  }
}

const WALK = `
  SELECT max(seq) AS seq, count(*) AS walked FROM (
    SELECT change_seq AS seq FROM runs INDEXED BY runs_by_change WHERE change_seq > ? ORDER BY change_seq
    LIMIT ${PAGE_MAX_LOOKED_AT})`;
// A run's gates never change: a filter on what it waits for now would never show that it waits no longer.
// An erased run has no subject and no labels. Whoever followed it must hear that its texts are gone.
const MATCH = `
  SELECT change_seq AS seq, id, bytes FROM runs INDEXED BY runs_by_change
  WHERE change_seq > ?1 AND change_seq <= ?2 AND (?3 IS NULL OR action_name = ?3)
    AND (?7 IS NULL OR subject = ?7 OR erased_at IS NOT NULL) AND (?5 IS NULL OR concurrency_group = ?5) AND (?6 IS NULL OR (gates IS NOT NULL AND (?6 IN ('any', 'pause')
      OR gates ->> CASE ?6 WHEN 'time' THEN '$.notBefore' WHEN 'approval' THEN '$.approval' ELSE '$.concurrency' END
        IS NOT NULL)))
    AND (?4 = '[]' OR erased_at IS NOT NULL OR NOT EXISTS (
      SELECT 1 FROM json_each(?4) AS wanted WHERE wanted.value NOT IN (SELECT value FROM json_each(runs.labels))))
  ORDER BY change_seq LIMIT ${PAGE_MAX_ROWS + 1}`;

/** The runs that have changed behind a number, in the order of their last changes, each in its newest version. */
export class ChangedRuns extends Rows {
  after(after: number, lastSeq: number, { actionName, subject, waiting, group, labels = [] }: ChangeFilter) {
    const upTo = lastSeq - after <= PAGE_MAX_LOOKED_AT ? lastSeq : this.#walkedTo(after, lastSeq);
    const asked = [actionName ?? null, JSON.stringify(labels), group ?? null, waiting ?? null, subject ?? null];
    const matches = this.query<{ id: string; seq: number; bytes: number }>(MATCH, after, upTo, ...asked);
    let bytes = 0;
    const rows = matches.slice(0, PAGE_MAX_ROWS).filter((row, i) => {
      bytes += row.bytes;
      return i === 0 || bytes <= CHANGES_MAX_BYTES;
    });
    const isAll = rows.length === matches.length;
    return { rows, readSeq: isAll ? upTo : (rows.at(-1)?.seq ?? upTo) };
  }

  /** Numbers have gaps, because a later write of a run takes its number with it. */
  #walkedTo(after: number, lastSeq: number): number {
    const page = this.firstOf<{ seq: number | null; walked: number }>(WALK, after);
    return page === null || page.walked < PAGE_MAX_LOOKED_AT ? lastSeq : (page.seq ?? lastSeq);
  }
}
