/** Group commit: when flights leave, and what each carries. With a fake clock. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { GROUP_MAX_BYTES } from "../../../src/runs/d1/store.ts";
import { FLIGHT_MAX_MS } from "../../../src/runs/projection/flights.ts";
import { PAUSE_MIN_MS, PAUSE_MS } from "../../../src/runs/projection/group-commit.ts";
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
      commit.landNow();
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
    "leaves at most once in a second, with everything that changed meanwhile, and at once after a second",
    withHeldFlights(async ({ flight, flown, write }) => {
      expect(PAUSE_MS).toBe(1000);
      write("a", 1);
      await pass(0);
      flight(0).land();
      for (const [ms, name] of [
        [200, "b"],
        [400, "c"],
        [399, "d"],
      ] as const) {
        await pass(ms);
        write(name, 1);
      }
      await pass(0);
      expect(flown()).toEqual([["a@1"]]);
      await pass(1);
      expect(flown()).toEqual([["a@1"], ["b@1", "c@1", "d@1"]]);
      await pass(700);
      flight(1).land();
      await pass(300);
      write("e", 1);
      await pass(0);
      expect(flown()).toHaveLength(3);
    }),
  );

  it(
    "has a pause that differs by 20 %, so that coordinators do not fly together",
    withHeldFlights(async ({ flight, flown, write }) => {
      for (const [n, random] of [0, 1].entries()) {
        vi.mocked(Math.random).mockReturnValue(random);
        write(`first-${n}`, 1);
        await pass(0);
        flight(2 * n).land();
        write(`second-${n}`, 1);
        await pass(PAUSE_MS * (0.8 + 0.4 * random) - 1);
        expect(flown()).toHaveLength(2 * n + 1);
        await pass(1);
        expect(flown()).toHaveLength(2 * n + 2);
        flight(2 * n + 1).land();
        await pass(2 * PAUSE_MS);
      }
    }),
  );

  it.each([
    ["it is full", { parameters: JSON.stringify({ text: "x".repeat(GROUP_MAX_BYTES) }), isUrgent: false }],
    ["a change is urgent", { parameters: "{}", isUrgent: true }],
  ])("leaves 50 ms after the last one as soon as %s, also if that was during the last one", async (_what, run) => {
    await withHeldFlights(async ({ flight, flown, write }) => {
      expect(PAUSE_MIN_MS).toBe(50);
      const { parameters, isUrgent } = run;
      write("a", 1);
      await pass(0);
      flight(0).land();
      await pass(1);
      write("b", 1);
      await pass(10);
      write("c", 1, parameters, { isUrgent });
      await pass(PAUSE_MIN_MS - 12);
      expect(flown()).toHaveLength(1);
      await pass(1);
      expect(flown()).toHaveLength(2);
      write("d", 1, parameters, { isUrgent });
      await pass(20);
      flight(1).land();
      await pass(PAUSE_MIN_MS - 20);
      expect(flown()).toHaveLength(3);
    })();
  });

  it(
    "leaves a second after one that had an urgent change",
    withHeldFlights(async ({ flight, flown, write }) => {
      write("a", 1, "{}", { isUrgent: true });
      await pass(0);
      flight(0).land();
      write("b", 1);
      await pass(PAUSE_MS - 1);
      expect(flown()).toHaveLength(1);
      await pass(1);
      expect(flown()).toHaveLength(2);
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
        commit.landNow();
        await pass(9000);
        flight(n).fail(OUTAGE);
        await pass(0);
      }
      commit.landNow();
      await pass(0);
      flight(4).land();
      await pass(1);
      write("c", 1);
      await pass(PAUSE_MS - 2);
      expect(flown()).toHaveLength(5);
      await pass(1);
      expect(flown()).toHaveLength(6);
    }),
  );

  it(
    "is the only one that is up, and what changes during it flies when it has landed",
    withHeldFlights(async ({ flight, flown, write, hasLanded }) => {
      write("a", 1);
      await pass(0);
      write("b", 1);
      write("c", 1);
      await pass(5000);
      expect(flown()).toEqual([["a@1"]]);
      flight(0).land();
      await pass(0);
      expect([hasLanded("a"), hasLanded("b")]).toEqual([true, false]);
      expect(flown()).toEqual([["a@1"], ["b@1", "c@1"]]);
      flight(1).land();
      await pass(5000);
      expect(["a", "b", "c"].filter((name) => !hasLanded(name))).toEqual([]);
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
      await pass(PAUSE_MS - 20);
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
    withHeldFlights(async ({ commit, flight, flown, write, troubles, hasLanded }) => {
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
      commit.landNow();
      await pass(0);
      expect(flown()).toEqual([
        ["a@1", "b@1"],
        ["a@1", "b@2", "c@1", "d@1"],
      ]);
      flight(1).land();
      await pass(0);
      expect([commit.unlanded.size, hasLanded("b")]).toEqual([0, true]);
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
      commit.landNow();
      await pass(0);
      flight(1).fail(OUTAGE);
      await pass(0);
      commit.landNow();
      await pass(0);
      flight(2).land();
      await pass(0);
      write("e", 1);
      await pass(PAUSE_MS);
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
      commit.landNow();
      await pass(0);
      expect(flown()).toHaveLength(2);
    }),
  );

  it(
    "lands a newer version that was written during the one before",
    withHeldFlights(async ({ troubles, commit, flight, flown, write, hasLanded }) => {
      write("a", 1);
      await pass(0);
      write("a", 2);
      flight(0).land();
      await pass(PAUSE_MS);
      expect([commit.unlanded.size, hasLanded("a")]).toEqual([1, false]);
      flight(1).fail(OUTAGE);
      await pass(0);
      expect([troubles(), commit.unlanded.size, hasLanded("a")]).toEqual([1, 1, false]);
      commit.landNow();
      await pass(0);
      expect(flight(2).rows).toEqual(["a@2"]);
      flight(2).land();
      await pass(0);
      expect([commit.unlanded.size, hasLanded("a")]).toEqual([0, true]);
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
    commit.landNow();
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
    withHeldFlights(async ({ commit, flight, flown, write, hasLanded }) => {
      write("a", 1);
      await pass(FLIGHT_MAX_MS);
      expect([commit.unlanded.size, hasLanded("a")]).toEqual([1, false]);
      flight(0).land();
      await pass(0);
      expect([commit.unlanded.size, commit.unlanded.bytes, hasLanded("a")]).toEqual([0, 0, true]);
      commit.landNow();
      await pass(0);
      expect(flown()).toHaveLength(1);
    }),
  );

  it(
    "does not take a newer version along when it lands late",
    withHeldFlights(async ({ commit, flight, write, hasLanded }) => {
      write("a", 1);
      await pass(FLIGHT_MAX_MS);
      write("a", 2);
      flight(0).land();
      await pass(0);
      expect([commit.unlanded.size, hasLanded("a")]).toEqual([1, false]);
      commit.landNow();
      await pass(0);
      expect(flight(1).rows).toEqual(["a@2"]);
    }),
  );

  it(
    "makes nothing unlanded again when it lands after the newer version did",
    withHeldFlights(async ({ commit, flight, write, hasLanded }) => {
      write("a", 1);
      await pass(FLIGHT_MAX_MS);
      write("a", 2);
      commit.landNow();
      await pass(0);
      flight(1).land();
      await pass(0);
      flight(0).land();
      await pass(0);
      expect([commit.unlanded.size, hasLanded("a")]).toEqual([0, true]);
    }),
  );

  it(
    "is given up after 10 s, and while two are, none leaves",
    withHeldFlights(async ({ troubles, commit, flight, flown, write }) => {
      expect(FLIGHT_MAX_MS).toBe(10_000);
      let asked = 0;
      const ask = async () => {
        write(`asked-${asked++}`, 1);
        commit.landNow();
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
      commit.landNow();
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
      commit.landNow();
      await pass(4000);
      flight(1).fail(OUTAGE);
      await pass(0);
      commit.landNow();
      await pass(4000);
      // Two are up: the first, which was given up, and the third.
      commit.landNow();
      await pass(0);
      expect(flown()).toHaveLength(3);
      flight(2).fail(OUTAGE);
      await pass(0);
      commit.landNow();
      await pass(0);
      expect(flown()).toHaveLength(4);
    }),
  );
});
