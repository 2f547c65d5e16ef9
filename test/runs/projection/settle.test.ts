/**
 * `settle` waits for exactly what D1 lacked when it was called, never long, and says whether D1 has it. With a fake
 * clock.
 */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FLIGHT_MAX_MS } from "../../../src/runs/projection/flights.ts";
import { SETTLE_MAX_MS } from "../../../src/runs/projection/group-commit.ts";
import { PAUSE_MIN_MS } from "../../../src/runs/projection/pace.ts";
import { CONTENT, OUTAGE, withHeldFlights } from "./held-flights.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const NOT_YET = {};

describe("it waits for", () => {
  it(
    "nothing if everything has landed, and says what covers it",
    withHeldFlights(async ({ flight, flown, write, settle }) => {
      write("a", 1);
      await pass(0);
      flight(0).land("b1");
      await pass(0);
      const told = settle();
      await pass(0);
      expect(told).toEqual({ isBehind: false, lacksRefused: false, bookmark: "0:b1" });
      expect(flown()).toHaveLength(1);
    }),
  );

  it(
    "what is on a flight, and not for what changes after the call",
    withHeldFlights(async ({ flight, flown, write, settle }) => {
      write("a", 1);
      await pass(0);
      const told = settle();
      write("b", 1);
      await pass(1000);
      expect(told).toEqual(NOT_YET);
      flight(0).land("b1");
      await pass(0);
      expect(told).toEqual({ isBehind: false, lacksRefused: false, bookmark: "0:b1" });
      expect(flown()).toEqual([["a@1"], ["b@1"]]);
    }),
  );

  it(
    "the flight after that, if something changed during the one that is up",
    withHeldFlights(async ({ flight, flown, write, settle }) => {
      write("a", 1);
      await pass(0);
      write("b", 1);
      const told = settle();
      flight(0).land("b1");
      await pass(PAUSE_MIN_MS);
      expect(told).toEqual(NOT_YET);
      expect(flown()).toEqual([["a@1"], ["b@1"]]);
      flight(1).land("b2");
      await pass(0);
      expect(told).toEqual({ isBehind: false, lacksRefused: false, bookmark: "0:b2" });
    }),
  );

  it(
    "the first version of a run alone, if the run changes again during that version's flight",
    withHeldFlights(async ({ flight, write, settle }) => {
      write("a", 1);
      await pass(0);
      const first = settle();
      write("a", 2);
      const second = settle();
      flight(0).land("b1");
      await pass(0);
      expect([first, second]).toEqual([{ isBehind: false, lacksRefused: false, bookmark: "0:b1" }, NOT_YET]);
      await pass(PAUSE_MIN_MS);
      flight(1).land("b2");
      await pass(0);
      expect(second).toEqual({ isBehind: false, lacksRefused: false, bookmark: "0:b2" });
    }),
  );

  it(
    "whichever version lands first, if the run changes again before it boards",
    withHeldFlights(async ({ flight, flown, write, settle }) => {
      write("a", 1);
      const told = settle();
      write("a", 2);
      write("b", 1);
      await pass(0);
      expect(flown()).toEqual([["a@2", "b@1"]]);
      flight(0).land("b1");
      await pass(0);
      expect(told).toEqual({ isBehind: false, lacksRefused: false, bookmark: "0:b1" });
    }),
  );

  it(
    "all groups of what it takes several flights to land",
    withHeldFlights(async ({ flight, write, settle }) => {
      const parameters = JSON.stringify({ text: "x".repeat(400_000) });
      for (const name of ["a", "b", "c"]) write(name, 1, parameters);
      const told = settle();
      await pass(0);
      flight(0).land("b1");
      await pass(PAUSE_MIN_MS);
      expect(told).toEqual(NOT_YET);
      flight(1).land("b2");
      await pass(0);
      expect(told).toEqual({ isBehind: false, lacksRefused: false, bookmark: "0:b2" });
    }),
  );

  it(
    "no run that D1 refused and that was put aside",
    withHeldFlights(async ({ commit, flight, flown, write, settle }) => {
      write("a", 1);
      await pass(0);
      const during = settle();
      flight(0).fail(CONTENT);
      await pass(0);
      expect(commit.aside.size).toBe(1);
      const after = settle();
      await pass(0);
      expect([during, after]).toEqual([
        { isBehind: false, lacksRefused: true, bookmark: null },
        { isBehind: false, lacksRefused: true, bookmark: null },
      ]);
      // Also while it is tried again.
      await pass(5000);
      commit.start("repair");
      await pass(0);
      expect(flown()).toEqual([["a@1"], ["a@1"]]);
      const again = settle();
      await pass(0);
      expect(again).toEqual({ isBehind: false, lacksRefused: true, bookmark: null });
    }),
  );

  it(
    "no batch of a resync, whether it waits or is on a flight",
    withHeldFlights(async ({ commit, journal, flight, flown, write, settle }) => {
      for (const name of ["a", "b"]) write(name, 1);
      await pass(0);
      flight(0).land("b1");
      await pass(1000);
      commit.landAgain(journal.landingIn(0).between("", "g", 1000));
      const waiting = settle();
      await pass(0);
      expect(flown().map((rows) => rows.sort())).toEqual([
        ["a@1", "b@1"],
        ["a@1", "b@1"],
      ]);
      const flying = settle();
      await pass(0);
      expect([waiting, flying]).toEqual([
        { isBehind: false, lacksRefused: false, bookmark: "0:b1" },
        { isBehind: false, lacksRefused: false, bookmark: "0:b1" },
      ]);
    }),
  );
});

