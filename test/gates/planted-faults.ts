/** Faults that somebody could make at gates. Each replaces a method of ours, which only a test of the tests may do. */

import { vi } from "vitest";
import { ApproverCheck } from "../../src/runs/coordinator/gates/approver-check.ts";
import { Scheduler } from "../../src/runs/coordinator/gates/scheduler.ts";
import { Ledger } from "../../src/runs/coordinator/ledger.ts";
import { Dispatches } from "../../src/runs/coordinator/sending/dispatches.ts";
import { ConcurrencyQueueRows, PauseRows } from "../../src/runs/journal/concurrency-rows.ts";
import { DispatchRows, StopRequestRows } from "../../src/runs/journal/dispatch-rows.ts";
import { Journal } from "../../src/runs/journal/journal.ts";
import { RunRows } from "../../src/runs/journal/run-rows.ts";
import { isQueued } from "../../src/runs/run.ts";
import type { RunningInQueue } from "../../src/runs/scheduling.ts";

const { running, queued } = ConcurrencyQueueRows.prototype;
const { hold } = Dispatches.prototype;
const { attemptsOf } = DispatchRows.prototype;
const { update } = Journal.prototype;
const { inForce } = PauseRows.prototype;
const { ended } = Scheduler.prototype;
const { expired } = Ledger.prototype;
const { start } = ApproverCheck.prototype;

export const FAULTS = {
  "who is running is remembered, and not queried": () => {
    const remembered = new Map<string, RunningInQueue[]>();
    vi.spyOn(ConcurrencyQueueRows.prototype, "running").mockImplementation(function (
      this: ConcurrencyQueueRows,
      queue,
    ) {
      const name = `${queue.group}/${queue.key}`;
      const known = remembered.get(name) ?? running.call(this, queue);
      remembered.set(name, known);
      return known;
    });
    vi.spyOn(Scheduler.prototype, "ended").mockImplementation(function (this: Scheduler, run, now) {
      remembered.clear();
      ended.call(this, run, now);
    });
  },
  "queued runs are in the order of a clock": () => {
    vi.spyOn(ConcurrencyQueueRows.prototype, "queued").mockImplementation(function (this: ConcurrencyQueueRows, queue) {
      return queued.call(this, queue).sort((a, b) => (a.id < b.id ? -1 : 1));
    });
  },
  "queued runs are forgotten when the object dies": () => {
    vi.spyOn(ConcurrencyQueueRows.prototype, "withQueued").mockReturnValue([]);
  },
  "an ended run leaves its queue while its attempt is under way": () => {
    vi.spyOn(DispatchRows.prototype, "attemptsOf").mockReturnValue({ leaseUntil: null, isUnsure: false });
  },
  "a job that was accepted has no time to stop": () => {
    vi.spyOn(DispatchRows.prototype, "attemptsOf").mockImplementation(function (this: DispatchRows, id) {
      return attemptsOf.call(this, id) ?? { leaseUntil: null, isUnsure: false };
    });
  },
  "a stop request is not planned": () => {
    vi.spyOn(StopRequestRows.prototype, "plan").mockReturnValue();
  },
  "the alarm of a version is set after the version": () => {
    vi.spyOn(Journal.prototype, "update").mockImplementation(function (
      this: Journal,
      run,
      details,
      now,
      followUps = [],
    ) {
      const written = update.call(this, run, details, now);
      for (const followUp of followUps) followUp.record(written, now);
      return written;
    });
  },
  "an ended run never leaves its queue": () => {
    vi.spyOn(RunRows.prototype, "setOccupancy").mockReturnValue();
  },
  "a pause is not looked at": () => {
    vi.spyOn(PauseRows.prototype, "inForce").mockReturnValue([]);
  },
  "a planned pause does not begin": () => {
    vi.spyOn(PauseRows.prototype, "inForce").mockImplementation(function (this: PauseRows, group, now) {
      return inForce.call(this, group, now).filter(({ isPlanned }) => !isPlanned);
    });
  },
  "a run that is let through is forgotten": () => {
    vi.spyOn(ConcurrencyQueueRows.prototype, "queued").mockImplementation(function (this: ConcurrencyQueueRows, queue) {
      return queued.call(this, queue).map((run) => ({ ...run, passed: [] }));
    });
  },
  "the end of a pause sets no alarm": () => {
    vi.spyOn(PauseRows.prototype, "nextEndAt").mockReturnValue(Number.POSITIVE_INFINITY);
  },
  "the limit of a stale version counts": () => {
    vi.spyOn(ConcurrencyQueueRows.prototype, "knowsLimit").mockReturnValue(false);
  },
  "the limits of those that are running do not count": () => {
    vi.spyOn(ConcurrencyQueueRows.prototype, "running").mockImplementation(function (
      this: ConcurrencyQueueRows,
      queue,
    ) {
      return running.call(this, queue).map((run) => ({ ...run, limit: Number.POSITIVE_INFINITY }));
    });
  },
  "a queued run is released although its time is up": () => {
    vi.spyOn(Ledger.prototype, "expired").mockImplementation(function (this: Ledger, run, now) {
      return isQueued(run) ? run : expired.call(this, run, now);
    });
  },
  "a queued run overtakes": () => {
    vi.spyOn(ConcurrencyQueueRows.prototype, "queued").mockImplementation(function (this: ConcurrencyQueueRows, queue) {
      return queued.call(this, queue).reverse();
    });
  },
  "an attempt leaves before its run is released": () => {
    vi.spyOn(Dispatches.prototype, "hold").mockImplementation(function (this: Dispatches, run, trigger, now) {
      return { ...hold.call(this, run, trigger, now), nextAt: now };
    });
  },
  "a time gate opens early": () => {
    vi.spyOn(Ledger.prototype, "expired").mockImplementation(function (this: Ledger, run, now) {
      return expired.call(this, run, run.waitingFor === "time" ? now + 15_000 : now);
    });
  },
  "approvals of revoked tokens count": () => {
    vi.spyOn(ApproverCheck.prototype, "revokedOf").mockReturnValue([]);
  },
  "D1 is not asked before a release": () => {
    vi.spyOn(ApproverCheck.prototype, "isUnchecked").mockReturnValue(false);
  },
  "an answer of D1 counts for ever": () => {
    const known = new WeakSet<ApproverCheck>();
    const { isUnchecked } = ApproverCheck.prototype;
    vi.spyOn(ApproverCheck.prototype, "isUnchecked").mockImplementation(function (this: ApproverCheck, approvals) {
      const isOpen = isUnchecked.call(this, approvals);
      if (!isOpen && approvals.length > 0) known.add(this);
      return isOpen && !known.has(this);
    });
  },
  "D1 is asked once, and never again": () => {
    const asked = new WeakSet<ApproverCheck>();
    vi.spyOn(ApproverCheck.prototype, "start").mockImplementation(function (this: ApproverCheck, ids, now) {
      if (ids.length > 0 && asked.has(this)) return;
      if (ids.length > 0) asked.add(this);
      start.call(this, ids, now);
    });
  },
  "nobody is released after an end": () => {
    vi.spyOn(Scheduler.prototype, "ended").mockReturnValue();
  },
} as const satisfies Readonly<Record<string, () => void>>;

export type FaultName = keyof typeof FAULTS;
