/** What the primary database lacks. Whoever reads it leaves these runs out, and adds those that match. */
import { PAGE_MAX_LOOKED_AT, TEXT_MAX_BYTES } from "../../base/limits.ts";
import { logFailure } from "../../base/log.ts";
import { detailsOf, toActionRun } from "../action-run.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournaledRun, WeighedFacts } from "../journal/run-rows.ts";
import type { LackingRun } from "../protocol.ts";
import {
  factsOf,
  idRangeOf,
  matches,
  matchesFixed,
  type RunFacts,
  type RunPageQuery,
  type TextQuery,
} from "../run-filters.ts";
import type { Replicas } from "./replica-set.ts";

const MATCHING_MAX_BYTES = 1024 * 1024;
const READ_RUNS = 200;

/** How much is searched before other calls are served. Each run counts at least as much as it takes to read. */
const SEARCHED_AT_ONCE_BYTES = 512 * 1024;
const SEARCHED_MIN_BYTES = 2048;

export class Lacking {
  readonly #journal: Journal;
  readonly #replicas: Replicas;

  constructor(journal: Journal, replicas: Replicas) {
    this.#journal = journal;
    this.#replicas = replicas;
  }

  /** Looks at no more than PAGE_MAX_LOOKED_AT runs. */
  of(query: RunPageQuery) {
    const ids: string[] = [];
    const matching: RunFacts[] = [];
    let [looked, bytes] = [0, 0];
    let last: string | null = null;
    for (const run of this.#inOrder(query)) {
      const isMatch = matches(run, query);
      bytes += isMatch ? run.bytes : 0;
      const isFull = isMatch && matching.length > 0 && bytes > MATCHING_MAX_BYTES;
      if (isFull || looked === PAGE_MAX_LOOKED_AT) return { ids, matching, completeTo: last };
      looked++;
      last = run.id;
      if (matchesFixed(run, query)) ids.push(run.id);
      if (isMatch) matching.push(run);
      if (matching.length > query.limit) return { ids, matching, completeTo: last };
    }
    return { ids, matching, completeTo: null };
  }

  /**
   * Other calls are served in between. If the database lacks a run when the walk comes to it, its id is returned;
   * otherwise the database is read later. So each version that was acknowledged before is in one, or the answer is stale.
   */
  async searched({ text, ...query }: TextQuery) {
    const ids: string[] = [];
    const matching: LackingRun[] = [];
    let [looked, searched, found] = [0, 0, 0];
    let last: string | null = null;
    for (;;) {
      let left = SEARCHED_AT_ONCE_BYTES;
      let isOver = true;
      for (const run of this.#inOrder(last === null ? query : { ...query, cursor: last })) {
        if (looked === PAGE_MAX_LOOKED_AT || searched >= TEXT_MAX_BYTES || matching.length > query.limit) {
          return { ids, matching, completeTo: last };
        }
        const isAsked = matches(run, query);
        const row = isAsked ? this.#rowWith(text, run, query.include) : null;
        if (row !== null) {
          found += run.bytes;
          if (matching.length > 0 && found > MATCHING_MAX_BYTES) return { ids, matching, completeTo: last };
          matching.push(row);
        }
        if (matchesFixed(run, query)) ids.push(run.id);
        last = run.id;
        looked++;
        if (!isAsked) continue;
        searched += run.bytes;
        left -= Math.max(run.bytes, SEARCHED_MIN_BYTES);
        isOver = left > 0;
        if (!isOver) break;
      }
      if (isOver) return { ids, matching, completeTo: null };
      await scheduler.wait(0);
    }
  }

  #rowWith(text: string, run: RunFacts, include: "details" | undefined): LackingRun | null {
    const [row] = this.rows([run], "details");
    if (row === undefined || !this.#journal.runs.contains(text, row.body, row.details ?? "")) return null;
    return include === undefined ? { id: row.id, body: row.body } : row;
  }

  /** These runs as the database would store them. One that can't be printed is left out, or no list would show any. */
  rows(runs: readonly Pick<RunFacts, "id">[], include: "details" | undefined): LackingRun[] {
    const inMemory = new Map(runs.map(({ id }) => [id, this.#inMemory(id)]));
    const absent = runs.filter(({ id }) => inMemory.get(id) == null).map(({ id }) => id);
    const read = absent.length === 0 ? [] : this.#journal.runs.byIds(absent);
    const found = new Map(read.map((run) => [run.id, run]));
    return runs.flatMap(({ id }) => {
      const run = inMemory.get(id) ?? found.get(id);
      if (run === undefined) return [];
      try {
        const row = { id, body: toActionRun(run) };
        return [include === undefined ? row : { ...row, details: detailsOf(run) }];
      } catch (error) {
        logFailure("run_unprintable", error, { coordinator: this.#journal.scope, run: id });
        return [];
      }
    });
  }

  *#inOrder(query: RunPageQuery): Iterable<WeighedFacts> {
    const writer = this.#replicas.primary?.writer;
    const { lower, upper } = idRangeOf(query);
    const { order = "newest" } = query;
    const ids = writer?.lackingIds.between(lower, upper, order) ?? [];
    for (const batch of inBatches(ids, READ_RUNS)) {
      const absent = batch.filter((id) => this.#inMemory(id) === null);
      const read = new Map(this.#journal.runs.facts(absent).map((run) => [run.id, run]));
      for (const id of batch) {
        const entry = writer?.lacking(id);
        // The purge may have forgotten it meanwhile.
        const run = entry?.run == null ? read.get(id) : { ...factsOf(entry.run), bytes: entry.bytes };
        if (run !== undefined) yield run;
      }
    }
  }

  #inMemory(id: string): JournaledRun | null {
    return this.#replicas.primary?.writer.lacking(id)?.run ?? null;
  }
}

function* inBatches(ids: Iterable<string>, size: number): Iterable<readonly string[]> {
  let batch: string[] = [];
  for (const id of ids) {
    batch.push(id);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}
