/**
 * Lists by a text are dear: each page searches up to TEXT_MAX_BYTES in D1, which runs one query at a time for
 * everybody. So an environment has one such page under way. The turn is only in memory: if the object dies, nothing
 * stays held.
 */
import { within } from "../../base/time.ts";
import { boundDatabase, NotBound } from "../../settings/databases.ts";
import { withDetails } from "../action-run.ts";
import { type ListedRun, searchRuns, type WalkBounds } from "../d1/list.ts";
import type { Home } from "../home.ts";
import type { LackingRun, SearchReply } from "../protocol.ts";
import { mergedPage, type Page, type TextQuery } from "../run-filters.ts";
import { Part } from "./context.ts";

const TURN_MAX_MS = 5000;
const WAITING_MAX = 100;
const READ_MAX_MS = 5000;
/** After this time, D1 ends a query even if nobody waits for it any more. */
const QUERY_MAX_MS = 30_000;

export class TextSearch extends Part {
  readonly #turns = new Turns();
  /** What the holder of the turn has asked D1. */
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
    return searchRuns(session, journal.scope, query, bounds);
  }
}

function toListed({ id, body, details }: LackingRun) {
  return { id, text: details === undefined ? body : withDetails(body, details) };
}

class Turns {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  /** False if no turn came in time, or if too many wait already. Otherwise call `leave` afterwards. */
  async take(): Promise<boolean> {
    if (!this.#isTaken) {
      this.#isTaken = true;
      return true;
    }
    if (this.#waiting.length === WAITING_MAX) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    try {
      await within(TURN_MAX_MS, promise);
      return true;
    } catch {
      const at = this.#waiting.indexOf(resolve);
      // It may have come in the same instant.
      if (at < 0) return true;
      this.#waiting.splice(at, 1);
      return false;
    }
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isTaken = false;
    else next();
  }
}
