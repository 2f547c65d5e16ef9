/** What the Worker asks about all runs of an environment: what D1 lacks, metrics, the sweep, a resync. */
import { LOOK_AGAIN_MS } from "../d1/control-database.ts";
import { FIRST_HOME } from "../home.ts";
import type { UpkeepCalls } from "../protocol.ts";
import { type Context, Part } from "./context.ts";
import type { DefinitionReads } from "./endpoints/definition-reads.ts";
import { TextSearch } from "./text-search.ts";

/** The most bytes of answers to lists that the platform may hold back at once. It holds each until all writes are durable. */
const HELD_MAX_BYTES = 16 * 1024 * 1024;
/** A smaller answer does not count. */
const HELD_MIN_BYTES = 64 * 1024;

export class UpkeepHandler extends Part {
  readonly #reads: DefinitionReads;
  readonly #textSearch = new TextSearch(this.context);
  #heldBytes = 0;

  constructor(context: Context, reads: DefinitionReads) {
    super(context);
    this.#reads = reads;
  }

  readonly calls: UpkeepCalls = {
    lacking: async (query) => {
      const { journal, replication, lacking } = this.context;
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
    },

    search: async (query) => this.#textSearch.page(query),

    counts: async () => {
      const { replication, replicas, journal } = this.context;
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
    },

    poke: async () => {
      const { alarms, replication, replicas, journal } = this.context;
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
    },

    resync: async (home = null) => {
      const { replicas, journal, replication } = this.context;
      if (home !== null) replicas.adopt(home, Date.now());
      // D1 may have been restored, and its webhook endpoints with it.
      if (journal.isWritten) {
        this.#reads.note(null, Date.now());
        this.#reads.readSoon();
      }
      return replication.resync();
    },
  };
}
