/** The create decides a time in one transaction with its run. Until then it is tried again, for 15 minutes at most. */
import { newestTime, type WaitingSchedule } from "../../journal/schedule-rows.ts";
import { isOpen } from "../../run.ts";
import { retryKey, type ScheduleCalls, START_WITHIN_MS, type TimeOutcome } from "../../starts.ts";
import type { DueWork } from "../alarm.ts";
import { Part } from "../context.ts";
import { endOf, type Span } from "../leased-call.ts";

/** How many times one call of the Worker takes. The Worker starts six at once, and gives each 8 s. */
const BATCH_MAX = 25;
const CALL = { leaseMs: 60_000, retryFirstMs: 1000, retryMaxMs: 5000 };
const RETRY = { firstMs: 2000, maxMs: 30_000 };
const CHAIN_MAX = 10;

interface Try extends Span {
  readonly of: number;
  readonly failures: number;
}

export class Schedules extends Part implements DueWork {
  readonly #call = this.leasedCall(CALL, "schedules_failed");
  /** The last try of each time that is not decided. In memory only, so a new instance tries at once. */
  readonly #tries = new Map<string, Try>();

  readonly calls: ScheduleCalls = { lastTime: async (name) => this.journal.schedules.lastTime(name) };

  nextAt(now: number): number {
    const first = Math.min(...this.journal.schedules.waiting.map((row) => this.#triedAt(row, now)));
    return first === Number.POSITIVE_INFINITY ? first : Math.max(first, this.#call.nextAt(now));
  }

  takeBatch(now: number): number {
    if (this.#call.nextAt(now) > now) return 0;
    this.#skipMissed(now);
    const due = this.journal.schedules.waiting
      .filter((row) => this.#triedAt(row, now) <= now)
      // What failed before holds up nothing else.
      .sort((a, b) => this.#failuresOf(a) - this.#failuresOf(b) || a.nextAt - b.nextAt)
      .slice(0, BATCH_MAX);
    if (due.length === 0) return 0;
    for (const row of due) {
      const failures = this.#failuresOf(row);
      const ms = Math.min(RETRY.firstMs * 2 ** failures, RETRY.maxMs);
      this.#tries.set(row.name, { of: row.nextAt, failures: failures + 1, at: now, ms });
    }
    const times = due.map(({ name, nextAt: at, version, origin }) => ({ name, at, version, origin }));
    this.#call.start(now, async () => {
      await this.context.entrypoints.ScheduledStarts.start(this.journal.scope, times);
      return 0;
    });
    return due.length;
  }

  /** Null if the create must not make the run: the time is decided or is skipped just now, or the schedule is off. */
  toDecide(name: string, at: number, now: number) {
    const row = this.journal.schedules.of(name);
    if (row === null || row.nextAt !== at) return null;
    if (now - at >= START_WITHIN_MS || this.#isOpen(row.lastRunId, now)) {
      this.journal.transaction(() => this.journal.schedules.decide(row, at, "skipped", null));
      return null;
    }
    // To be called in the transaction that creates the run.
    return (outcome: TimeOutcome, runId: string) => this.journal.schedules.decide(row, at, outcome, runId);
  }

  /** Of the times that are due, only the newest is tried, and only for a while. A long outage is one step. */
  #skipMissed(now: number): void {
    const { schedules } = this.journal;
    for (const row of schedules.waiting) {
      if (row.nextAt > now) continue;
      const newest = newestTime(row, now);
      const isLate = now - newest >= START_WITHIN_MS;
      if (!isLate && newest === row.nextAt) continue;
      this.journal.transaction(() =>
        isLate ? schedules.decide(row, newest, "skipped", null) : schedules.skipTo(row, newest),
      );
    }
  }

  /** Whether the run, or an automatic retry of it, is open or planned. One that waits at a gate is open. */
  #isOpen(runId: string | null, now: number): boolean {
    const { ledger, journal } = this.context;
    let id = runId;
    for (let i = 0; i < CHAIN_MAX && id !== null; i++) {
      const run = ledger.current(id, now);
      if ((run !== null && isOpen(run)) || journal.plannedRetries.of(id) !== null) return true;
      id = journal.runs.byCreateKey(retryKey(id))?.id ?? null;
    }
    return false;
  }

  #triedAt(row: WaitingSchedule, now: number): number {
    const last = this.#tries.get(row.name);
    return last?.of === row.nextAt ? endOf(last, now) : row.nextAt;
  }

  #failuresOf({ name, nextAt }: WaitingSchedule): number {
    const last = this.#tries.get(name);
    return last?.of === nextAt ? last.failures : 0;
  }
}
