/** The rules of group commit on what flies together, and on runs that D1 refuses. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { utf8Bytes } from "../../../src/http/limits.ts";
import { CONTENT, shore } from "./shore.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

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
