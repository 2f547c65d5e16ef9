/**
 * The Durable Object that owns a quarter of an environment's runs: it puts their changes in order, journals each
 * before anyone is told, keeps their deadlines, and lands them in D1.
 *
 * The lock is the platform's: from reading a run to having journalled its change and armed the alarm there is no
 * `await`, so no other call and no alarm can come between, and it commits as one before the answer leaves.
 */

import { DurableObject } from "cloudflare:workers";
import { retentionDays } from "../config.ts";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { AlarmClock } from "./alarm-clock.ts";
import { GroupCommit, type GroupRow } from "./group-commit.ts";
import { Journal, type JournaledRun } from "./journal.ts";
import { type ChangeKey, type RunAnswer, type RunRefusal, toAnswer } from "./messages.ts";
import { Retention } from "./retention.ts";
import { begin, expire, type NewRun, purgeAt, type Run, type RunEvent, transition } from "./run.ts";
import { deleteRuns, GROUP_MAX_BYTES, isRefusedForContent, landGroup, toGroupRow } from "./store.ts";
import { eventsBetween, type TimelineEvent } from "./timeline.ts";

export const UNLANDED_MAX_ROWS = 50_000;
export const UNLANDED_MAX_BYTES = 512 * 1024 * 1024;
/** How long after a change the repair looks whether it landed; also how often it tries again. */
const REPAIR_MS = 5000;
const REPAIR_FIRST_MS = 1000;
/** After failures: with the 10 s of a flight that hangs, a row lands within 15 s of D1's coming back. */
const REPAIR_LAST_MS = 4000;
const OVERDUE_BATCH = 200;
const RESYNC_BATCH = 1000;

