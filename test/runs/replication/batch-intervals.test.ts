/** Group commit: when batches start, and what each has. With a fake clock. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { GROUP_MAX_BYTES } from "../../../src/runs/d1/store.ts";
import { BATCH_MAX_MS, INTERVAL_MIN_MS, INTERVAL_MS } from "../../../src/runs/replication/batch-writer.ts";

import { itHeld, OUTAGE, withHeldBatches } from "./held-batches.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe("a batch", () => {
  itHeld(
    "starts after one that failed, although the retry could not be set for sooner",
    async ({ commit, batch, sent, storage, write }) => {
      write("a", 1);
      await pass(0);
      storage.sql.exec("CREATE TRIGGER full BEFORE INSERT ON metadata BEGIN SELECT RAISE(FAIL, 'full'); END");
      batch(0).fail(OUTAGE);
      await pass(0);
      storage.sql.exec("DROP TRIGGER full");
      commit.writeNow();
      await pass(0);
      expect(sent()).toEqual([["a@1"], ["a@1"]]);
    },
  );

  itHeld(
    "starts at once if the coordinator is idle, and takes along all that the same critical section changes",
    async ({ sent, write }) => {
      write("a", 1);
      write("b", 1);
      expect(sent()).toEqual([]);
      await Promise.resolve();
      expect(sent()).toEqual([["a@1", "b@1"]]);
    },
  );

  itHeld(
    "starts at most once in a second, with everything that changed meanwhile, and at once after a second",
    async ({ batch, sent, write }) => {
      expect(INTERVAL_MS).toBe(1000);
      write("a", 1);
      await pass(0);
      batch(0).succeed();
      for (const [ms, name] of [
        [200, "b"],
        [400, "c"],
        [399, "d"],
      ] as const) {
        await pass(ms);
        write(name, 1);
      }
      await pass(0);
      expect(sent()).toEqual([["a@1"]]);
      await pass(1);
      expect(sent()).toEqual([["a@1"], ["b@1", "c@1", "d@1"]]);
      await pass(700);
      batch(1).succeed();
      await pass(300);
      write("e", 1);
      await pass(0);
      expect(sent()).toHaveLength(3);
    },
  );

  itHeld(
    "has an interval that differs by 20 %, so that coordinators do not write together",
    async ({ batch, sent, write }) => {
      for (const [n, random] of [0, 1].entries()) {
        vi.mocked(Math.random).mockReturnValue(random);
        write(`first-${n}`, 1);
        await pass(0);
        batch(2 * n).succeed();
        write(`second-${n}`, 1);
        await pass(INTERVAL_MS * (0.8 + 0.4 * random) - 1);
        expect(sent()).toHaveLength(2 * n + 1);
        await pass(1);
        expect(sent()).toHaveLength(2 * n + 2);
        batch(2 * n + 1).succeed();
        await pass(2 * INTERVAL_MS);
      }
    },
  );

  it.each([
    ["it is full", { parameters: JSON.stringify({ text: "x".repeat(GROUP_MAX_BYTES) }), isUrgent: false }],
    ["a change is urgent", { parameters: "{}", isUrgent: true }],
  ])("starts 50 ms after the last one as soon as %s, also if that was during the last one", async (_what, run) => {
    await withHeldBatches(async ({ batch, sent, write }) => {
      expect(INTERVAL_MIN_MS).toBe(50);
      const { parameters, isUrgent } = run;
      write("a", 1);
      await pass(0);
      batch(0).succeed();
      await pass(1);
      write("b", 1);
      await pass(10);
      write("c", 1, parameters, { isUrgent });
      await pass(INTERVAL_MIN_MS - 12);
      expect(sent()).toHaveLength(1);
      await pass(1);
      expect(sent()).toHaveLength(2);
      write("d", 1, parameters, { isUrgent });
      await pass(20);
      batch(1).succeed();
      await pass(INTERVAL_MIN_MS - 20);
      expect(sent()).toHaveLength(3);
    });
  });

  itHeld("starts a second after one that had an urgent change", async ({ batch, sent, write }) => {
    write("a", 1, "{}", { isUrgent: true });
    await pass(0);
    batch(0).succeed();
    write("b", 1);
    await pass(INTERVAL_MS - 1);
    expect(sent()).toHaveLength(1);
    await pass(1);
    expect(sent()).toHaveLength(2);
  });

  itHeld(
    "starts no later because earlier ones failed, however long that took",
    async ({ commit, batch, sent, write }) => {
      write("a", 1);
      await pass(0);
      batch(0).succeed();
      write("b", 1);
      for (let n = 1; n <= 3; n++) {
        commit.writeNow();
        await pass(9000);
        batch(n).fail(OUTAGE);
        await pass(0);
      }
      commit.writeNow();
      await pass(0);
      batch(4).succeed();
      await pass(1);
      write("c", 1);
      await pass(INTERVAL_MS - 2);
      expect(sent()).toHaveLength(5);
      await pass(1);
      expect(sent()).toHaveLength(6);
    },
  );

  itHeld(
    "is the only one under way, and what changes during it is in the next one",
    async ({ batch, sent, write, isReplicated }) => {
      write("a", 1);
      await pass(0);
      write("b", 1);
      write("c", 1);
      await pass(5000);
      expect(sent()).toEqual([["a@1"]]);
      batch(0).succeed();
      await pass(0);
      expect([isReplicated("a"), isReplicated("b")]).toEqual([true, false]);
      expect(sent()).toEqual([["a@1"], ["b@1", "c@1"]]);
      batch(1).succeed();
      await pass(5000);
      expect(["a", "b", "c"].filter((name) => !isReplicated(name))).toEqual([]);
      expect(sent()).toHaveLength(2);
    },
  );
});

describe("a batch that failed", () => {
  itHeld(
    "goes back in front, with the newest version of each run",
    async ({ commit, batch, sent, write, troubles, isReplicated }) => {
      write("a", 1);
      write("b", 1);
      await pass(0);
      write("c", 1);
      write("b", 2);
      batch(0).fail(OUTAGE);
      await pass(0);
      expect(troubles()).toBe(1);
      expect(commit.pending.size).toBe(3);
      write("d", 1);
      commit.writeNow();
      await pass(0);
      expect(sent()).toEqual([
        ["a@1", "b@1"],
        ["a@1", "b@2", "c@1", "d@1"],
      ]);
      batch(1).succeed();
      await pass(0);
      expect([commit.pending.size, isReplicated("b")]).toEqual([0, true]);
    },
  );

  itHeld("is followed by no batch for a change, until a retry was written", async ({ commit, batch, sent, write }) => {
    write("a", 1);
    await pass(0);
    batch(0).fail(OUTAGE);
    await pass(0);
    for (const name of ["b", "c", "d"]) {
      write(name, 1);
      await pass(2000);
    }
    expect(sent()).toHaveLength(1);
    commit.writeNow();
    await pass(0);
    batch(1).fail(OUTAGE);
    await pass(0);
    commit.writeNow();
    await pass(0);
    batch(2).succeed();
    await pass(0);
    write("e", 1);
    await pass(INTERVAL_MS);
    expect(sent().slice(1)).toEqual([["a@1", "b@1", "c@1", "d@1"], ["a@1", "b@1", "c@1", "d@1"], ["e@1"]]);
  });
});

itHeld("a retry starts before a batch that is planned, and replaces it", async ({ commit, batch, sent, write }) => {
  write("a", 1);
  await pass(0);
  batch(0).succeed();
  await pass(1);
  write("b", 1);
  await pass(1);
  commit.writeNow();
  await pass(0);
  expect(sent()).toEqual([["a@1"], ["b@1"]]);
  batch(1).succeed();
  await pass(1000);
  expect(sent()).toHaveLength(2);
});

describe("a batch that was given up", () => {
  itHeld(
    "counts as replicated when D1 answers late, and its runs are not written again",
    async ({ commit, batch, sent, write, isReplicated }) => {
      write("a", 1);
      await pass(BATCH_MAX_MS);
      expect([commit.pending.size, isReplicated("a")]).toEqual([1, false]);
      batch(0).succeed();
      await pass(0);
      expect([commit.pending.size, commit.pending.bytes, isReplicated("a")]).toEqual([0, 0, true]);
      commit.writeNow();
      await pass(0);
      expect(sent()).toHaveLength(1);
    },
  );

  itHeld("is given up after 10 s, and while two are, none starts", async ({ troubles, commit, batch, sent, write }) => {
    expect(BATCH_MAX_MS).toBe(10_000);
    let asked = 0;
    const ask = async () => {
      write(`asked-${asked++}`, 1);
      commit.writeNow();
      await pass(0);
    };
    write("a", 1);
    await pass(BATCH_MAX_MS - 1);
    await ask();
    expect(sent()).toHaveLength(1);
    await pass(1);
    expect(troubles()).toBe(1);
    await ask();
    expect(sent()).toHaveLength(2);
    await pass(BATCH_MAX_MS - 1);
    await ask();
    expect(sent()).toHaveLength(2);
    // The second is given up and the first no longer counted, so that retries go on though D1 answers neither.
    await pass(1);
    await ask();
    expect(sent()).toHaveLength(3);
    await ask();
    expect(sent()).toHaveLength(3);
    batch(2).succeed();
    await pass(0);
    commit.writeNow();
    await pass(5);
    batch(3).succeed();
    await pass(0);
    expect(commit.pending.size).toBe(0);
  });

  itHeld("makes room for another as soon as it comes back", async ({ commit, batch, sent, write }) => {
    write("a", 1);
    await pass(BATCH_MAX_MS);
    commit.writeNow();
    await pass(4000);
    batch(1).fail(OUTAGE);
    await pass(0);
    commit.writeNow();
    await pass(4000);
    // Two are under way: the first, which was given up, and the third.
    commit.writeNow();
    await pass(0);
    expect(sent()).toHaveLength(3);
    batch(2).fail(OUTAGE);
    await pass(0);
    commit.writeNow();
    await pass(0);
    expect(sent()).toHaveLength(4);
  });
});
