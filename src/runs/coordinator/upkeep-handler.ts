/** What the Worker asks about all runs of an environment: what D1 lacks, metrics, the sweep, a resync. */
import { LOOK_AGAIN_MS } from "../d1/control-database.ts";
import { FIRST_HOME, type Home } from "../home.ts";
import type { LackingReply, SearchReply, UpkeepCalls } from "../protocol.ts";
import type { EnvironmentCounts } from "../run-counts.ts";
import type { RunPageQuery, TextQuery } from "../run-filters.ts";
import type { Context } from "./context.ts";
import type { DefinitionReads } from "./endpoints/definition-reads.ts";
import { TextSearch } from "./text-search.ts";

/** The most bytes of answers to lists that the platform may hold back at once. It holds each until all writes are durable. */
const HELD_MAX_BYTES = 16 * 1024 * 1024;
/** A smaller answer does not count. */
const HELD_MIN_BYTES = 64 * 1024;

export class UpkeepHandler implements UpkeepCalls {
  readonly #context: Context;
  readonly #reads: DefinitionReads;
  readonly #textSearch: TextSearch;
  #heldBytes = 0;

  constructor(context: Context, reads: DefinitionReads) {
    this.#context = context;
    this.#reads = reads;
    this.#textSearch = new TextSearch(context);
  }

  async lacking(query: RunPageQuery): Promise<LackingReply> {
    const { journal, replication, lacking } = this.#context;
    const { ids, matching, completeTo } = lacking.of(query);
    const { home, isStale } = replication;
    const runs = lacking.rows(matching, query.include);
    const reply = { ok: true, home, isStale, ids, runs, completeTo } as const;
    const bytes = runs.reduce((sum, { body, details = "" }) => sum + body.length + details.length, 0);
    if (bytes < HELD_MIN_BYTES) return reply;
    if (this.#heldBytes + bytes > HELD_MAX_BYTES) return { ok: false, reason: "overloaded" };
    this.#heldBytes += bytes;
    // The platform holds the answer back as long.
    await journal.durable().finally(() => {
      this.#heldBytes -= bytes;
    });
    return reply;
  }

  async search(query: TextQuery): Promise<SearchReply> {
    return this.#textSearch.page(query);
  }

  async counts(): Promise<EnvironmentCounts> {
    const { replication, replicas, journal } = this.#context;
    const { sequence, endedCounts, runs, endpointHealth, sql } = journal;
    const upTo = sequence.last;
    while (endedCounts.countedSeq < upTo) {
      endedCounts.countBatch(upTo);
      // Between two batches, other calls are served.
      if (endedCounts.countedSeq < upTo) await scheduler.wait(0);
    }
    return {
      ...runs.openCounts(),
      ended: endedCounts.counts,
      endpoints: endpointHealth.counts(),
      unreplicated: replication.unreplicated,
      bytes: sql.databaseSize,
      database: (replicas.primary?.home ?? FIRST_HOME).database,
    };
  }

  async poke(): Promise<number | null> {
    const { alarms, replication, replicas, journal } = this.#context;
    const now = Date.now();
    alarms.forgetArmed();
    replication.arm(now);
    replication.replicate();
    const dueAt = alarms.nextDueAt(now);
    // The sweep changes what is registered, so the next batch registers again.
    replication.unregister();
    if (replication.isBehind) return Math.min(dueAt, now + LOOK_AGAIN_MS);
    // Without its row in D1, nobody would ask for the counts, and the environment's sum would fall.
    const { runs, bulk, endedCounts, schedules, fanOut } = journal;
    const hasSchedules = !schedules.isEmpty() || fanOut.noted !== null;
    const keepsNothing =
      runs.isEmpty() && bulk.isEmpty() && !hasSchedules && !endedCounts.hasBegun && replicas.isAtRest;
    return keepsNothing ? null : dueAt;
  }

  async resync(home: Home | null = null): Promise<number> {
    const { replicas, journal, replication } = this.#context;
    if (home !== null) replicas.adopt(home, Date.now());
    // D1 may have been restored, and its webhook endpoints with it.
    if (journal.isWritten) {
      this.#reads.note(null, Date.now());
      this.#reads.readSoon();
    }
    return replication.resync();
  }
}
