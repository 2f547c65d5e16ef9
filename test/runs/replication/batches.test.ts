/**
 * Group writer: when batches start, which runs share a batch, and what happens to runs that D1 refuses. With a fake
 * clock.
 */

import { beforeEach, describe, expect, it, vi } from "vitest";
import { utf8Bytes } from "../../../src/base/limits.ts";
import { GROUP_MAX_BYTES, toGroupRow } from "../../../src/runs/d1/store.ts";
import { BATCH_MAX_MS, INTERVAL_MIN_MS, INTERVAL_MS } from "../../../src/runs/replication/batch-writer.ts";

import { DAY_MS } from "../../support/direct.ts";
import { idAt, toJournaledRun } from "../../support/rows.ts";
import { type Batch, CONTENT, type HeldBatches, itHeld, OUTAGE, withHeldBatches } from "./held-batches.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

async function succeed(batch: Batch): Promise<void> {
  batch.succeed();
  await pass(0);
}

async function fail(batch: Batch, why: string): Promise<void> {
  batch.fail(why);
  await pass(0);
}

async function retry(writer: HeldBatches["writer"]): Promise<void> {
  writer.writeNow();
  await pass(0);
}

describe("a batch", () => {
  itHeld(
    "starts after one that failed, although the retry could not be set for sooner",
    async ({ writer, batch, sent, storage, write }) => {
      write("a", 1);
      await pass(0);
      storage.sql.exec("CREATE TRIGGER full BEFORE INSERT ON metadata BEGIN SELECT RAISE(FAIL, 'full'); END");
      await fail(batch(0), OUTAGE);
      storage.sql.exec("DROP TRIGGER full");
      await retry(writer);
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
    async ({ writer, batch, sent, write }) => {
      write("a", 1);
      await pass(0);
      batch(0).succeed();
      write("b", 1);
      for (let n = 1; n <= 3; n++) {
        writer.writeNow();
        await pass(9000);
        await fail(batch(n), OUTAGE);
      }
      await retry(writer);
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
      await succeed(batch(0));
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
    async ({ writer, batch, sent, write, troubles, isReplicated }) => {
      write("a", 1);
      write("b", 1);
      await pass(0);
      write("c", 1);
      write("b", 2);
      await fail(batch(0), OUTAGE);
      expect(troubles()).toBe(1);
      expect(writer.pending.size).toBe(3);
      write("d", 1);
      await retry(writer);
      expect(sent()).toEqual([
        ["a@1", "b@1"],
        ["a@1", "b@2", "c@1", "d@1"],
      ]);
      await succeed(batch(1));
      expect([writer.pending.size, isReplicated("b")]).toEqual([0, true]);
    },
  );

  itHeld("is followed by no batch for a change, until a retry was written", async ({ writer, batch, sent, write }) => {
    write("a", 1);
    await pass(0);
    await fail(batch(0), OUTAGE);
    for (const name of ["b", "c", "d"]) {
      write(name, 1);
      await pass(2000);
    }
    expect(sent()).toHaveLength(1);
    await retry(writer);
    await fail(batch(1), OUTAGE);
    await retry(writer);
    await succeed(batch(2));
    write("e", 1);
    await pass(INTERVAL_MS);
    expect(sent().slice(1)).toEqual([["a@1", "b@1", "c@1", "d@1"], ["a@1", "b@1", "c@1", "d@1"], ["e@1"]]);
  });
});

itHeld("a retry starts before a batch that is planned, and replaces it", async ({ writer, batch, sent, write }) => {
  write("a", 1);
  await pass(0);
  batch(0).succeed();
  await pass(1);
  write("b", 1);
  await pass(1);
  await retry(writer);
  expect(sent()).toEqual([["a@1"], ["b@1"]]);
  batch(1).succeed();
  await pass(1000);
  expect(sent()).toHaveLength(2);
});

describe("a batch that was given up", () => {
  itHeld(
    "counts as replicated when D1 answers late, and its runs are not written again",
    async ({ writer, batch, sent, write, isReplicated }) => {
      write("a", 1);
      await pass(BATCH_MAX_MS);
      expect([writer.pending.size, isReplicated("a")]).toEqual([1, false]);
      await succeed(batch(0));
      expect([writer.pending.size, writer.pending.bytes, isReplicated("a")]).toEqual([0, 0, true]);
      await retry(writer);
      expect(sent()).toHaveLength(1);
    },
  );

  itHeld("is given up after 10 s, and while two are, none starts", async ({ troubles, writer, batch, sent, write }) => {
    expect(BATCH_MAX_MS).toBe(10_000);
    let asked = 0;
    const ask = async () => {
      write(`asked-${asked++}`, 1);
      await retry(writer);
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
    await succeed(batch(2));
    writer.writeNow();
    await pass(5);
    await succeed(batch(3));
    expect(writer.pending.size).toBe(0);
  });

  itHeld("makes room for another as soon as it comes back", async ({ writer, batch, sent, write }) => {
    write("a", 1);
    await pass(BATCH_MAX_MS);
    writer.writeNow();
    await pass(4000);
    await fail(batch(1), OUTAGE);
    writer.writeNow();
    await pass(4000);
    // Two are under way: the first, which was given up, and the third.
    await retry(writer);
    expect(sent()).toHaveLength(3);
    await fail(batch(2), OUTAGE);
    await retry(writer);
    expect(sent()).toHaveLength(4);
  });
});

/** Longer than any interval. */
const LONG_MS = 3000;

itHeld(
  "halves a group that D1 refuses until the culprit is alone, quarantines the culprit, and writes the rest",
  async ({ troubles, writer, batches, sent, write, isReplicated }) => {
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
    expect([writer.pending.size, writer.quarantined.size]).toEqual([0, 1]);
    // That is no outage: changes go on to be written.
    write("i", 1);
    await pass(LONG_MS);
    expect(batches.at(-1)?.rows).toEqual(["i@1"]);
    expect(troubles()).toBe(1);
  },
);

itHeld("puts the whole batch back if D1 fails while a group is halved", async ({ writer, batch, sent, write }) => {
  for (const name of ["a", "b", "c", "d"]) write(name, 1);
  await pass(0);
  await fail(batch(0), CONTENT);
  await succeed(batch(1));
  await fail(batch(2), OUTAGE);
  await retry(writer);
  expect(sent()).toEqual([
    ["a@1", "b@1", "c@1", "d@1"],
    ["a@1", "b@1"],
    ["c@1", "d@1"],
    ["c@1", "d@1"],
  ]);
  expect([writer.pending.size, writer.quarantined.size]).toEqual([2, 0]);
});

itHeld(
  "retries a refused run after 5 s, then 10 s, and a newer version at once",
  async ({ writer, batches, batch, write, isReplicated }) => {
    write("a", 1);
    await pass(0);
    batch(0).fail(CONTENT);
    await pass(4999);
    await retry(writer);
    expect(batches).toHaveLength(1);
    await pass(1);
    await retry(writer);
    batch(1).fail(CONTENT);
    await pass(9999);
    await retry(writer);
    expect(batches).toHaveLength(2);
    write("a", 2);
    await pass(0);
    expect(batch(2).rows).toEqual(["a@2"]);
    await succeed(batch(2));
    expect([writer.quarantined.size, isReplicated("a")]).toEqual([0, true]);
  },
);

itHeld(
  "does not quarantine a run whose newer version waits, because that may pass",
  async ({ writer, batch, write }) => {
    write("a", 1);
    await pass(0);
    write("a", 2);
    batch(0).fail(CONTENT);
    await pass(LONG_MS);
    expect(writer.quarantined.size).toBe(0);
    expect(batch(1).rows).toEqual(["a@2"]);
  },
);

const text = (character: string, count: number) => JSON.stringify({ text: character.repeat(count) });

itHeld("cuts groups by the UTF-8 bytes of what is bound, not by characters", async ({ writer, batches, write }) => {
  for (let n = 0; n < 20; n++) write(`r${n}`, 1, text("€", 100_000));
  await pass(0);
  for (let n = 0; n < batches.length; n++) {
    expect(utf8Bytes(batches[n]?.text ?? "")).toBeLessThanOrEqual(GROUP_MAX_BYTES);
    batches[n]?.succeed();
    await pass(LONG_MS);
  }
  expect(writer.pending.size).toBe(0);
  // 300 KB each: three fit, and nine would fit by characters.
  expect(batches.map((f) => f.rows.length)).toEqual([3, 3, 3, 3, 3, 3, 2]);
});

it.each([
  { bytes: 499_996, rows: ["a@1", "b@1"] },
  { bytes: 499_997, rows: ["a@1"] },
])("a group is filled to the last byte: behind 500 000 bytes, $bytes more", async ({ bytes, rows }) => {
  await withHeldBatches(async ({ batch, write }) => {
    write("a", 1, parametersOf(500_000));
    write("b", 1, parametersOf(bytes));
    await pass(0);
    expect(batch(0).rows).toEqual(rows);
    if (rows.length === 2) expect(utf8Bytes(batch(0).text)).toBe(GROUP_MAX_BYTES - 1);
  });
});

/** Makes a row of exactly so many bytes. Its characters have three each, so the journal's estimate is far below. */
function parametersOf(rowBytes: number): string {
  const row = { id: idAt(Date.now()), actionName: "a", deadlineAt: Date.now() + DAY_MS };
  const left = rowBytes - utf8Bytes(toGroupRow(toJournaledRun({ ...row, parameters: text("", 0) })));
  // The row holds its own number of bytes, which has more digits in a large row.
  const added = left - 3;
  return JSON.stringify({ text: "€".repeat(Math.floor(added / 3)) + "x".repeat(added % 3) });
}

itHeld("writes a run alone that is larger than a group", async ({ writer, batches, batch, write }) => {
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
  expect(writer.pending.size).toBe(0);
});

itHeld("drops a run that the journal no longer holds", async ({ writer, journal, batches, write, idOf }) => {
  write("a", 1);
  for (const entry of journal.replicaIn(0).pending()) writer.changed(entry);
  journal.forget([idOf("a")]);
  await pass(0);
  await pass(LONG_MS);
  expect(batches).toHaveLength(0);
  expect([writer.pending.size, writer.pending.bytes]).toEqual([0, 0]);
});
