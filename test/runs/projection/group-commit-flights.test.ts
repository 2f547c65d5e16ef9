/** Group commit: when flights leave, and what each carries. With a fake clock. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { GROUP_MAX_BYTES } from "../../../src/runs/d1/store.ts";
import { FLIGHT_MAX_MS } from "../../../src/runs/projection/flights.ts";
import { PAUSE_MIN_MS } from "../../../src/runs/projection/pace.ts";
import { OUTAGE, withHeldFlights } from "./held-flights.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe("a flight", () => {
  it(
    "leaves after one that failed, although the repair could not be set for sooner",
    withHeldFlights(async ({ commit, flight, flown, storage, write }) => {
      write("a", 1);
      await pass(0);
      storage.sql.exec("CREATE TRIGGER full BEFORE INSERT ON marks BEGIN SELECT RAISE(FAIL, 'full'); END");
      flight(0).fail(OUTAGE);
      await pass(0);
      storage.sql.exec("DROP TRIGGER full");
      commit.start("repair");
      await pass(0);
      expect(flown()).toEqual([["a@1"], ["a@1"]]);
    }),
  );

  it(
    "leaves at once if the coordinator is idle, and takes along all that the same stretch changes",
    withHeldFlights(async ({ flown, write }) => {
      write("a", 1);
      write("b", 1);
      expect(flown()).toEqual([]);
      await Promise.resolve();
      expect(flown()).toEqual([["a@1", "b@1"]]);
    }),
  );

  it(
    "leaves at most every 50 ms under load, with everything that changed meanwhile",
    withHeldFlights(async ({ flight, flown, write }) => {
      expect(PAUSE_MIN_MS).toBe(50);
      write("a", 1);
      await pass(0);
      flight(0).land();
      for (const [ms, name] of [
        [10, "b"],
        [20, "c"],
        [19, "d"],
      ] as const) {
        await pass(ms);
        write(name, 1);
      }
      await pass(0);
      expect(flown()).toEqual([["a@1"]]);
      await pass(1);
      expect(flown()).toEqual([["a@1"], ["b@1", "c@1", "d@1"]]);
      flight(1).land();
      write("e", 1);
      await pass(49);
      expect(flown()).toHaveLength(2);
      await pass(1);
      expect(flown()).toHaveLength(3);
    }),
  );

  it(
    "leaves later if D1 has become slower",
    withHeldFlights(async ({ flight, flown, write }) => {
      write("a", 1);
      await pass(0);
      flight(0).land();
      await pass(1000);
      write("b", 1);
      await pass(80);
      flight(1).land();
      await pass(0);
      // An eighth of 80 ms counts, and each ms is worth 50 ms of pause.
      write("c", 1);
      await pass(419);
      expect(flown()).toHaveLength(2);
      await pass(1);
      expect(flown()).toHaveLength(3);
    }),
  );

  it(
    "leaves 50 ms after the last as soon as it is full, however slow D1 is",
    withHeldFlights(async ({ flight, flown, write }) => {
      write("a", 1);
      await pass(0);
      flight(0).land();
      await pass(1000);
      write("b", 1);
      await pass(1000);
      flight(1).land();
      await pass(0);
      write("c", 1);
      await pass(100);
      expect(flown()).toHaveLength(2);
      write("large", 1, JSON.stringify({ text: "x".repeat(GROUP_MAX_BYTES) }));
      await pass(0);
      expect(flown()).toHaveLength(3);
    }),
  );

  it(
    "leaves no later because earlier ones failed, however long that took",
    withHeldFlights(async ({ commit, flight, flown, write }) => {
      write("a", 1);
      await pass(0);
      flight(0).land();
      write("b", 1);
      for (let n = 1; n <= 3; n++) {
        commit.start("repair");
        await pass(9000);
        flight(n).fail(OUTAGE);
        await pass(0);
      }
      commit.start("repair");
      await pass(0);
      flight(4).land();
      await pass(1);
      write("c", 1);
      await pass(PAUSE_MIN_MS - 2);
      expect(flown()).toHaveLength(5);
      await pass(1);
      expect(flown()).toHaveLength(6);
    }),
  );

  it(
    "is the only one that is up, and what changes during it flies when it has landed",
    withHeldFlights(async ({ flight, flown, write, bookmarkOf }) => {
      write("a", 1);
      await pass(0);
      write("b", 1);
      write("c", 1);
      await pass(5000);
      expect(flown()).toEqual([["a@1"]]);
      flight(0).land("b1");
      await pass(0);
      expect([bookmarkOf("a"), bookmarkOf("b")]).toEqual(["b1", null]);
      expect(flown()).toEqual([["a@1"], ["b@1", "c@1"]]);
      flight(1).land("b2");
      await pass(5000);
      expect([bookmarkOf("a"), bookmarkOf("b"), bookmarkOf("c")]).toEqual(["b2", "b2", "b2"]);
      expect(flown()).toHaveLength(2);
    }),
  );

  it(
    "carries a run once that changed twice within one pause",
    withHeldFlights(async ({ flight, flown, write, commit }) => {
      write("a", 1);
      await pass(0);
      flight(0).land();
      await pass(10);
      write("b", 1);
      write("a", 2);
      await pass(10);
      write("b", 2);
      await pass(30);
      expect(flown()).toEqual([["a@1"], ["b@2", "a@2"]]);
      flight(1).land();
      await pass(1000);
      expect(flown()).toHaveLength(2);
      expect(commit.unlanded.size).toBe(0);
    }),
  );
});

describe("a flight that failed", () => {
  it(
    "goes back in front, with the newest version of each run",
    withHeldFlights(async ({ commit, flight, flown, write, troubles, bookmarkOf }) => {
      write("a", 1);
      write("b", 1);
      await pass(0);
      write("c", 1);
      write("b", 2);
      flight(0).fail(OUTAGE);
      await pass(0);
      expect(troubles()).toBe(1);
      expect(commit.unlanded.size).toBe(3);
      write("d", 1);
      commit.start("repair");
      await pass(0);
      expect(flown()).toEqual([
        ["a@1", "b@1"],
        ["a@1", "b@2", "c@1", "d@1"],
      ]);
      flight(1).land("b1");
      await pass(0);
      expect([commit.unlanded.size, bookmarkOf("b")]).toEqual([0, "b1"]);
    }),
  );

  it(
    "is followed by no flight for a change, until a repair has landed one",
    withHeldFlights(async ({ commit, flight, flown, write }) => {
      write("a", 1);
      await pass(0);
      flight(0).fail(OUTAGE);
      await pass(0);
      for (const name of ["b", "c", "d"]) {
        write(name, 1);
        await pass(2000);
      }
      expect(flown()).toHaveLength(1);
      commit.start("repair");
      await pass(0);
      flight(1).fail(OUTAGE);
      await pass(0);
      commit.start("repair");
      await pass(0);
      flight(2).land();
      await pass(0);
      write("e", 1);
      await pass(PAUSE_MIN_MS);
      expect(flown().slice(1)).toEqual([["a@1", "b@1", "c@1", "d@1"], ["a@1", "b@1", "c@1", "d@1"], ["e@1"]]);
    }),
  );

  it(
    "is repeated by a repair at once, whatever the pause",
    withHeldFlights(async ({ commit, flight, flown, write }) => {
      write("a", 1);
      await pass(0);
      flight(0).fail(OUTAGE);
      await pass(1);
      commit.start("repair");
      await pass(0);
      expect(flown()).toHaveLength(2);
    }),
  );

  it(
    "lands a newer version that was written during the one before",
    withHeldFlights(async ({ troubles, commit, flight, flown, write, bookmarkOf }) => {
      write("a", 1);
      await pass(0);
      write("a", 2);
      flight(0).land();
      await pass(PAUSE_MIN_MS);
      expect([commit.unlanded.size, bookmarkOf("a")]).toEqual([1, null]);
      flight(1).fail(OUTAGE);
      await pass(0);
      expect([troubles(), commit.unlanded.size, bookmarkOf("a")]).toEqual([1, 1, null]);
      commit.start("repair");
      await pass(0);
      expect(flight(2).rows).toEqual(["a@2"]);
      flight(2).land("b2");
      await pass(0);
      expect([commit.unlanded.size, bookmarkOf("a")]).toEqual([0, "b2"]);
      expect(flown()).toHaveLength(3);
    }),
  );
});

it(
  "a repair leaves before a departure that is set, and replaces it",
  withHeldFlights(async ({ commit, flight, flown, write }) => {
    write("a", 1);
    await pass(0);
    flight(0).land();
    await pass(1);
    write("b", 1);
    await pass(1);
    commit.start("repair");
    await pass(0);
    expect(flown()).toEqual([["a@1"], ["b@1"]]);
    flight(1).land();
    await pass(1000);
    expect(flown()).toHaveLength(2);
  }),
);

describe("a flight that was given up", () => {
  it(
    "counts as landed when it lands late, and its runs do not fly again",
    withHeldFlights(async ({ commit, flight, flown, write, bookmarkOf }) => {
      write("a", 1);
      await pass(FLIGHT_MAX_MS);
      expect([commit.unlanded.size, bookmarkOf("a")]).toEqual([1, null]);
      flight(0).land("late");
      await pass(0);
      expect([commit.unlanded.size, commit.unlanded.bytes, bookmarkOf("a")]).toEqual([0, 0, "late"]);
      commit.start("repair");
      await pass(0);
      expect(flown()).toHaveLength(1);
    }),
  );

  it(
    "does not take a newer version along when it lands late",
    withHeldFlights(async ({ commit, flight, write, bookmarkOf }) => {
      write("a", 1);
      await pass(FLIGHT_MAX_MS);
      write("a", 2);
      flight(0).land();
      await pass(0);
      expect([commit.unlanded.size, bookmarkOf("a")]).toEqual([1, null]);
      commit.start("repair");
      await pass(0);
      expect(flight(1).rows).toEqual(["a@2"]);
    }),
  );

  it(
    "makes nothing unlanded again when it lands after the newer version did",
    withHeldFlights(async ({ commit, flight, write, bookmarkOf }) => {
      write("a", 1);
      await pass(FLIGHT_MAX_MS);
      write("a", 2);
      commit.start("repair");
      await pass(0);
      flight(1).land("b2");
      await pass(0);
      flight(0).land("b1");
      await pass(0);
      expect([commit.unlanded.size, bookmarkOf("a")]).toEqual([0, "b2"]);
    }),
  );

  it(
    "never lowers the bookmark, and raises it if it landed last",
    withHeldFlights(async ({ commit, flight, write, bookmarkOf }) => {
      write("a", 1);
      await pass(FLIGHT_MAX_MS);
      write("b", 1);
      commit.start("repair");
      await pass(0);
      flight(1).land("bookmark-2");
      await pass(0);
      flight(0).land("bookmark-1");
      await pass(0);
      expect([bookmarkOf("a"), bookmarkOf("b")]).toEqual(["bookmark-2", "bookmark-2"]);
      write("a", 2);
      await pass(PAUSE_MIN_MS + FLIGHT_MAX_MS);
      commit.start("repair");
      await pass(0);
      flight(3).land("bookmark-3");
      await pass(0);
      flight(2).land("bookmark-4");
      await pass(0);
      expect([bookmarkOf("a"), bookmarkOf("b")]).toEqual(["bookmark-4", "bookmark-4"]);
    }),
  );

  it(
    "is given up after 10 s, and while two are, none leaves",
    withHeldFlights(async ({ troubles, commit, flight, flown, write }) => {
      expect(FLIGHT_MAX_MS).toBe(10_000);
      let asked = 0;
      const ask = async () => {
        write(`asked-${asked++}`, 1);
        for (const reason of ["change", "list", "repair"] as const) commit.start(reason);
        await pass(0);
      };
      write("a", 1);
      await pass(FLIGHT_MAX_MS - 1);
      await ask();
      expect(flown()).toHaveLength(1);
      await pass(1);
      expect(troubles()).toBe(1);
      await ask();
      expect(flown()).toHaveLength(2);
      await pass(FLIGHT_MAX_MS - 1);
      await ask();
      expect(flown()).toHaveLength(2);
      // The second is given up and the first no longer counted, so that the repair goes on though D1 answers neither.
      await pass(1);
      await ask();
      expect(flown()).toHaveLength(3);
      await ask();
      expect(flown()).toHaveLength(3);
      flight(2).land();
      await pass(0);
      commit.start("list");
      await pass(5);
      flight(3).land();
      await pass(0);
      expect(commit.unlanded.size).toBe(0);
    }),
  );

  it(
    "makes room for another as soon as it comes back",
    withHeldFlights(async ({ commit, flight, flown, write }) => {
      write("a", 1);
      await pass(FLIGHT_MAX_MS);
      commit.start("repair");
      await pass(4000);
      flight(1).fail(OUTAGE);
      await pass(0);
      commit.start("repair");
      await pass(4000);
      // Two are up: the first, which was given up, and the third.
      commit.start("repair");
      await pass(0);
      expect(flown()).toHaveLength(3);
      flight(2).fail(OUTAGE);
      await pass(0);
      commit.start("repair");
      await pass(0);
      expect(flown()).toHaveLength(4);
    }),
  );
});
