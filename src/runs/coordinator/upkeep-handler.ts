import { within } from "../../base/time.ts";
import { boundDatabase, NotBound } from "../../settings/databases.ts";
import { withDetails } from "../action-run.ts";
import { LOOK_AGAIN_MS } from "../d1/control-database.ts";
import { type ListedRun, listRuns, type WalkBounds } from "../d1/list.ts";
import { FIRST_HOME, type Home } from "../home.ts";
import type { LackingRun, SearchReply, UpkeepCalls } from "../protocol.ts";
import { mergedPage, type Page, type TextQuery } from "../run-filters.ts";
import { Part, PartWith } from "./context.ts";
import type { DefinitionReads } from "./endpoints/definition-reads.ts";

/** The most bytes of answers to lists that the platform may hold back at once. It holds each until all writes are durable. */
const HELD_MAX_BYTES = 16 * 1024 * 1024;
const HELD_MIN_BYTES = 64 * 1024;

export class UpkeepHandler extends PartWith<{ reads: DefinitionReads }> {
  readonly #textSearch = new TextSearch(this.context);
  #heldBytes = 0;

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
      replicas.registration.forget();
      if (replicas.primary?.isBehind) return Math.min(dueAt, now + LOOK_AGAIN_MS);
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
        this.parts.reads.note(null, Date.now());
        this.parts.reads.readSoon();
      }
      return replication.resync();
    },
  };
}

const TURN_MAX_MS = 5000;
const WAITING_MAX = 100;
const READ_MAX_MS = 5000;
/** After this time, D1 ends a query even if nobody waits for it any more. */
const QUERY_MAX_MS = 30_000;

/** Such a page is dear, and D1 runs one query at a time. So an environment has one under way, known in memory only. */
class TextSearch extends Part {
  readonly #turns = new Turns();
  #reading: Promise<unknown> = Promise.resolve();

  async page(query: TextQuery): Promise<SearchReply> {
    if (!(await this.#turns.take())) return { ok: false, reason: "too_many_searches" };
    this.#reading = Promise.resolve();
    try {
      return await this.#page(query);
    } finally {
      void this.#leave();
    }
  }

  /** The turn is over when D1 has answered, and when the platform no longer holds back the answer. */
  async #leave(): Promise<void> {
    const over = this.#reading.then(() => this.journal.durable());
    await within(QUERY_MAX_MS, over).catch(() => null);
    this.#turns.leave();
  }

  /** As `listRunsOf` in the Worker: first what D1 lacks, then D1. */
  async #page(query: TextQuery): Promise<SearchReply> {
    const { lacking, replication } = this.context;
    const before = { home: replication.home, isStale: replication.isStale };
    const { ids: without, matching, completeTo } = await lacking.searched(query);
    const { home } = replication;
    const isOther = home?.generation !== before.home?.generation;
    const isStale = before.isStale || replication.isStale || isOther;
    if (home === null) return { ok: true, home, isStale, runs: [], nextAfter: null };
    const reading = this.#read(home, query, { without, completeTo: completeTo ?? undefined });
    this.#reading = reading;
    try {
      const stored = await within(READ_MAX_MS, reading);
      const { items, endsAt } = mergedPage({ items: matching.map(toListed), endsAt: completeTo }, stored, query);
      return { ok: true, home, isStale, runs: items.map(({ text }) => text), nextAfter: endsAt };
    } catch (error) {
      this.logFailure("search_failed", error);
      return { ok: false, reason: error instanceof NotBound ? "database_not_bound" : "database_unavailable" };
    }
  }

  async #read({ database }: Home, query: TextQuery, bounds: WalkBounds): Promise<Page<ListedRun>> {
    const { env, journal } = this.context;
    const session = (await boundDatabase(env, database)).withSession("first-primary");
    return listRuns(session, journal.scope, query, bounds);
  }
}

function toListed({ id, body, details }: LackingRun) {
  return { id, text: details === undefined ? body : withDetails(body, details) };
}

class Turns {
  readonly #waiting = new Set<() => void>();
  #isTaken = false;

  /** False if no turn came in time, or if too many wait already. Otherwise call `leave` afterwards. */
  async take(): Promise<boolean> {
    if (!this.#isTaken) {
      this.#isTaken = true;
      return true;
    }
    if (this.#waiting.size === WAITING_MAX) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    await within(TURN_MAX_MS, promise).catch(() => {});
    return !this.#waiting.delete(resolve);
  }

  leave(): void {
    const [next] = this.#waiting;
    this.#isTaken = next !== undefined;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next();
  }
}
