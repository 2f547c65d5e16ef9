/**
 * Tells webhook endpoints that runs have ended or lack approvals. Nothing is put into an outbox when that happens: the
 * journal is the log of these events, and the mark `told_seq` says how far they were told. So an event and its telling
 * can't get apart, and an environment without endpoints writes no row. The mark `notify` says that there may be endpoints.
 */

import { logFailure } from "../../base/log.ts";
import { DAY_MS, msSinceOrJustNow, msSinceOrLongAgo, within } from "../../base/time.ts";
import type { Journal } from "../journal/journal.ts";
import { type Endpoints, MATCHING_MAX_MS } from "../telling.ts";
import type { Messages } from "./messages.ts";
import type { Recoveries } from "./recoveries.ts";

/** How many runs one matching has. */
const MATCHED_RUNS = 50;
/** The alarm looks this long after it was first seen that something may be untold. An event starts the telling at once. */
const LOOK_AGAIN_MS = 30_000;
/** How long after its last step a telling counts as lost. */
const LOST_MS = 2 * MATCHING_MAX_MS;
/** How long the next try waits after one that failed: so many times longer with each, up to the second. */
const RETRY_FIRST_MS = 2000;
const RETRY_MAX_MS = 30_000;
/** For how long after the last PUT the marks stay although no endpoint was found. */
const NOTIFY_KEPT_MS = DAY_MS;

export class Telling {
  readonly #journal: Journal;
  readonly #messages: Messages;
  readonly #recoveries: Recoveries;
  readonly #endpoints: Endpoints;
  readonly #arm: (now: number) => void;
  /** Ahead of the mark while nothing to tell lies between. */
  #toldSeq: number;
  /** The number of the newest event; null if no walk has looked for events yet. Most open runs are nothing to tell of. */
  #newestEvent: number | null = null;
  /** Since when a telling is under way; null if none is. */
  #busySince: number | null = null;
  /** Whether a timer will start it. */
  #isPlanned = false;
  /** Counts the starts. A run that is not the newest changes nothing any more. */
  #runs = 0;
  /** When the alarm must look; null if nothing is untold, or if nobody has asked yet. */
  #lookAt: number | null = null;
  /** When the last try failed, and how long the next one waits; null if the last try succeeded. */
  #failed: { readonly at: number; readonly waitMs: number } | null = null;
  #failures = 0;

  constructor(
    journal: Journal,
    messages: Messages,
    recoveries: Recoveries,
    endpoints: Endpoints,
    arm: (now: number) => void,
  ) {
    this.#journal = journal;
    this.#messages = messages;
    this.#recoveries = recoveries;
    this.#endpoints = endpoints;
    this.#arm = arm;
    this.#toldSeq = Number(journal.marks.get("told_seq") ?? 0);
  }

