/** Group commit: which runs share a flight, and what happens to runs that D1 refuses. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { utf8Bytes } from "../../../src/base/limits.ts";
import { GROUP_MAX_BYTES, toGroupRow } from "../../../src/runs/d1/store.ts";
import { DAY_MS } from "../../support/direct.ts";
import { idAt, toJournaledRun } from "../../support/rows.ts";
import { CONTENT, OUTAGE, withHeldFlights } from "./held-flights.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
/** Longer than any pause. */
const LONG_MS = 3000;

it(
  "halves a group that D1 refuses until the culprit is alone, puts the culprit aside, and lands the rest",
  withHeldFlights(async ({ troubles, commit, flights, flown, write, hasLanded }) => {
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (const name of names) write(name, 1);
    await pass(0);
    const landed: string[] = [];
    for (let n = 0; n < flights.length; n++) {
      const rows = flights[n]?.rows ?? [];
      if (rows.includes("f@1")) flights[n]?.fail(CONTENT);
      else {
        landed.push(...rows);
        flights[n]?.land();
      }
      await pass(0);
    }
    expect(flown().map((rows) => rows.length)).toEqual([8, 4, 4, 2, 1, 1, 2]);
    expect(landed.sort()).toEqual(names.filter((name) => name !== "f").map((name) => `${name}@1`));
    expect(names.filter((name) => !hasLanded(name))).toEqual(["f"]);
    expect([commit.unlanded.size, commit.aside.size]).toEqual([0, 1]);
    // That is no outage: changes go on to fly.
    write("i", 1);
    await pass(LONG_MS);
    expect(flights.at(-1)?.rows).toEqual(["i@1"]);
    expect(troubles()).toBe(1);
  }),
);

it(
  "puts the whole flight back if D1 fails while a group is halved",
  withHeldFlights(async ({ commit, flight, flown, write }) => {
    for (const name of ["a", "b", "c", "d"]) write(name, 1);
    await pass(0);
    flight(0).fail(CONTENT);
    await pass(0);
    flight(1).land();
    await pass(0);
    flight(2).fail(OUTAGE);
    await pass(0);
    commit.landNow();
    await pass(0);
    expect(flown()).toEqual([
      ["a@1", "b@1", "c@1", "d@1"],
      ["a@1", "b@1"],
      ["c@1", "d@1"],
      ["c@1", "d@1"],
    ]);
    expect([commit.unlanded.size, commit.aside.size]).toEqual([2, 0]);
  }),
);

it(
  "retries a refused run after 5 s, then 10 s, and a newer version at once",
  withHeldFlights(async ({ commit, flights, flight, write, hasLanded }) => {
    write("a", 1);
    await pass(0);
    flight(0).fail(CONTENT);
    await pass(4999);
    commit.landNow();
    await pass(0);
    expect(flights).toHaveLength(1);
    await pass(1);
    commit.landNow();
    await pass(0);
    flight(1).fail(CONTENT);
    await pass(9999);
    commit.landNow();
    await pass(0);
    expect(flights).toHaveLength(2);
    write("a", 2);
    await pass(0);
    expect(flight(2).rows).toEqual(["a@2"]);
    flight(2).land();
    await pass(0);
    expect([commit.aside.size, hasLanded("a")]).toEqual([0, true]);
  }),
);

it(
  "delays no other run because of one that was put aside",
  withHeldFlights(async ({ flight, write, hasLanded }) => {
    write("a", 1);
    await pass(0);
    flight(0).fail(CONTENT);
    await pass(0);
    write("b", 1);
    await pass(LONG_MS);
    expect(flight(1).rows).toEqual(["b@1"]);
    flight(1).land();
    await pass(0);
    expect([hasLanded("a"), hasLanded("b")]).toEqual([false, true]);
  }),
);

it(
  "does not put a run aside whose newer version waits, because that may pass",
  withHeldFlights(async ({ commit, flight, write }) => {
    write("a", 1);
    await pass(0);
    write("a", 2);
    flight(0).fail(CONTENT);
    await pass(LONG_MS);
    expect(commit.aside.size).toBe(0);
    expect(flight(1).rows).toEqual(["a@2"]);
  }),
);

const text = (character: string, count: number) => JSON.stringify({ text: character.repeat(count) });

it(
  "cuts groups by the UTF-8 bytes of what is bound, not by characters",
  withHeldFlights(async ({ commit, flights, write }) => {
    for (let n = 0; n < 20; n++) write(`r${n}`, 1, text("€", 100_000));
    await pass(0);
    for (let n = 0; n < flights.length; n++) {
      expect(utf8Bytes(flights[n]?.text ?? "")).toBeLessThanOrEqual(GROUP_MAX_BYTES);
      flights[n]?.land();
      await pass(LONG_MS);
    }
    expect(commit.unlanded.size).toBe(0);
    // 300 KB each: three fit, and nine would fit by characters.
    expect(flights.map((f) => f.rows.length)).toEqual([3, 3, 3, 3, 3, 3, 2]);
  }),
);

it(
  "fills a group to the last byte",
  withHeldFlights(async ({ flight, write }) => {
    write("a", 1, parametersOf(500_000));
    write("b", 1, parametersOf(499_996));
    await pass(0);
    expect(utf8Bytes(flight(0).text)).toBe(GROUP_MAX_BYTES - 1);
  }),
);

it(
  "leaves out a run that is one byte too long",
  withHeldFlights(async ({ flight, write }) => {
    write("a", 1, parametersOf(500_000));
    write("b", 1, parametersOf(499_997));
    await pass(0);
    expect(flight(0).rows).toEqual(["a@1"]);
  }),
);

/** Makes a row of exactly so many bytes. Its characters have three each, so the journal's estimate is far below. */
function parametersOf(rowBytes: number): string {
  const row = { id: idAt(Date.now()), actionName: "a", deadlineAt: Date.now() + DAY_MS };
  const left = rowBytes - utf8Bytes(toGroupRow(toJournaledRun({ ...row, parameters: text("", 0) })));
  // The row holds its own number of bytes, which has more digits in a large row.
  const added = left - 3;
  return JSON.stringify({ text: "€".repeat(Math.floor(added / 3)) + "x".repeat(added % 3) });
}

it(
  "lands a run alone that is larger than a group",
  withHeldFlights(async ({ commit, flights, flight, write }) => {
    write("small", 1);
    write("large", 1, text("x", GROUP_MAX_BYTES));
    write("last", 1);
    await pass(0);
    flight(0).land();
    await pass(LONG_MS);
    expect(flight(1).rows).toEqual(["large@1"]);
    flight(1).land();
    await pass(LONG_MS);
    flight(2).land();
    await pass(LONG_MS);
    expect(flights).toHaveLength(3);
    expect(commit.unlanded.size).toBe(0);
  }),
);

it(
  "drops a run that the journal no longer holds",
  withHeldFlights(async ({ commit, journal, flights, write, idOf }) => {
    write("a", 1);
    for (const entry of journal.landingIn(0).unlanded()) commit.changed(entry);
    journal.forget([idOf("a")]);
    await pass(0);
    await pass(LONG_MS);
    expect(flights).toHaveLength(0);
    expect([commit.unlanded.size, commit.unlanded.bytes]).toEqual([0, 0]);
  }),
);
