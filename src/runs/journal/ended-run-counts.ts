/**
 * Counts ended runs for metrics. `ended_seq`, the number of the write that ended a run, never changes again. A walk
 * over these numbers behind `counted_seq` therefore meets each end once, also if the run changes later. The number and
 * the counts are one row, so they can't disagree after a crash. Nothing is written before somebody asks, and a run
 * costs no row.
 */

import { type CountedRun, type EndedCounts, NO_ENDED, withRuns } from "../run-counts.ts";
import { walkBy } from "./event-walk.ts";
import { KEYS_AND_IDS, keysJson } from "./run-key.ts";

/** How many rows one batch has. The object serves nobody else meanwhile. */
export const BATCH_RUNS = 1000;

const NEXT_RUNS = walkBy(
  "ended_seq",
  "status, created_at AS createdAt, started_at AS startedAt, completed_at AS completedAt, end_cause AS endCause",
  { bounds: "$ > ?1 AND $ <= ?2", limit: BATCH_RUNS },
);
const WRITE = `
  INSERT INTO ended_run_counts (id, counted_seq, counts) VALUES (1, ?, ?)
  ON CONFLICT DO UPDATE SET counted_seq = excluded.counted_seq, counts = excluded.counts`;

type WalkedRow = Omit<CountedRun, "completedAt"> & {
  readonly seq: number;
  readonly isMet: number;
  readonly completedAt: number | null;
};

export class EndedRunCounts {
  readonly #sql: SqlStorage;
  #counts: EndedCounts = NO_ENDED;
  /** Ahead of the journal's number while only open runs lie between. */
  #countedSeq = 0;
  #hasBegun = false;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    const select = "SELECT counted_seq AS seq, counts FROM ended_run_counts";
    for (const { seq, counts } of sql.exec<{ seq: number; counts: string }>(select)) {
      this.#countedSeq = seq;
      this.#counts = JSON.parse(counts) as EndedCounts;
      this.#hasBegun = true;
    }
  }

  /** Whether anybody has asked. From then on, each ended run is counted before it is purged. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Every run that had ended up to this number is counted. */
  get countedSeq(): number {
    return this.#countedSeq;
  }

  get counts(): EndedCounts {
    return this.#counts;
  }

  /**
   * Counts the next BATCH_RUNS rows, up to the number `upTo` at most. Writes one row if a run had ended. The first
   * batch always writes it, because from then on no run may be purged uncounted.
   */
  countBatch(upTo: number): void {
    const rows = [...this.#sql.exec<WalkedRow & Record<string, SqlStorageValue>>(NEXT_RUNS, this.#countedSeq, upTo)];
    const last = rows.length < BATCH_RUNS ? upTo : (rows.at(-1)?.seq ?? upTo);
    const ended = rows.filter((row): row is typeof row & CountedRun => row.isMet === 1 && row.completedAt !== null);
    if (ended.length > 0 || !this.#hasBegun) {
      const counts = withRuns(this.#counts, ended);
      // The journal first: if the write throws, memory must not claim that these runs are counted.
      this.#sql.exec(WRITE, last, JSON.stringify(counts));
      this.#counts = counts;
      this.#hasBegun = true;
    }
    this.#countedSeq = Math.max(this.#countedSeq, last);
  }

  /** Whether one of these ended runs is not counted yet. */
  isAnyUncounted(ids: readonly string[]): boolean {
    const uncounted = `SELECT 1 FROM runs WHERE (run_key, id) IN ${KEYS_AND_IDS} AND ended_seq > ? LIMIT 1`;
    return [...this.#sql.exec(uncounted, keysJson(ids), this.#countedSeq)].length > 0;
  }
}