  /** Notes that there may be endpoints from now on. Events before the first such call are not told. */
  notify(now: number): void {
    const { marks, sequence } = this.#journal;
    this.#journal.transaction(() => {
      if (!this.#isOn) {
        this.#toldSeq = sequence.last;
        marks.set("told_seq", String(sequence.last));
      }
      marks.set("notify", String(now));
    });
    this.start();
  }

  /**
   * Call this after each end, and after each version of a run that lacks approvals. Such a run can move past a walk, so
   * its creation alone is not enough.
   */
  eventHappened(): void {
    this.#newestEvent = this.#journal.sequence.last;
    this.startSoon();
  }

  /**
   * Starts the telling soon if something is untold. The answer to the caller that ended a run leaves first. Events
   * that come together are matched together.
   */
  startSoon(): void {
    if (this.#isPlanned || this.#busySince !== null || !this.#hasWork) return;
    this.#isPlanned = true;
    setTimeout(() => this.start(), 0);
  }

  /** Starts the telling now if something is untold and none is under way. The alarm calls it, in case nothing else did. */
  start(): void {
    this.#isPlanned = false;
    if (!this.#hasWork) return;
    const now = Date.now();
    if (this.#failed !== null && msSinceOrLongAgo(this.#failed.at, now) < this.#failed.waitMs) return;
    // A matching has a time limit. One that is still under way after it was lost by the platform.
    if (this.#busySince !== null && msSinceOrLongAgo(this.#busySince, now) < LOST_MS) return;
    this.#busySince = now;
    void this.#run(++this.#runs);
  }

  /** When the alarm must look; Infinity if nothing is untold. A telling under way has a time limit, and fails then. */
  nextAt(now: number): number {
    if (!this.#hasWork) this.#lookAt = null;
    else if (this.#busySince !== null) this.#lookAt = this.#busySince + LOST_MS;
    // After the clock stepped back, it is tried at once.
    else if (this.#failed !== null)
      this.#lookAt = this.#failed.at > now ? now : this.#failed.at + this.#failed.waitMs;
    else this.#lookAt ??= now + LOOK_AGAIN_MS;
    return this.#lookAt ?? Number.POSITIVE_INFINITY;
  }

  get #isOn(): boolean {
    return this.#journal.marks.get("notify") !== null;
  }

  get #isUntold(): boolean {
    return this.#isOn && this.#toldSeq < (this.#newestEvent ?? this.#journal.sequence.last);
  }

  get #hasWork(): boolean {
    return this.#isUntold || this.#recoveries.isAny;
  }

  async #run(run: number): Promise<void> {
    await null;
    // A walk that meets no event changes nothing, and a matching elsewhere wakes this object often.
    let mustArm = false;
    try {
      while (this.#hasWork && this.#runs === run) {
        // In turn, because in a busy environment there is always another event to tell.
        if (this.#isUntold) mustArm = (await this.#tellNext(run)) || mustArm;
        if (this.#recoveries.isAny) mustArm = true;
        await this.#recoveries.takeTurn();
        this.#busySince = Date.now();
        this.#failures = 0;
        this.#failed = null;
      }
    } catch (error) {
      logFailure("telling_failed", error, { coordinator: this.#journal.scope });
      const waitMs = Math.min(RETRY_FIRST_MS * 2 ** this.#failures++, RETRY_MAX_MS);
      this.#failed = { at: Date.now(), waitMs };
      mustArm = true;
    }
    if (this.#runs !== run) return;
    this.#busySince = null;
    if (mustArm) this.#arm(Date.now());
  }

  /** Tells the next events. False if there were none. Only the newest run moves `told_seq`. */
  async #tellNext(run: number): Promise<boolean> {
    const { marks, sequence, runsToTell, scope } = this.#journal;
    const notify = marks.get("notify");
    const upTo = sequence.last;
    const { runs, walkedTo } = runsToTell.after(this.#toldSeq, upTo, MATCHED_RUNS);
    if (walkedTo === upTo) this.#newestEvent ??= upTo;
    if (runs.length === 0) {
      this.#toldSeq = walkedTo;
      // Between two turns, others get theirs.
      if (walkedTo < upTo) await scheduler.wait(0);
      return false;
    }
    const { endpoints, matches } = await within(MATCHING_MAX_MS, this.#endpoints.match(scope, runs));
    if (this.#runs !== run) return false;
    const now = Date.now();
    const isOver =
      endpoints.length === 0 &&
      marks.get("notify") === notify &&
      msSinceOrJustNow(Number(notify), now) > NOTIFY_KEPT_MS;
    const begun = this.#journal.transaction(() => {
      const messages = this.#messages.insert(runs, matches, now);
      this.#journal.endpointHealth.eraseOthers(endpoints);
      this.#journal.recoveries.eraseOthers(endpoints);
      marks.set("told_seq", isOver ? null : String(walkedTo));
      if (isOver) marks.set("notify", null);
      return messages;
    });
    this.#toldSeq = walkedTo;
    this.#messages.launch(begun);
    return true;
  }
}
