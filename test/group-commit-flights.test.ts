/** The rules of group commit, on the class itself: a journal and a D1 made by hand, and the clock turned by hand. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { utf8Bytes } from "../src/http/limits.ts";
import { FLIGHT_MAX_MS, GroupCommit, WAIT_MAX_MS } from "../src/runs/group-commit.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const CONTENT = "CHECK constraint failed";
const OUTAGE = "Network connection lost";

/** A shore to land on: flights stay up until the test ends them. */
function shore(groupMaxBytes = 1_000_000) {
  const journal = new Map<string, { version: number; text: string }>();
  const flights: { rows: string[]; land: (bookmark?: string) => void; fail: (why: string) => void }[] = [];
  const troubles: string[] = [];
  const commit = new GroupCommit(
    {
      groupMaxBytes,
      readRows: (ids) =>
        ids.flatMap((id) => {
          const row = journal.get(id);
          return row === undefined ? [] : [{ id, ...row }];
        }),
      land: (rows) =>
        new Promise((resolve, reject) => {
          flights.push({
            rows: [...rows],
            land: (bookmark = "b") => resolve(bookmark),
            fail: (why) => reject(new Error(why)),
          });
        }),
      isRefusedForContent: (error) => String(error).includes(CONTENT),
      onTrouble: (error) => troubles.push(String(error)),
      onLanded: () => {},
    },
    [],
  );
  /** Journals a version, as the coordinator does before it asks for a landing. */
  const write = (id: string, version: number, text = `${id}@${version}`) => {
    journal.set(id, { version, text });
    commit.changed({ id, version, bytes: text.length, changedAt: Date.now() });
  };
  /** What a caller of this version has been told, once it is known. */
  const wait = (id: string, version: number) => {
    const told: { bookmark?: string | null } = {};
    void commit.landed(id, version).then((bookmark) => {
      told.bookmark = bookmark;
    });
    return told;
  };
  const flight = (n: number) => {
    const found = flights[n];
    if (found === undefined) throw new Error(`there is no flight ${n}`);
    return found;
  };
  return { commit, journal, flights, flight, troubles, write, wait };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

it("sends one flight at a time, and callers that arrive meanwhile share the next", async () => {
  const { flights, flight, write, wait } = shore();
  write("a", 1);
  const first = wait("a", 1);
  write("b", 1);
  write("c", 1);
  const others = [wait("b", 1), wait("c", 1)];
  expect(flights.map((f) => f.rows)).toEqual([["a@1"]]);
  flight(0).land("b1");
  await settle();
  expect(first).toEqual({ bookmark: "b1" });
  expect(flight(1).rows).toEqual(["b@1", "c@1"]);
  flight(1).land("b2");
  await settle();
  expect(others).toEqual([{ bookmark: "b2" }, { bookmark: "b2" }]);
  expect(flights).toHaveLength(2);
});

it("lands a newer version, written while a flight was up, after the next flight failed", async () => {
  const { commit, flights, flight, troubles, write, wait } = shore();
  write("a", 1);
  const told1 = wait("a", 1);
  write("a", 2);
  const told2 = wait("a", 2);
  flight(0).land();
  await settle();
  expect(told1).toEqual({ bookmark: "b" });
  expect(told2).toEqual({});
  expect(commit.unlandedRows).toBe(1);
  flight(1).fail(OUTAGE);
  await settle();
  expect(told2).toEqual({ bookmark: null });
  expect(troubles).toHaveLength(1);
  expect(commit.unlandedRows).toBe(1);
  commit.start();
  expect(flight(2).rows).toEqual(["a@2"]);
  flight(2).land();
  await settle();
  expect(commit.unlandedRows).toBe(0);
  expect(flights).toHaveLength(3);
});

it("confirms with the highest version that landed, whichever flight comes back last", async () => {
  const { commit, flight, write, wait } = shore();
  write("a", 1);
  wait("a", 1);
  await vi.advanceTimersByTimeAsync(FLIGHT_MAX_MS);
  write("a", 2);
  commit.start();
  expect(flight(1).rows).toEqual(["a@2"]);
  flight(1).land();
  await settle();
  flight(0).land();
  await settle();
  expect(commit.takeConfirmed()).toEqual(new Map([["a", 2]]));
  expect(commit.takeConfirmed().size).toBe(0);
});

it("does not take a late flight's older version for the newer one", async () => {
  const { commit, flight, write, wait } = shore();
  write("a", 1);
  wait("a", 1);
  await vi.advanceTimersByTimeAsync(FLIGHT_MAX_MS);
  write("a", 2);
  flight(0).land();
  await settle();
  expect(commit.unlandedRows).toBe(1);
  expect(commit.takeConfirmed()).toEqual(new Map([["a", 1]]));
});

it("keeps a caller waiting for at most 2 s, and lands the row all the same", async () => {
  const { commit, flight, write, wait } = shore();
  write("a", 1);
  const told = wait("a", 1);
  await vi.advanceTimersByTimeAsync(WAIT_MAX_MS - 1);
  expect(told).toEqual({});
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual({ bookmark: null });
  expect(WAIT_MAX_MS).toBe(2000);
  flight(0).land();
  await settle();
  expect(commit.unlandedRows).toBe(0);
});

it("keeps nobody waiting after a failed flight, until one has succeeded", async () => {
  const { commit, flights, flight, write, wait } = shore();
  write("a", 1);
  const waiting = wait("a", 1);
  flight(0).fail(OUTAGE);
  await settle();
  expect(waiting).toEqual({ bookmark: null });
  write("b", 1);
  const during = wait("b", 1);
  await settle();
  expect(during).toEqual({ bookmark: null });
  expect(flights).toHaveLength(1);
  commit.start();
  flight(1).land();
  await settle();
  write("c", 1);
  const after = wait("c", 1);
  await settle();
  expect(after).toEqual({});
  flight(2).land("b3");
  await settle();
  expect(after).toEqual({ bookmark: "b3" });
});

it("gives up a flight that hangs after 10 s, and has no third up before the first is forgotten", async () => {
  const { commit, flights, flight, troubles, write, wait } = shore();
  expect(FLIGHT_MAX_MS).toBe(10_000);
  write("a", 1);
  wait("a", 1);
  await vi.advanceTimersByTimeAsync(FLIGHT_MAX_MS - 1);
  commit.start();
  expect(flights).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(troubles).toHaveLength(1);
  commit.start();
  expect(flights).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(FLIGHT_MAX_MS - 1);
  commit.start();
  expect(flights).toHaveLength(2);
  // The first is forgotten at last, so that the repair goes on though D1 answers neither.
  await vi.advanceTimersByTimeAsync(1);
  commit.start();
  expect(flights).toHaveLength(3);
  expect(commit.unlandedRows).toBe(1);
  flight(2).land();
  await settle();
  expect(commit.unlandedRows).toBe(0);
});

it("halves a group that D1 refuses until the culprit is alone, puts that aside, and lands the rest", async () => {
  const { commit, flights, troubles, write, wait } = shore();
  const ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
  for (const id of ids) write(id, 1);
  const told = ids.map((id) => wait(id, 1));
  const landed: string[] = [];
  for (let n = 0; n < flights.length; n++) {
    const rows = flights[n]?.rows ?? [];
    if (rows.includes("f@1")) flights[n]?.fail(CONTENT);
    else {
      landed.push(...rows);
      flights[n]?.land();
    }
    await settle();
  }
  expect(landed.sort()).toEqual(ids.filter((id) => id !== "f").map((id) => `${id}@1`));
  expect(told.every(({ bookmark }) => bookmark !== undefined)).toBe(true);
  expect(told[5]).toEqual({ bookmark: null });
  expect(commit).toMatchObject({ unlandedRows: 1, asideRows: 1, failures: 0 });
  expect(troubles).toHaveLength(1);
});

it("tries a refused run again after 5 s, then 10 s, and a newer version of it at once", async () => {
  const { commit, flights, flight, write, wait } = shore();
  write("a", 1);
  wait("a", 1);
  flight(0).fail(CONTENT);
  await vi.advanceTimersByTimeAsync(4999);
  commit.start();
  await settle();
  expect(flights).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  commit.start();
  await settle();
  flight(1).fail(CONTENT);
  await vi.advanceTimersByTimeAsync(9999);
  commit.start();
  await settle();
  expect(flights).toHaveLength(2);
  write("a", 2);
  wait("a", 2);
  await settle();
  expect(flight(2).rows).toEqual(["a@2"]);
});

it("holds up nobody for a run that was put aside", async () => {
  const { flight, write, wait } = shore();
  write("a", 1);
  wait("a", 1);
  flight(0).fail(CONTENT);
  await settle();
  write("b", 1);
  const told = wait("b", 1);
  expect(flight(1).rows).toEqual(["b@1"]);
  flight(1).land("b1");
  await settle();
  expect(told).toEqual({ bookmark: "b1" });
});

it("cuts groups by the UTF-8 bytes of what is bound, not by characters", async () => {
  const max = 1000;
  const { commit, flights, write } = shore(max);
  for (let n = 0; n < 20; n++) write(`r${n}`, 1, "€".repeat(100));
  commit.start();
  for (let n = 0; n < flights.length; n++) {
    expect(utf8Bytes(`[${flights[n]?.rows.join(",")}]`)).toBeLessThanOrEqual(max);
    flights[n]?.land();
    await settle();
  }
  expect(commit.unlandedRows).toBe(0);
  // 300 bytes each: three fit, where by characters nine would have.
  expect(flights.map((f) => f.rows.length)).toEqual([3, 3, 3, 3, 3, 3, 2]);
});

it("fills a group to the last byte", async () => {
  const { commit, flight, write } = shore(21);
  write("a", 1, "x".repeat(9));
  write("b", 1, "x".repeat(8));
  write("c", 1, "x");
  commit.start();
  expect(`[${flight(0).rows.join(",")}]`).toHaveLength(20);
});

it("lands a run alone that is larger than a group", async () => {
  const { commit, flights, flight, write } = shore(100);
  write("small", 1);
  write("large", 1, "x".repeat(150));
  write("last", 1);
  commit.start();
  flight(0).land();
  await settle();
  expect(flight(1).rows).toEqual(["x".repeat(150)]);
  flight(1).land();
  await settle();
  flight(2).land();
  await settle();
  expect(flights).toHaveLength(3);
  expect(commit.unlandedRows).toBe(0);
});

it("drops a run that the journal no longer holds", async () => {
  const { commit, journal, flights, write } = shore();
  write("a", 1);
  journal.delete("a");
  commit.start();
  await settle();
  expect(flights).toHaveLength(0);
  expect(commit).toMatchObject({ unlandedRows: 0, unlandedBytes: 0 });
});
