/** What the journal knows of the archive. All of it is metadata and the index of ended runs, so a run costs no row. */

import { DAY_MS } from "../../base/time.ts";
import { BEGINNING, type Due, ENDED_DUE, type EndedRun, fittingIntoBatch, WEIGHT, type Weight } from "./due-rows.ts";
import type { Metadata } from "./metadata.ts";
import { Rows } from "./rows.ts";
import { BOUND_KEY, KEYS_AND_IDS, keyHalves, keysJson } from "./run-rows.ts";

export interface Batch {
  /** The object's key in the bucket. */
  readonly key: string;
  /** Those that the journal still keeps. */
  readonly ids: readonly string[];
  /** Whether it is known that the object is there. If this is false, nobody knows. */
  readonly isWritten: boolean;
}

export class ArchiveRows extends Rows {
  readonly #metadata: Metadata;

  constructor(sql: SqlStorage, metadata: Metadata) {
    super(sql);
    this.#metadata = metadata;
  }

  get hasBatch(): boolean {
    return this.#metadata.get("archiving") !== null;
  }

  get batch(): Batch | null {
    const stored = this.#metadata.get("archiving");
    return stored === null ? null : (JSON.parse(stored) as Batch);
  }

  setBatch(batch: Batch | null): void {
    this.#metadata.set("archiving", batch && JSON.stringify(batch));
  }

  /** D1's rows of runs that were due up to this one are deleted. */
  get deletedTo(): Due {
    const cursor = this.#metadata.get("deleted_to");
    return cursor === null ? BEGINNING : (JSON.parse(cursor) as Due);
  }

  setDeletedTo({ dueAt, id }: Due): void {
    this.#metadata.set("deleted_to", JSON.stringify({ dueAt, id }));
  }

  clear(): void {
    this.#metadata.set("archiving", null);
    this.#metadata.set("deleted_to", null);
  }

  countDeleted(limit: number): number {
    const { dueAt, id } = this.deletedTo;
    const count = `
      SELECT count(*) FROM (SELECT 1 FROM ${ENDED_DUE} AND (due_at, run_key) <= (?, ${BOUND_KEY}) LIMIT ?)`;
    return this.numberOf(count, dueAt, ...keyHalves(id), limit) ?? 0;
  }

  /**
   * The runs for the next object: of the first `limit` that are due, those that ended on the same day (UTC) as the
   * first.
   */
  next(now: number, limit: number): { readonly day: number; readonly runs: readonly EndedRun[] } {
    const due = this.query<EndedRun & { readonly completedAt: number }>(
      `SELECT id, due_at AS dueAt, event_seq AS eventSeq, completed_at AS completedAt
       FROM ${ENDED_DUE} AND due_at <= ?1 AND purge_at <= ?1 ORDER BY due_at, run_key LIMIT ?2`,
      now,
      limit,
    );
    const dayOf = (at: number) => at - (at % DAY_MS);
    const day = dayOf(due[0]?.completedAt ?? 0);
    return { day, runs: due.filter(({ completedAt }) => dayOf(completedAt) === day) };
  }

  /** The first of these runs: at most `limit`, and only what fits into one batch. Runs that are gone weigh nothing. */
  fitting(ids: readonly string[], limit: number): string[] {
    const asked = ids.slice(0, limit);
    const rows = this.query<Weight & { id: string }>(
      `SELECT runs.id, ${WEIGHT} FROM runs JOIN ${KEYS_AND_IDS} AS asked USING (run_key, id)`,
      keysJson(asked),
    );
    const weights = new Map(rows.map((row) => [row.id, row]));
    return fittingIntoBatch(asked.map((id) => weights.get(id) ?? { id, bytes: 0, events: 0 })).map(({ id }) => id);
  }
}
