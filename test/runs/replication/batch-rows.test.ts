/** Group commit: which runs share a batch, and what happens to runs that D1 refuses. */

import { afterEach, beforeEach, expect, vi } from "vitest";
import { utf8Bytes } from "../../../src/base/limits.ts";
import { GROUP_MAX_BYTES, toGroupRow } from "../../../src/runs/d1/store.ts";
import { DAY_MS } from "../../support/direct.ts";
import { idAt, toJournaledRun } from "../../support/rows.ts";
import { CONTENT, itHeld, OUTAGE } from "./held-batches.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
/** Longer than any interval. */
const LONG_MS = 3000;

itHeld(
  "halves a group that D1 refuses until the culprit is alone, quarantines the culprit, and writes the rest",
  async ({ troubles, commit, batches, sent, write, isReplicated }) => {
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (const name of names) write(name, 1);
    await pass(0);
    const replicated: string[] = [];
    for (let n = 0; n < batches.length; n++) {
      const rows = batches[n]?.rows ?? [];
      if (rows.includes("f@1")) batches[n]?.fail(CONTENT);
      else {
        replicated.push(...rows);
        batches[n]?.succeed();
      }
      await pass(0);
    }
    expect(sent().map((rows) => rows.length)).toEqual([8, 4, 4, 2, 1, 1, 2]);
    expect(replicated.sort()).toEqual(names.filter((name) => name !== "f").map((name) => `${name}@1`));
    expect(names.filter((name) => !isReplicated(name))).toEqual(["f"]);
    expect([commit.pending.size, commit.quarantined.size]).toEqual([0, 1]);
    // That is no outage: changes go on to be written.
    write("i", 1);
    await pass(LONG_MS);
    expect(batches.at(-1)?.rows).toEqual(["i@1"]);
    expect(troubles()).toBe(1);
  },
);

itHeld("puts the whole batch back if D1 fails while a group is halved", async ({ commit, batch, sent, write }) => {
  for (const name of ["a", "b", "c", "d"]) write(name, 1);
  await pass(0);
  batch(0).fail(CONTENT);
  await pass(0);
  batch(1).succeed();
  await pass(0);
  batch(2).fail(OUTAGE);
  await pass(0);
  commit.writeNow();
  await pass(0);
  expect(sent()).toEqual([
    ["a@1", "b@1", "c@1", "d@1"],
    ["a@1", "b@1"],
    ["c@1", "d@1"],
    ["c@1", "d@1"],
  ]);
  expect([commit.pending.size, commit.quarantined.size]).toEqual([2, 0]);
});

itHeld(
  "retries a refused run after 5 s, then 10 s, and a newer version at once",
  async ({ commit, batches, batch, write, isReplicated }) => {
    write("a", 1);
    await pass(0);
    batch(0).fail(CONTENT);
    await pass(4999);
    commit.writeNow();
    await pass(0);
    expect(batches).toHaveLength(1);
    await pass(1);
    commit.writeNow();
    await pass(0);
    batch(1).fail(CONTENT);
    await pass(9999);
    commit.writeNow();
    await pass(0);
    expect(batches).toHaveLength(2);
    write("a", 2);
    await pass(0);
    expect(batch(2).rows).toEqual(["a@2"]);
    batch(2).succeed();
    await pass(0);
    expect([commit.quarantined.size, isReplicated("a")]).toEqual([0, true]);
  },
);

itHeld("delays no other run because of one that is quarantined", async ({ batch, write, isReplicated }) => {
  write("a", 1);
  await pass(0);
  batch(0).fail(CONTENT);
  await pass(0);
  write("b", 1);
  await pass(LONG_MS);
  expect(batch(1).rows).toEqual(["b@1"]);
  batch(1).succeed();
  await pass(0);
  expect([isReplicated("a"), isReplicated("b")]).toEqual([false, true]);
});

itHeld(
  "does not quarantine a run whose newer version waits, because that may pass",
  async ({ commit, batch, write }) => {
    write("a", 1);
    await pass(0);
    write("a", 2);
    batch(0).fail(CONTENT);
    await pass(LONG_MS);
    expect(commit.quarantined.size).toBe(0);
    expect(batch(1).rows).toEqual(["a@2"]);
  },
);

const text = (character: string, count: number) => JSON.stringify({ text: character.repeat(count) });

itHeld("cuts groups by the UTF-8 bytes of what is bound, not by characters", async ({ commit, batches, write }) => {
  for (let n = 0; n < 20; n++) write(`r${n}`, 1, text("€", 100_000));
  await pass(0);
  for (let n = 0; n < batches.length; n++) {
    expect(utf8Bytes(batches[n]?.text ?? "")).toBeLessThanOrEqual(GROUP_MAX_BYTES);
    batches[n]?.succeed();
    await pass(LONG_MS);
  }
  expect(commit.pending.size).toBe(0);
  // 300 KB each: three fit, and nine would fit by characters.
  expect(batches.map((f) => f.rows.length)).toEqual([3, 3, 3, 3, 3, 3, 2]);
});

itHeld("fills a group to the last byte", async ({ batch, write }) => {
  write("a", 1, parametersOf(500_000));
  write("b", 1, parametersOf(499_996));
  await pass(0);
  expect(utf8Bytes(batch(0).text)).toBe(GROUP_MAX_BYTES - 1);
});

itHeld("leaves out a run that is one byte too long", async ({ batch, write }) => {
  write("a", 1, parametersOf(500_000));
  write("b", 1, parametersOf(499_997));
  await pass(0);
  expect(batch(0).rows).toEqual(["a@1"]);
});

/** Makes a row of exactly so many bytes. Its characters have three each, so the journal's estimate is far below. */
function parametersOf(rowBytes: number): string {
  const row = { id: idAt(Date.now()), actionName: "a", deadlineAt: Date.now() + DAY_MS };
  const left = rowBytes - utf8Bytes(toGroupRow(toJournaledRun({ ...row, parameters: text("", 0) })));
  // The row holds its own number of bytes, which has more digits in a large row.
  const added = left - 3;
  return JSON.stringify({ text: "€".repeat(Math.floor(added / 3)) + "x".repeat(added % 3) });
}

itHeld("writes a run alone that is larger than a group", async ({ commit, batches, batch, write }) => {
  write("small", 1);
  write("large", 1, text("x", GROUP_MAX_BYTES));
  write("last", 1);
  await pass(0);
  batch(0).succeed();
  await pass(LONG_MS);
  expect(batch(1).rows).toEqual(["large@1"]);
  batch(1).succeed();
  await pass(LONG_MS);
  batch(2).succeed();
  await pass(LONG_MS);
  expect(batches).toHaveLength(3);
  expect(commit.pending.size).toBe(0);
});

itHeld("drops a run that the journal no longer holds", async ({ commit, journal, batches, write, idOf }) => {
  write("a", 1);
  for (const entry of journal.replicaIn(0).pending()) commit.changed(entry);
  journal.forget([idOf("a")]);
  await pass(0);
  await pass(LONG_MS);
  expect(batches).toHaveLength(0);
  expect([commit.pending.size, commit.pending.bytes]).toEqual([0, 0]);
});
