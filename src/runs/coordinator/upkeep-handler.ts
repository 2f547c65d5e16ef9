/** What the Worker asks about all runs of an environment: what D1 lacks, metrics, the sweep, a resync. */
import { LOOK_AGAIN_MS } from "../d1/control-database.ts";
import type { Home } from "../home.ts";
import type { Journal } from "../journal/journal.ts";
import type { LackingReply, UpkeepCalls } from "../protocol.ts";
import type { Lacking } from "../replication/lacking.ts";
import type { Replicas } from "../replication/replica-set.ts";
import type { Replication } from "../replication/replication.ts";
import type { RunCounts } from "../run-counts.ts";
import type { RunPageQuery } from "../run-filters.ts";
import type { AlarmClock } from "./alarm.ts";
import type { EndpointReads } from "./endpoints/endpoint-reads.ts";

/** The most bytes of answers to lists that the platform may hold back at once. It holds each until all writes are durable. */
const HELD_MAX_BYTES = 16 * 1024 * 1024;
/** A smaller answer does not count. */
const HELD_MIN_BYTES = 64 * 1024;

export class UpkeepHandler implements UpkeepCalls {
  readonly #journal: Journal;
  readonly #replication: Replication;
  readonly #alarms: AlarmClock;
  readonly #replicas: Replicas;
  readonly #endpoints: EndpointReads;
  readonly #lacking: Lacking;
  #heldBytes = 0;

  constructor(
    journal: Journal,
    replication: Replication,
    alarms: AlarmClock,
    replicas: Replicas,
    endpoints: EndpointReads,
    lacking: Lacking,
  ) {
    this.#journal = journal;
    this.#replication = replication;
    this.#alarms = alarms;
    this.#replicas = replicas;
    this.#endpoints = endpoints;
    this.#lacking = lacking;
  }

  async lacking(query: RunPageQuery): Promise<LackingReply> {
    const { ids, matching, completeTo } = this.#lacking.of(query);
    const { home, isStale } = this.#replication;
    const runs = this.#lacking.rows(matching, query.include);
    const reply = { ok: true, home, isStale, ids, runs, completeTo } as const;
    const bytes = runs.reduce((sum, { body, details = "" }) => sum + body.length + details.length, 0);
    if (bytes < HELD_MIN_BYTES) return reply;
    if (this.#heldBytes + bytes > HELD_MAX_BYTES) return { ok: false, reason: "overloaded" };
    this.#heldBytes += bytes;
    // The platform holds the answer back as long.
    await this.#journal.durable().finally(() => {
      this.#heldBytes -= bytes;
    });
    return reply;
  }

  async counts(): Promise<RunCounts> {
    const { sequence, endedCounts, runs } = this.#journal;
    const upTo = sequence.last;
    while (endedCounts.countedSeq < upTo) {
      endedCounts.countBatch(upTo);
      // Between two batches, other calls are served.
      if (endedCounts.countedSeq < upTo) await scheduler.wait(0);
    }
    return { open: runs.openCounts(), ended: endedCounts.counts };
  }

  async poke(): Promise<number | null> {
    const now = Date.now();
    this.#alarms.forgetArmed();
    this.#replication.arm(now);
    this.#replication.replicate();
    const dueAt = this.#alarms.nextDueAt(now);
    // The sweep changes what is registered, so the next batch registers again.
    this.#replication.unregister();
    if (this.#replication.isBehind) return Math.min(dueAt, now + LOOK_AGAIN_MS);
    // Without its row in D1, nobody would ask for the counts, and the environment's sum would fall.
    const { runs, bulk, endedCounts } = this.#journal;
    const keepsNothing = runs.isEmpty() && bulk.isEmpty() && !endedCounts.hasBegun && this.#replicas.isAtRest;
    return keepsNothing ? null : dueAt;
  }

  async resync(home: Home | null = null): Promise<number> {
    if (home !== null) this.#replicas.adopt(home, Date.now());
    // D1 may have been restored, and its webhook endpoints with it.
    if (this.#journal.isWritten) {
      this.#endpoints.note(null, Date.now());
      this.#endpoints.readSoon();
    }
    return this.#replication.resync();
  }
}
