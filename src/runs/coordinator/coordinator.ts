/**
 * The Durable Object that owns a quarter of an environment's runs: it puts their changes in order, journals each
 * before anyone is told, keeps their deadlines, has their workflows told, and lands them in D1.
 *
 * The lock is the platform's: from reading a run to having journalled its change and armed the alarm there is no
 * `await`, so no other call and no alarm can come between, and it commits as one before anything leaves.
 */

import { DurableObject } from "cloudflare:workers";
import { retentionDays } from "../../config.ts";
import { msSince } from "../../elapsed.ts";
import type { Env } from "../../env.ts";
import { log } from "../../log.ts";
import { AlarmClock } from "../journal/alarm-clock.ts";
import { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import { WaitingDeliveries } from "../journal/waiting-deliveries.ts";
import { Projection } from "../projection/projection.ts";
import type {
  ChangeKey,
  Coordinator,
  Heartbeat,
  RunAnswer,
  RunRefusal,
  SealedTrigger,
  TimelineAnswer,
  Watcher,
} from "../protocol.ts";
import { begin, type Conflict, isOpen, type NewRun, type RunEvent, transition } from "../run.ts";
import { heartbeatNews, isLast, type TimelineEvent, toWireEvent } from "../timeline.ts";
import { Dispatcher, type Sender } from "./dispatcher.ts";
import { Ledger, ownChange } from "./ledger.ts";
import { ownerOf } from "./owner.ts";
import { Retention } from "./retention.ts";
import { toAnswer } from "./run-answer.ts";
import { Watchers } from "./watchers.ts";

/** Of the 10 GB that an object may hold. From here on it takes no new run, so that those it has can come to their end. */
export const STORAGE_MAX_BYTES = 9_000_000_000;
const NO_NAME = "a coordinator has no name because it was woken by id: call it by name";

export class RunCoordinator extends DurableObject<Env> implements Coordinator {
  readonly #name: string;
  readonly #journal: Journal;
  readonly #retention: Retention;
  readonly #alarms: AlarmClock;
  readonly #projection: Projection;
  readonly #watchers = new Watchers();
  readonly #ledger: Ledger;
  readonly #dispatcher: Dispatcher;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const owner = ownerOf(ctx, env);
    if (owner === null) {
      // This instance would stay without a name for every later caller. The next call starts another.
      ctx.abort(NO_NAME);
      throw new Error(NO_NAME);
    }
    const waiting = new WaitingDeliveries();
    this.#name = owner.name;
    this.#journal = new Journal(ctx.storage);
    this.#journal.setMark("name", owner.name);
    this.#alarms = new AlarmClock(ctx.storage, this.#journal, waiting);
    this.#projection = new Projection(owner, this.#journal, this.#alarms, env.DB);
    this.#retention = new Retention(owner, this.#journal, this.#alarms, this.#projection, env.DB);
    this.#ledger = new Ledger(this.#journal, this.#projection, this.#watchers, retentionDays(env));
    const { WebhookSender } = ctx.exports as unknown as { readonly WebhookSender: Sender };
    this.#dispatcher = new Dispatcher(
      owner,
      this.#journal,
      waiting,
      this.#projection,
      this.#ledger,
      WebhookSender,
    );
  }

  /** Journals a new run, or finds the one that this key made. */
  async create(
    input: NewRun,
    change: ChangeKey,
    trigger: SealedTrigger | null,
  ): Promise<RunAnswer | RunRefusal> {
    const now = Date.now();
    const existing = this.#journal.byCreateKeyOrId(change.key, input.id);
    if (existing?.createKey === change.key) return this.#recalled(existing, change, now);
    if (existing !== null) return { ok: false, reason: "id_taken" };
    if (this.ctx.storage.sql.databaseSize >= STORAGE_MAX_BYTES) return { ok: false, reason: "storage_full" };
    if (this.#projection.isOverloaded) return { ok: false, reason: "overloaded" };
    const run = begin(input, trigger !== null);
    const { delivery, events } =
      trigger === null ? { delivery: null, events: [] } : this.#dispatcher.begin(run, trigger, now);
    const first: TimelineEvent = { type: "created", at: run.createdAt, data: { by: run.triggeredBy } };
    const created = this.#ledger.create(run, change, delivery, [first, ...events], now);
    if (delivery !== null) this.#dispatcher.launch(run.id, delivery);
    return this.#answer(created, false);
  }

  /** The run that this key made, for a create that would be refused today. */
  async recall(change: ChangeKey): Promise<RunAnswer | RunRefusal> {
    const existing = this.#journal.byCreateKey(change.key);
    return existing === null
      ? { ok: false, reason: "run_not_found" }
      : this.#recalled(existing, change, Date.now());
  }

  /**
   * Applies an event to a run, or answers as before where this key has already done so. With `replayOnly` it
   * changes nothing: a late token may learn what its own report did, no more.
   */
  async change(
    id: string,
    event: RunEvent,
    change: ChangeKey,
    replayOnly = false,
  ): Promise<RunAnswer | RunRefusal> {
    const now = Date.now();
    const stored = this.#journal.byId(id);
    if (stored === null) return { ok: false, reason: "run_not_found" };
    // Before the key is looked at: a start asked again after the deadline must not be told that it still runs.
    const run = replayOnly ? stored : this.#ledger.expired(stored, now);
    if (run.changeKey === change.key && run.changeFingerprint === change.fingerprint) {
      return this.#answer(run, true);
    }
    if (replayOnly) return { ok: false, reason: "run_not_found" };

    const next = transition(run, event, now);
    if (!next.ok) return this.#refuse(stored, run, next.error);
    return this.#answer(this.#ledger.change(run, next.value, event, change, now), false);
  }

  /** Notes a sign of life; the first starts a pending run. One without news changes nothing that anybody sees. */
  async heartbeat(id: string, heartbeat: Heartbeat): Promise<RunAnswer | RunRefusal> {
    const now = Date.now();
    const stored = this.#journal.byId(id);
    if (stored === null) return { ok: false, reason: "run_not_found" };
    const run = this.#ledger.expired(stored, now);
    const event: RunEvent = { type: "heartbeat" };
    const next = transition(run, event, now);
    if (!next.ok) return this.#refuse(stored, run, next.error);
    const news = heartbeatNews(this.#journal.timeline.lastHeartbeat(id), heartbeat, now);
    if (next.value.version > run.version) {
      const started = this.#ledger.change(run, next.value, event, ownChange(), now, { last: news });
      return this.#answer(started, false);
    }
    this.#ledger.noteHeartbeat({ ...run, ...next.value }, news);
    return toAnswer(run, false, this.#projection.bookmarkOf(id));
  }

  /** The run as the journal has it, its deadline applied. */
  async read(id: string): Promise<RunAnswer | RunRefusal> {
    const run = this.#ledger.current(id, Date.now());
    if (run === null) return { ok: false, reason: "run_not_found" };
    // A reader does not wait for a landing: it has what it came for.
    return toAnswer(run, false, this.#projection.bookmarkOf(id));
  }

  /** Up to `limit` events after the one numbered `after`. */
  async events(id: string, after: number, limit: number): Promise<TimelineAnswer | RunRefusal> {
    return this.#timeline(id, after, limit);
  }

  /** The same, waiting up to `maxMs` where there are none yet. */
  async watch(
    id: string,
    after: number,
    limit: number,
    watcher: Watcher,
    maxMs: number,
  ): Promise<TimelineAnswer | RunRefusal> {
    const first = this.#timeline(id, after, limit);
    if (!first.ok || first.isOver) return first;
    if (!this.#watchers.admit(id, watcher, Date.now(), maxMs))
      return { ok: false, reason: "too_many_watchers" };
    if (first.events.length > 0) return first;
    await this.#watchers.news(watcher, maxMs);
    return this.#timeline(id, after, limit);
  }

  /** The run as soon as it has ended, or as it is after `maxMs`. The watcher's place is kept unless this is its last call. */
  async waitForEnd(
    id: string,
    watcher: Watcher,
    maxMs: number,
    isLast: boolean,
  ): Promise<RunAnswer | RunRefusal> {
    const startedAt = Date.now();
    for (;;) {
      const now = Date.now();
      const leftMs = maxMs - msSince(startedAt, now);
      const run = this.#ledger.current(id, now);
      if (run === null) return { ok: false, reason: "run_not_found" };
      if (!isOpen(run) || leftMs <= 0) {
        if (isLast || !isOpen(run)) this.#watchers.leave(watcher.key);
        return toAnswer(run, false, this.#projection.bookmarkOf(id));
      }
      if (!this.#watchers.admit(id, watcher, now, maxMs)) return { ok: false, reason: "too_many_watchers" };
      await this.#watchers.news(watcher, leftMs);
      // It left meanwhile, so nobody reads this answer. Asking for its place again would take one for nobody.
      if (!this.#watchers.has(watcher.key)) return toAnswer(run, false, this.#projection.bookmarkOf(id));
    }
  }

  /** A watcher is known to have gone. One that vanished is found out by the next write to it, or by not asking again. */
  async unwatch(watcherKey: string): Promise<void> {
    this.#watchers.leave(watcherKey);
  }

  /** The sweep's call: sets right an alarm that was dropped. True when nothing is kept here any more. */
  async poke(): Promise<boolean> {
    this.#alarms.forgetArmed();
    this.#projection.arm(Date.now());
    const empty = this.#journal.isEmpty();
    if (empty) this.#projection.unregister();
    return empty;
  }

  /** Rebuilds D1 from the journal, step by step. How many runs are still to be read; calling again does not start over. */
  async resync(): Promise<number> {
    return this.#projection.resync();
  }

  /**
   * Deadlines and deliveries first, then retention, then repair. Never waits for D1 or for an attempt: a second alarm
   * would wait for it. Whatever fails, the alarm is armed again.
   */
  override async alarm(): Promise<void> {
    const now = Date.now();
    this.#alarms.forgetArmed();
    const due = this.#tried(() => this.#dispatcher.takeTurns(now)) ?? 0;
    const purging = this.#tried(() => this.#retention.purge(now)) ?? 0;
    const repair = this.#tried(() => this.#projection.repair(now)) ?? null;
    if (due + purging > 0 || repair !== null) {
      log("info", "alarm", { coordinator: this.#name, due, purging, ...repair });
    }
    this.#projection.arm(now);
  }

  /** Each part of the alarm by itself: where a full object fails the first, retention must still make room. */
  #tried<T>(part: () => T): T | null {
    try {
      return part();
    } catch (error) {
      this.#logError("alarm_failed", error);
      return null;
    }
  }

  #recalled(existing: JournaledRun, change: ChangeKey, now: number): Promise<RunAnswer> | RunRefusal {
    const same = [change.fingerprint, ...(change.otherFingerprints ?? [])];
    if (!same.includes(existing.createFingerprint)) {
      const { fingerprintKeyId } = existing;
      const isKeyGone = fingerprintKeyId !== null && change.keyIds?.includes(fingerprintKeyId) === false;
      return { ok: false, reason: isKeyGone ? "key_unverifiable" : "key_reused" };
    }
    return this.#answer(this.#ledger.expired(existing, now), true);
  }

  #timeline(id: string, after: number, limit: number): TimelineAnswer | RunRefusal {
    if (this.#ledger.current(id, Date.now()) === null) return { ok: false, reason: "run_not_found" };
    const { timeline } = this.#journal;
    const page = timeline.after(id, after, limit);
    const newest = timeline.last(id);
    const lastSeq = page.at(-1)?.seq ?? after;
    const newestSeq = newest?.seq ?? 0;
    const isOver = newest !== null && isLast(newest) && lastSeq >= newestSeq;
    return { ok: true, events: page.map(toWireEvent), lastSeq, newestSeq, isOver };
  }

  async #answer(run: JournaledRun, replayed: boolean): Promise<RunAnswer> {
    return toAnswer(run, replayed, await this.#projection.landed(run.id, run.version));
  }

  /** A caller who is told of an end that was only now noticed: it must be as durable as one it brought about itself. */
  async #refuse(stored: JournaledRun, run: JournaledRun, reason: Conflict): Promise<RunRefusal> {
    if (run !== stored) await this.#projection.landed(run.id, run.version);
    return { ok: false, reason };
  }

  #logError(event: string, error: unknown): void {
    log("error", event, { coordinator: this.#name, error: String(error) });
  }
}