describe("flights", () => {
  it(
    "are shared by all who call",
    withHeldFlights(async ({ flight, flown, write, settle }) => {
      write("a", 1);
      await pass(0);
      flight(0).land("b1");
      await pass(1);
      write("b", 1);
      const told = [settle(), settle()];
      await pass(2);
      told.push(settle());
      await pass(2);
      expect(flown()).toEqual([["a@1"], ["b@1"]]);
      told.push(settle());
      flight(1).land("b2");
      await pass(0);
      expect(told).toEqual(
        Array.from({ length: 4 }, () => ({ isBehind: false, lacksRefused: false, bookmark: "0:b2" })),
      );
      await pass(1000);
      expect(flown()).toHaveLength(2);
    }),
  );

  it(
    "leave as soon as none is up, because a list waits",
    withHeldFlights(async ({ flight, flown, write, settle }) => {
      write("a", 1);
      await pass(0);
      write("b", 1);
      settle();
      await pass(10);
      expect(flown()).toHaveLength(1);
      flight(0).land();
      await pass(0);
      expect(flown()).toHaveLength(2);
    }),
  );

  it(
    "start at most once a second while D1 fails",
    withHeldFlights(async ({ flight, flown, write, settle }) => {
      write("a", 1);
      await pass(0);
      flight(0).fail(OUTAGE);
      await pass(0);
      for (let second = 1; second <= 3; second++) {
        for (const ms of [0, 500, 499]) {
          await pass(ms);
          const told = settle();
          await pass(0);
          expect(told).toEqual({ isBehind: true, lacksRefused: false, bookmark: null });
        }
        expect(flown()).toHaveLength(second);
        await pass(1);
        const [one, other] = [settle(), settle()];
        await pass(0);
        expect([one, other]).toEqual([NOT_YET, NOT_YET]);
        expect(flown()).toHaveLength(second + 1);
        flight(second).fail(OUTAGE);
        await pass(0);
        expect([one, other]).toEqual([
          { isBehind: true, lacksRefused: false, bookmark: null },
          { isBehind: true, lacksRefused: false, bookmark: null },
        ]);
      }
      await pass(1000);
      const told = settle();
      await pass(0);
      flight(4).land("b1");
      await pass(0);
      expect(told).toEqual({ isBehind: false, lacksRefused: false, bookmark: "0:b1" });
    }),
  );
});

