/** Faults that somebody could make at gates. Each replaces a method of ours, which only a test of the tests may do. */

import { vi } from "vitest";
import type { Holder } from "../../src/runs/admission.ts";
import { Deliveries } from "../../src/runs/coordinator/deliveries.ts";
import { Admitter } from "../../src/runs/coordinator/gates/admitter.ts";
import { Ledger } from "../../src/runs/coordinator/ledger.ts";
import { DeliveryRows } from "../../src/runs/journal/delivery-rows.ts";
import { PauseRows } from "../../src/runs/journal/pause-rows.ts";
import { RunRows } from "../../src/runs/journal/run-rows.ts";
import { SlotRows } from "../../src/runs/journal/slot-rows.ts";
import { isAtSlot } from "../../src/runs/run.ts";
import { FIRST_VERSION } from "./story/cast.ts";

const { holders, waiters, setLimit } = SlotRows.prototype;
const { hold } = Deliveries.prototype;
const { ended } = Admitter.prototype;
const { expired, update } = Ledger.prototype;

export const FAULTS = {
  "slots are remembered, and not queried": () => {
    const remembered = new Map<string, Holder[]>();
    vi.spyOn(SlotRows.prototype, "holders").mockImplementation(function (this: SlotRows, slot) {
      const name = `${slot.group}/${slot.key}`;
      const known = remembered.get(name) ?? holders.call(this, slot);
      remembered.set(name, known);
      return known;
    });
    vi.spyOn(Admitter.prototype, "ended").mockImplementation(function (this: Admitter, run, now) {
      remembered.clear();
      ended.call(this, run, now);
    });
  },
  "waiters are in the order of a clock": () => {
    vi.spyOn(SlotRows.prototype, "waiters").mockImplementation(function (this: SlotRows, slot) {
      return waiters.call(this, slot).sort((a, b) => (a.id < b.id ? -1 : 1));
    });
  },
  "a release that fails makes the end fail that led to it": () => {
    const failures: unknown[] = [];
    vi.spyOn(Ledger.prototype, "update").mockImplementation(function (this: Ledger, ...args) {
      try {
        return update.apply(this, args);
      } catch (error) {
        if (args[2].type === "released") failures.push(error);
        throw error;
      }
    });
    vi.spyOn(Admitter.prototype, "ended").mockImplementation(function (this: Admitter, run, now) {
      ended.call(this, run, now);
      for (const failure of failures.splice(0)) throw failure;
    });
  },
  "waiters are forgotten when the object dies": () => {
    vi.spyOn(SlotRows.prototype, "awaited").mockReturnValue([]);
  },
  "an ended run holds no slot while its attempt is under way": () => {
    vi.spyOn(DeliveryRows.prototype, "leaseOf").mockReturnValue(null);
  },
  "an ended run keeps its slot": () => {
    vi.spyOn(RunRows.prototype, "freeSlot").mockReturnValue();
  },
  "a pause is not looked at": () => {
    vi.spyOn(PauseRows.prototype, "of").mockReturnValue(null);
  },
  "the end of a pause sets no alarm": () => {
    vi.spyOn(PauseRows.prototype, "nextEndAt").mockReturnValue(Number.POSITIVE_INFINITY);
  },
  "the limit of a stale version counts": () => {
    let version = FIRST_VERSION + 1000;
    vi.spyOn(SlotRows.prototype, "setLimit").mockImplementation(function (
      this: SlotRows,
      group,
      name,
      _,
      limit,
      now,
    ) {
      return setLimit.call(this, group, name, ++version, limit, now);
    });
  },
  "the limits of holders do not count": () => {
    vi.spyOn(SlotRows.prototype, "holders").mockImplementation(function (this: SlotRows, slot) {
      return holders.call(this, slot).map((holder) => ({ ...holder, limit: Number.POSITIVE_INFINITY }));
    });
  },
  "a waiter is released although its time is up": () => {
    vi.spyOn(Ledger.prototype, "expired").mockImplementation(function (this: Ledger, run, now) {
      return isAtSlot(run) ? run : expired.call(this, run, now);
    });
  },
  "a waiter overtakes": () => {
    vi.spyOn(SlotRows.prototype, "waiters").mockImplementation(function (this: SlotRows, slot) {
      return waiters.call(this, slot).reverse();
    });
  },
  "an attempt leaves before its run is released": () => {
    vi.spyOn(Deliveries.prototype, "hold").mockImplementation(function (this: Deliveries, run, trigger, now) {
      return { ...hold.call(this, run, trigger, now), nextAt: now };
    });
  },
  "a time gate opens early": () => {
    vi.spyOn(Ledger.prototype, "expired").mockImplementation(function (this: Ledger, run, now) {
      return expired.call(this, run, run.waitingFor === "time" ? now + 15_000 : now);
    });
  },
  "nobody is released after an end": () => {
    vi.spyOn(Admitter.prototype, "ended").mockReturnValue();
  },
} as const satisfies Readonly<Record<string, () => void>>;

export type FaultName = keyof typeof FAULTS;
