/** Group commit: which runs share a flight, and what happens to runs that D1 refuses. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { utf8Bytes } from "../../../src/http/limits.ts";
import { GROUP_MAX_BYTES, toGroupRow } from "../../../src/runs/d1/store.ts";
import { DAY_MS } from "../../support/direct.ts";
import { idAt, toJournaledRun } from "../../support/rows.ts";
import { CONTENT, onShore } from "./shore.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

it(
  "halves a group that D1 refuses until the culprit is alone, puts the culprit aside, and lands the rest",
  onShore(async ({ troubles, commit, flights, write, wait }) => {
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
    expect([commit.unlanded.size, commit.aside.size]).toEqual([1, 1]);
    // Landings go on, so a later caller waits for one again.
    write("i", 1);
    expect(wait("i", 1)).toEqual({});
    await settle();
    expect(flights.at(-1)?.rows).toEqual(["i@1"]);
    expect(troubles()).toBe(1);
  }),
);

it(
  "retries a refused run after 5 s, then 10 s, and a newer version at once",
  onShore(async ({ commit, flights, flight, write, wait }) => {
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
  }),
);

it(
  "delays no other run because of one that was put aside",
  onShore(async ({ flight, write, wait }) => {
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
  }),
);

const text = (character: string, count: number) => JSON.stringify({ text: character.repeat(count) });

it(
  "cuts groups by the UTF-8 bytes of what is bound, not by characters",
  onShore(async ({ commit, flights, write }) => {
    for (let n = 0; n < 20; n++) write(`r${n}`, 1, text("€", 100_000));
    commit.start();
    for (let n = 0; n < flights.length; n++) {
      expect(utf8Bytes(flights[n]?.text ?? "")).toBeLessThanOrEqual(GROUP_MAX_BYTES);
      flights[n]?.land();
      await settle();
    }
    expect(commit.unlanded.size).toBe(0);
    // 300 KB each: three fit, and nine would fit by characters.
    expect(flights.map((f) => f.rows.length)).toEqual([3, 3, 3, 3, 3, 3, 2]);
  }),
);

it(
  "fills a group to the last byte",
  onShore(async ({ commit, flight, write }) => {
    write("a", 1, parametersOf(500_000));
    write("b", 1, parametersOf(499_996));
    commit.start();
    expect(utf8Bytes(flight(0).text)).toBe(GROUP_MAX_BYTES - 1);
  }),
);

it(
  "leaves out a run that is one byte too long",
  onShore(async ({ commit, flight, write }) => {
    write("a", 1, parametersOf(500_000));
    write("b", 1, parametersOf(499_997));
    commit.start();
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
  onShore(async ({ commit, flights, flight, write }) => {
    write("small", 1);
    write("large", 1, text("x", GROUP_MAX_BYTES));
    write("last", 1);
    commit.start();
    flight(0).land();
    await settle();
    expect(flight(1).rows).toEqual(["large@1"]);
    flight(1).land();
    await settle();
    flight(2).land();
    await settle();
    expect(flights).toHaveLength(3);
    expect(commit.unlanded.size).toBe(0);
  }),
);

it(
  "drops a run that the journal no longer holds",
  onShore(async ({ commit, journal, flights, write, idOf }) => {
    write("a", 1);
    for (const entry of journal.landing.unlanded()) commit.changed(entry);
    journal.forget([idOf("a")]);
    commit.start();
    await settle();
    expect(flights).toHaveLength(0);
    expect([commit.unlanded.size, commit.unlanded.bytes]).toEqual([0, 0]);
  }),
);