describe("it says that D1 is behind", () => {
  it(
    "as soon as the flight fails",
    withHeldFlights(async ({ flight, write, settle }) => {
      write("a", 1);
      await pass(0);
      const told = settle();
      await pass(300);
      flight(0).fail(OUTAGE);
      await pass(0);
      expect(told).toEqual({ isBehind: true, lacksRefused: false, bookmark: null });
    }),
  );

  it(
    "while a change is missing, even if a run on the same failed flight landed again and changed later",
    withHeldFlights(async ({ commit, flight, flown, write, settle }) => {
      for (const name of ["a", "b"]) write(name, 1);
      await pass(0);
      // D1 refuses a alone.
      flight(0).fail(CONTENT);
      await pass(0);
      flight(1).fail(CONTENT);
      await pass(0);
      flight(2).land("b1");
      await pass(5000);
      commit.start("repair");
      await pass(0);
      expect(flown().slice(1)).toEqual([["a@1"], ["b@1"], ["a@1"]]);
      write("b", 2);
      const told = settle();
      write("a", 2);
      flight(3).fail(OUTAGE);
      await pass(0);
      expect(told).toEqual({ isBehind: true, lacksRefused: false, bookmark: "0:b1" });
    }),
  );

  it(
    "after 2 s while a flight hangs",
    withHeldFlights(async ({ write, settle }) => {
      expect(SETTLE_MAX_MS).toBe(2000);
      write("a", 1);
      await pass(0);
      const first = settle();
      await pass(700);
      const second = settle();
      await pass(1299);
      expect([first, second]).toEqual([NOT_YET, NOT_YET]);
      await pass(1);
      expect([first, second]).toEqual([{ isBehind: true, lacksRefused: false, bookmark: null }, NOT_YET]);
      await pass(700);
      expect(second).toEqual({ isBehind: true, lacksRefused: false, bookmark: null });
      expect(vi.getTimerCount()).toBe(1);
    }),
  );

  it(
    "as soon as the flight that it waits for is given up",
    withHeldFlights(async ({ write, settle }) => {
      write("a", 1);
      await pass(FLIGHT_MAX_MS - 500);
      const told = settle();
      await pass(499);
      expect(told).toEqual(NOT_YET);
      await pass(1);
      expect(told).toEqual({ isBehind: true, lacksRefused: false, bookmark: null });
    }),
  );

  it(
    "at once while two flights are given up, and then nothing leaves",
    withHeldFlights(async ({ commit, flight, flown, write, settle }) => {
      // The first flight is given up, and its place is not given back in time.
      const { setTimeout } = globalThis;
      let timers = 0;
      const late = (go: () => void, ms: number) =>
        ms === FLIGHT_MAX_MS && ++timers === 2 ? 0 : setTimeout(go, ms);
      // Not a spy: `vi.restoreAllMocks()` of a later file would bring back the fake clock that it replaced.
      globalThis.setTimeout = late as typeof setTimeout;
      write("a", 1);
      await pass(FLIGHT_MAX_MS);
      commit.start("repair");
      await pass(FLIGHT_MAX_MS + 5000);
      globalThis.setTimeout = setTimeout;
      expect(flown()).toHaveLength(2);
      const told = settle();
      await Promise.resolve();
      for (const reason of ["change", "list", "repair"] as const) commit.start(reason);
      await pass(0);
      expect(told).toEqual({ isBehind: true, lacksRefused: false, bookmark: null });
      expect(flown()).toHaveLength(2);
      flight(0).land("b1");
      await pass(0);
      const landed = settle();
      await pass(0);
      expect(landed).toEqual({ isBehind: false, lacksRefused: false, bookmark: "0:b1" });
    }),
  );
});

describe("its bookmark", () => {
  it(
    "is the greatest that D1 gave, those of flights that came late included",
    withHeldFlights(async ({ commit, flight, write, settle }) => {
      write("a", 1);
      await pass(FLIGHT_MAX_MS);
      commit.start("repair");
      await pass(0);
      flight(1).land("bookmark-2");
      await pass(0);
      const before = settle();
      flight(0).land("bookmark-3");
      await pass(0);
      const after = settle();
      await pass(0);
      expect([before.bookmark, after.bookmark]).toEqual(["0:bookmark-2", "0:bookmark-3"]);
      write("b", 1);
      await pass(PAUSE_MIN_MS);
      flight(2).land("bookmark-1");
      await pass(0);
      const last = settle();
      await pass(0);
      expect(last).toEqual({ isBehind: false, lacksRefused: false, bookmark: "0:bookmark-3" });
    }),
  );

  it(
    "is told as well when D1 is behind",
    withHeldFlights(async ({ flight, write, settle }) => {
      write("a", 1);
      await pass(0);
      flight(0).land("b1");
      await pass(1000);
      write("b", 1);
      await pass(0);
      const told = settle();
      flight(1).fail(OUTAGE);
      await pass(0);
      expect(told).toEqual({ isBehind: true, lacksRefused: false, bookmark: "0:b1" });
    }),
  );

  it(
    "is null in a fresh instance that has landed nothing yet",
    withHeldFlights(async ({ commit, evict, flight, write }) => {
      write("a", 1);
      await pass(0);
      flight(0).land("b1");
      await pass(0);
      commit.noteLanded();
      expect(await evict().commit.settle()).toEqual({ isBehind: false, lacksRefused: false, bookmark: null });
    }),
  );
});