export class RunCoordinator extends DurableObject<Env> {
  readonly #journal: Journal;
  readonly #commit: GroupCommit;
  readonly #alarms: AlarmClock;
  readonly #retention: Retention;
  readonly #scope: string;
  readonly #n: number;
  #registered = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const name = ctx.id.name ?? "";
    this.#scope = name.slice(0, name.lastIndexOf("/"));
    this.#n = Number(name.slice(name.lastIndexOf("/") + 1));
    this.#journal = new Journal(ctx.storage);
    this.#alarms = new AlarmClock(ctx.storage, this.#journal);
    const landing = {
      groupMaxBytes: GROUP_MAX_BYTES,
      readRows: (ids: readonly string[]) => this.#journal.byIds(ids).flatMap((run) => this.#groupRow(run)),
      land: (rows: readonly string[]) => this.#land(rows),
      isRefusedForContent,
      onTrouble: (error: unknown, asideId: string | null) => this.#onTrouble(error, asideId),
      onLanded: () => this.#resyncNext(),
    };
    this.#commit = new GroupCommit(landing, this.#journal.unlanded());
    this.#retention = new Retention(this.#journal, {
      deleteRows: (ids) => deleteRuns(this.env.DB, this.#scope, ids),
      onPurged: (ids) => {
        this.#commit.forget(ids);
        this.#arm(Date.now());
      },
      onFailed: (error) =>
        log("error", "purge_failed", { coordinator: this.ctx.id.name, error: String(error) }),
    });
  }

  /** Journals a new run, or finds the one that this key made. */
  async create(input: NewRun, change: ChangeKey): Promise<RunAnswer | RunRefusal> {
    const now = Date.now();
    const existing = this.#journal.byCreateKey(change.key);
    if (existing !== null) {
      if (existing.createFingerprint !== change.fingerprint) return { ok: false, reason: "key_reused" };
      return this.#answer(this.#expired(existing, now), true);
    }
    if (this.#journal.byId(input.id) !== null) return { ok: false, reason: "id_taken" };
    if (this.#commit.unlandedRows >= UNLANDED_MAX_ROWS || this.#commit.unlandedBytes >= UNLANDED_MAX_BYTES) {
      return { ok: false, reason: "overloaded" };
    }
    const run = begin(input);
    const created = {
      ...run,
      createKey: change.key,
      createFingerprint: change.fingerprint,
      changeKey: null,
      changeFingerprint: null,
      purgeAt: purgeAt(run, this.#retentionDays),
    };
    this.#write(created, [{ type: "created", at: run.createdAt, data: { by: run.triggeredBy } }], now);
    return this.#answer(created, false);
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
    const run = replayOnly ? stored : this.#expired(stored, now);
    if (run.changeKey === change.key && run.changeFingerprint === change.fingerprint) {
      return this.#answer(run, true);
    }
    if (replayOnly) return { ok: false, reason: "run_not_found" };

    const next = transition(run, event, now);
    if (!next.ok) {
      // The caller is told of this end: it must be as durable as one it brought about itself.
      if (run !== stored) await this.#commit.landed(run.id, run.version);
      return { ok: false, reason: next.error };
    }
    const changed = this.#withEnd(run, next.value, change);
    this.#write(changed, eventsBetween(run, changed), now);
    return this.#answer(changed, false);
  }

  /** The run as the journal has it, its deadline applied. */
  async read(id: string): Promise<RunAnswer | RunRefusal> {
    const stored = this.#journal.byId(id);
    if (stored === null) return { ok: false, reason: "run_not_found" };
    const run = this.#expired(stored, Date.now());
    // A reader does not wait for a landing: it has what it came for.
    return toAnswer(run, false, this.#commit.bookmarkOf(id));
  }

  /** The sweep's call: sets right an alarm that was dropped. True when nothing is kept here any more. */
  async poke(): Promise<boolean> {
    this.#alarms.forgetArmed();
    this.#arm(Date.now());
    const empty = this.#journal.isEmpty();
    if (empty) this.#registered = false;
    return empty;
  }

  /** Lands every run again, a batch at a time. How many are still to be read; calling again does not start over. */
  async resync(): Promise<number> {
    const after = this.#journal.mark("resync_after");
    if (after === null) {
      this.#journal.setMark("resync_after", "");
      this.#registered = false;
    }
    const remaining = this.#journal.countAfter(after ?? "");
    this.#resyncNext();
    return remaining;
  }

  /**
   * Deadlines first, then retention, then repair. Never waits for D1: a second alarm would wait for it. Whatever
   * fails, the alarm is armed again.
   */
  override async alarm(): Promise<void> {
    const now = Date.now();
    this.#alarms.forgetArmed();
    try {
      const overdue = this.#expireOverdue(now);
      const purging = this.#retention.purge(now);
      this.#repair(now, overdue, purging);
    } catch (error) {
      log("error", "alarm_failed", { coordinator: this.ctx.id.name, error: String(error) });
    } finally {
      this.#arm(now);
    }
  }

  #expireOverdue(now: number): number {
    const ids = this.#journal.overdue(now, OVERDUE_BATCH);
    for (const id of ids) {
      try {
        const run = this.#journal.byId(id);
        // A row that says it is due and is not would be found again at once, for ever.
        if (run !== null && this.#expired(run, now) === run) this.#journal.putOff(id, now);
      } catch (error) {
        this.#journal.putOff(id, now);
        log("error", "deadline_failed", { coordinator: this.ctx.id.name, run: id, error: String(error) });
      }
    }
    if (ids.length > 0) this.#commit.start();
    return ids.length;
  }

  #repair(now: number, overdue: number, purging: number): void {
    this.#writeConfirmed();
    const unlanded = this.#commit.unlandedRows;
    if (unlanded === 0) {
      this.#alarms.setRepairAt(null);
      // A resync that was cut off between two batches goes on.
      this.#resyncNext();
    } else if (this.#alarms.repairAt <= now) {
      this.#alarms.setRepairAt(now + REPAIR_MS);
      this.#commit.start();
    }
    const aside = this.#commit.asideRows;
    if (overdue + purging + unlanded + aside === 0) return;
    const oldest = this.#commit.oldestUnlandedAt();
    log("info", "alarm", {
      coordinator: this.ctx.id.name,
      overdue,
      purging,
      unlanded,
      oldestUnlandedMs: oldest === null ? null : now - oldest,
      aside,
    });
  }

  /** None for a row that can't be printed: it must not ground the others. */
  #groupRow(run: JournaledRun): GroupRow[] {
    try {
      return [{ id: run.id, version: run.version, text: toGroupRow(run) }];
    } catch (error) {
      log("error", "run_unprintable", { coordinator: this.ctx.id.name, run: run.id, error: String(error) });
      return [];
    }
  }

  async #land(rows: readonly string[]): Promise<string | null> {
    const registerAs = this.#registered ? null : this.#n;
    const bookmark = await landGroup(this.env.DB, this.#scope, rows, registerAs, Date.now());
    this.#registered = true;
    return bookmark;
  }

  #onTrouble(error: unknown, asideId: string | null): void {
    const now = Date.now();
    log("error", asideId === null ? "landing_failed" : "run_put_aside", {
      coordinator: this.ctx.id.name,
      run: asideId ?? undefined,
      unlanded: this.#commit.unlandedRows,
      aside: this.#commit.asideRows,
      failures: this.#commit.failures,
      error: String(error),
    });
    this.#alarms.setRepairAt(
      now + Math.min(REPAIR_LAST_MS, REPAIR_FIRST_MS * 2 ** Math.max(0, this.#commit.failures - 1)),
    );
    this.#arm(now);
  }

  /** While a resync is under way: makes the next batch unlanded, and stops after the last. */
  #resyncNext(): void {
    const after = this.#journal.mark("resync_after");
    // What D1 refuses for its content has no end, and must not hold this up.
    if (after === null || this.#commit.unlandedRows > this.#commit.asideRows) return;
    // First, for what D1 confirmed before it lost the rows would count as landed again.
    this.#writeConfirmed();
    const batch = this.#journal.unland(after, RESYNC_BATCH);
    this.#journal.setMark("resync_after", batch.at(-1)?.id ?? null);
    if (batch.length === 0) return;
    for (const entry of batch) this.#commit.changed(entry);
    const now = Date.now();
    this.#arm(now);
    this.#commit.start();
  }

  /** The run with a passed deadline applied, and that journalled. */
  #expired(run: JournaledRun, now: number): JournaledRun {
    const next = expire(run, now);
    if (next === run) return run;
    const changed = this.#withEnd(run, next, { key: `m:${crypto.randomUUID()}`, fingerprint: "deadline" });
    this.#write(changed, eventsBetween(run, changed), now);
    return changed;
  }

  #withEnd(before: JournaledRun, next: Run, change: ChangeKey): JournaledRun {
    return {
      ...before,
      ...next,
      changeKey: change.key,
      changeFingerprint: change.fingerprint,
      purgeAt: purgeAt(next, this.#retentionDays),
    };
  }

  /** The stretch that must hold no `await`: the change, what D1 confirmed meanwhile, the repair, the alarm. */
  #write(run: JournaledRun, events: readonly TimelineEvent[], now: number): void {
    const unlanded = this.#journal.write(run, events, now, this.#retentionDays);
    this.#writeConfirmed();
    this.#commit.changed(unlanded);
    this.#arm(now);
  }

  #writeConfirmed(): void {
    const confirmed = this.#commit.takeConfirmed();
    if (confirmed.size > 0) this.#journal.confirm(confirmed);
  }

  async #answer(run: JournaledRun, replayed: boolean): Promise<RunAnswer> {
    return toAnswer(run, replayed, await this.#commit.landed(run.id, run.version));
  }

  /** Armed in the very stretch that makes a row unlanded, so that its repair can't be forgotten. */
  #arm(now: number): void {
    if (this.#commit.unlandedRows > 0) this.#alarms.repairBy(now + REPAIR_MS);
    this.#alarms.arm(now, this.#retention.notBefore);
  }

  get #retentionDays(): number {
    return retentionDays(this.env);
  }
}
