/**
 * The integer key of a run: it sorts as ids do, two ids may want the same one, and every statement finds runs by it. And
 * the runs that a coordinator remembers: they read as the journal has them, and they are few.
 */

import { runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { firstIdAt, hyphenated, timeHex } from "../../../src/base/ids.ts";
import type { BulkOrder } from "../../../src/runs/bulk.ts";
import { Journal } from "../../../src/runs/journal/journal.ts";
import { highestKeyHalves, type JournaledRun, keyHalves } from "../../../src/runs/journal/run-rows.ts";
import { type Actor, ended, type Gates } from "../../../src/runs/run.ts";
import { AFTER_ALL_IDS, createdAtOf } from "../../../src/runs/run-id.ts";
import { coordinator, DAY_MS } from "../../support/direct.ts";
import { ask, createRun, newRunsPath, scopeOfPath } from "../../support/requests.ts";
import { idAt, idWith, toJournaledRun } from "../../support/rows.ts";

const TAIL = "6789abcdef01234";
const MS_MAX = 2 ** 48 - 1;
const RANDOM_MAX = 2 ** 15 - 1;

const keyOf = (id: string) => {
  const [ms, random] = keyHalves(id);
  return (BigInt(ms) << 15n) | BigInt(random);
};
/** Ids of few instants, so that many share one. All other bits are random. */
const id = fc
  .tuple(fc.nat({ max: 2 }), fc.stringMatching(/^8[0-9a-f]{3}[89ab][0-9a-f]{15}$/))
  .map(([ms, rest]) => hyphenated(timeHex(1_800_000_000_000 + ms) + rest));

describe("the key of an id", () => {
  it("is the id's 48 bits of time and its first 15 random bits, and fits into 63 bits", () => {
    const parts = fc.tuple(fc.nat({ max: MS_MAX }), fc.nat({ max: RANDOM_MAX }));
    fc.assert(
      fc.property(parts, ([ms, random]) => {
        const id = idWith(ms, random, TAIL);
        expect(keyHalves(id)).toEqual([ms, random]);
        expect(keyOf(id)).toBeLessThan(2n ** 63n);
      }),
    );
  });

  it("sorts as the id does, also within a millisecond", () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        const [one, other] = [a, b].sort() as [string, string];
        expect(keyOf(one)).toBeLessThanOrEqual(keyOf(other));
      }),
    );
  });

  it("is the lowest for a text that is no id, and within what the bounds of a resync cover", () => {
    expect(keyHalves("")).toEqual([0, 0]);
    expect(highestKeyHalves(AFTER_ALL_IDS)).toEqual([MS_MAX, RANDOM_MAX]);
    const now = Date.now();
    expect(keyHalves(firstIdAt(now))).toEqual([now, 0]);
    expect(highestKeyHalves(firstIdAt(now))).toEqual([now, RANDOM_MAX]);
  });
});

async function inJournal<T>(go: (journal: Journal, storage: DurableObjectStorage) => T): Promise<T> {
  const path = newRunsPath();
  return runInDurableObject(coordinator(path), (_instance, { storage }) => {
    return go(new Journal(storage, scopeOfPath(path)), storage);
  });
}

/** Says how many times a run was read from SQLite since. */
function countReads(storage: DurableObjectStorage): () => number {
  const exec = vi.spyOn(Object.getPrototypeOf(storage.sql) as SqlStorage, "exec");
  return () => exec.mock.calls.filter(([query]) => query.startsWith("SELECT runs.id")).length;
}

function insert(journal: Journal, id: string): boolean {
  const run = { ...toJournaledRun({ id }), createKey: `m:${id}` };
  return journal.insert(run, { dispatch: null, events: [] }, Date.now()) !== null;
}

describe("the table of runs", () => {
  it("is in the order of ids, from the earliest instant to the last", async () => {
    await inJournal((journal, storage) => {
      const now = Date.now();
      const ids = [idWith(MS_MAX, RANDOM_MAX, TAIL), idWith(0, 1, TAIL)];
      for (let n = 0; n < 50; n++) ids.push(idAt(now + (n % 5)));
      for (const id of ids) expect(insert(journal, id)).toBe(true);
      const select = storage.sql.exec<{ id: string }>("SELECT id FROM runs ORDER BY run_key");
      expect([...select].map(({ id }) => id)).toEqual([...ids].sort());
      for (const id of ids) expect(journal.runs.byId(id)?.id).toBe(id);
      expect(
        journal.runs
          .byIds(ids)
          .map(({ id }) => id)
          .sort(),
      ).toEqual([...ids].sort());
    });
  });

  it("has one run for each key, and finds none by another id with the same key", async () => {
    await inJournal((journal) => {
      const id = idWith(1_800_000_000_000, 77, TAIL);
      const twin = idWith(1_800_000_000_000, 77, TAIL.replace("6", "5"));
      expect(keyOf(twin)).toBe(keyOf(id));
      expect([insert(journal, id), insert(journal, twin)]).toEqual([true, false]);
      expect([journal.runs.byId(id)?.id, journal.runs.byId(twin)]).toEqual([id, null]);
      expect(journal.runs.byIds([twin, id]).map((run) => run.id)).toEqual([id]);
      journal.due.defer(twin, Date.now());
      journal.noteHeartbeat({ ...toJournaledRun({ id: twin }), silentSince: 1 }, []);
      journal.update({ ...toJournaledRun({ id: twin }), version: 9 }, { events: [] }, Date.now());
      expect(journal.runs.byId(id)).toMatchObject({ version: 1, createKey: `m:${id}` });
      expect(journal.runs.byId(id)?.silentSince).not.toBe(1);
      journal.forget([twin]);
      expect(journal.runs.byId(id)?.id).toBe(id);
      journal.forget([id]);
      expect(journal.runs.isEmpty()).toBe(true);
      expect(insert(journal, twin)).toBe(true);
    });
  });

  it("gives a walk between two ids each run once, in order, whichever ids its pages stop at", async () => {
    await inJournal((journal) => {
      const replica = journal.replicaIn(0);
      const walk = (from: string, to: string, limit: number): string[] => {
        const page = replica.between(from, to, limit).map((run) => run.id);
        const last = page.at(-1);
        return last === undefined ? page : [...page, ...walk(last, to, limit)];
      };
      const stories = fc.tuple(fc.uniqueArray(id, { maxLength: 30 }), id, fc.integer({ min: 1, max: 4 }));
      fc.assert(
        fc.property(stories, ([wanted, elsewhere, limit]) => {
          // Of two that want one key, the journal has the first.
          const ids = wanted.filter((id) => insert(journal, id)).sort();
          // Between pages, a resync also goes on behind an id that D1 alone has.
          for (const stop of [...ids.slice(0, 5), elsewhere, firstIdAt(1_800_000_000_001)]) {
            const after = walk(stop, AFTER_ALL_IDS, limit);
            expect([...walk("", stop, limit), ...after]).toEqual(ids);
            expect(after.every((id) => id > stop)).toBe(true);
            expect(replica.countAfter(stop)).toBe(after.length);
            expect(replica.hasBetween(stop, AFTER_ALL_IDS)).toBe(after.length > 0);
          }
          journal.forget(ids);
        }),
      );
    });
  });
});

describe("a create whose id wants the key of another run", () => {
  it("gets another id, so its caller notices nothing", async () => {
    const path = newRunsPath();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY_MS });
    try {
      const first = await createRun(path, { actionName: "first" });
      // The second create draws the random bits of the first twice, and then others.
      const draw = crypto.getRandomValues.bind(crypto);
      const bits = Uint8Array.fromHex(first.id.replaceAll("-", "").slice(12, 24));
      let draws = 0;
      vi.spyOn(crypto, "getRandomValues").mockImplementation((array) => {
        const drawn = draw(array);
        if (drawn instanceof Uint8Array && drawn.length === bits.length && draws++ < 2) drawn.set(bits);
        return drawn;
      });
      const second = await createRun(path, { actionName: "second" });
      expect(draws).toBe(3);
      expect(keyOf(second.id)).not.toBe(keyOf(first.id));
      expect(createdAtOf(second.id)).toBe(createdAtOf(first.id));
      for (const { id, actionName } of [first, second]) {
        expect((await ask("GET", `${path}/${id}`)).body).toMatchObject({ id, actionName });
      }
    } finally {
      vi.useRealTimers();
    }
  });
});

/** How SQLite looks up runs, for each statement that `go` executes. */
function plansOf(storage: DurableObjectStorage, go: () => unknown): string[] {
  const { sql } = storage;
  const prototype: SqlStorage = Object.getPrototypeOf(sql);
  const { exec } = prototype;
  const statements: [query: string, bindings: unknown[]][] = [];
  const spy = vi.spyOn(prototype, "exec").mockImplementation(function (this: SqlStorage, query, ...bindings) {
    statements.push([query, bindings]);
    return exec.call(this, query, ...bindings) as never;
  });
  go();
  spy.mockRestore();
  return statements.flatMap(([query, bindings]) =>
    [...sql.exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${query}`, ...bindings)]
      .map(({ detail }) => detail)
      .filter((detail) => /\bruns\b/.test(detail)),
  );
}

describe("what the coordinator asks its journal", () => {
  const BY_KEY = "SEARCH runs USING INTEGER PRIMARY KEY (rowid=?)";
  const id = idAt(Date.now());
  const run = { ...toJournaledRun({ id }), createKey: `t:${id}` };

  it.each<[what: string, go: (journal: Journal) => unknown, plan: string[]]>([
    ["one run that it does not remember", ({ runs }) => runs.byId(idAt(2)), [BY_KEY]],
    ["several runs", ({ runs }) => runs.byIds([id, idAt(1)]), [BY_KEY]],
    [
      "the run that a caller's key created",
      ({ runs }) => runs.byCreateKey(run.createKey),
      ["SEARCH runs USING INDEX runs_by_create_key (create_key=?)"],
    ],
    [
      "what stands in the way of a create",
      ({ runs }) => runs.standingInTheWay("t:unknown", id),
      ["SEARCH runs USING INDEX runs_by_create_key (create_key=?)", BY_KEY],
    ],
    ["to change a run", (journal) => journal.update(run, { events: [] }, 1), [BY_KEY]],
    ["to note a heartbeat", (journal) => journal.noteHeartbeat(run, []), [BY_KEY]],
    ["to note an attempt", (journal) => journal.noteAttempt(run, null, []), [BY_KEY]],
    ["to defer a run", ({ due }) => due.defer(id, 1), [BY_KEY]],
    ["to forget runs", (journal) => journal.forget([id]), [BY_KEY, "SEARCH runs USING COVERING INDEX runs_by_change"]],
    [
      "the runs of a resync",
      (journal) => journal.replicaIn(0).between("", AFTER_ALL_IDS, 10),
      ["SEARCH runs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"],
    ],
    [
      "whether a resync goes on",
      (journal) => journal.replicaIn(0).hasBetween(id, AFTER_ALL_IDS),
      ["SEARCH runs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"],
    ],
    [
      "how many runs a resync has left",
      (journal) => journal.replicaIn(0).countAfter(id),
      ["SCAN runs USING COVERING INDEX runs_by_change", BY_KEY],
    ],
    [
      "what is not replicated",
      (journal) => journal.replicaIn(0).pending(),
      ["SEARCH runs USING INDEX runs_by_change (change_seq>?)"],
    ],
    [
      "which runs are due",
      ({ due }) => due.due(1, 10),
      ["SEARCH runs USING INDEX runs_open_due (due_at>? AND due_at<?)"],
    ],
    ["when the next run is due", ({ due }) => due.nextDueAt(), ["SEARCH runs USING INDEX runs_open_due (due_at>?)"]],
  ])("%s: finds runs by the primary key or an index", async (_what, go, plan) => {
    await inJournal((journal, storage) => {
      insert(journal, idAt(Date.now()));
      expect(journal.insert(run, { dispatch: null, events: [] }, Date.now())).not.toBeNull();
      expect(plansOf(storage, () => go(journal))).toEqual(plan);
    });
  });
});

function insertNew(journal: Journal, details: Partial<JournaledRun> = {}): JournaledRun {
  const run = { ...toJournaledRun({ id: idAt(Date.now()) }), ...details };
  expect(journal.insert(run, { dispatch: null, events: [] }, Date.now())).not.toBeNull();
  return run;
}

it("an open run is read from SQLite once, whoever asks, and after a restart of its coordinator", async () => {
  await inJournal((journal, storage) => {
    const reads = countReads(storage);
    const run = insertNew(journal);
    expect(journal.runs.byId(run.id)).toEqual(run);
    expect(reads()).toBe(0);
    const later = new Journal(storage, journal.scope);
    expect([later.runs.byId(run.id), later.runs.byId(run.id)]).toEqual([run, run]);
    expect(reads()).toBe(1);
  });
});

it("a remembered run reads as SQLite has it after each write of it", async () => {
  await inJournal((journal, storage) => {
    const run = insertNew(journal);
    const asStored = () => new Journal(storage, journal.scope).runs.byId(run.id);
    const running = { ...run, version: 2, status: "running", startedAt: run.createdAt + 5 } as const;
    journal.update(running, { events: [] }, Date.now());
    expect(journal.runs.byId(run.id)).toEqual(asStored());
    journal.noteHeartbeat({ ...running, silentSince: run.createdAt + 7 }, []);
    expect(journal.runs.byId(run.id)).toEqual(asStored());
    journal.noteAttempt({ ...running, silentSince: run.createdAt + 9 }, null, []);
    expect(journal.runs.byId(run.id)).toEqual(asStored());
    expect(asStored()?.silentSince).toBe(run.createdAt + 9);
    journal.forget([run.id]);
    expect([journal.runs.byId(run.id), asStored()]).toEqual([null, null]);
  });
});

it("a remembered run reads as before if the transaction of its change was taken back", async () => {
  await inJournal((journal) => {
    const run = insertNew(journal);
    const running = { ...run, version: 2, status: "running", startedAt: run.createdAt + 5 } as const;
    const fails = () =>
      journal.transaction(() => {
        journal.update(running, { events: [] }, Date.now());
        expect(journal.runs.byId(run.id)).toEqual(running);
        throw new Error("no more");
      });
    expect(fails).toThrow("no more");
    expect(journal.runs.byId(run.id)).toEqual(run);
  });
});

it("a remembered run reads as before even if nothing could be read when the transaction was taken back", async () => {
  await inJournal((journal, storage) => {
    const run = insertNew(journal);
    const running = { ...run, version: 2, status: "running", startedAt: run.createdAt + 5 } as const;
    journal.metadata.set("fan_out_after", "1");
    const exec = vi.spyOn(Object.getPrototypeOf(storage.sql) as SqlStorage, "exec");
    const fails = () =>
      journal.transaction(() => {
        journal.update(running, { events: [] }, Date.now());
        exec.mockImplementationOnce(() => {
          throw new Error("disk I/O error");
        });
        throw new Error("no more");
      });
    expect(fails).toThrow("disk I/O error");
    expect(journal.runs.byId(run.id)).toEqual(run);
    expect(journal.metadata.get("fan_out_after")).toBe("1");
    journal.update(running, { events: [] }, Date.now());
    expect(new Journal(storage, journal.scope).runs.byId(run.id)).toEqual(running);
  });
});

it("a remembered run reads as before if a create was refused because its id is taken", async () => {
  await inJournal((journal) => {
    const run = insertNew(journal);
    const other = { ...run, createKey: "t:another", actionName: "another" };
    expect(journal.insert(other, { dispatch: null, events: [] }, Date.now())).toBeNull();
    expect(journal.runs.byId(run.id)).toEqual(run);
  });
});

it("a remembered run is forgotten when it ends", async () => {
  await inJournal((journal, storage) => {
    const reads = countReads(storage);
    const run = insertNew(journal);
    journal.update({ ...run, ...ended(run, "succeeded", Date.now(), "callback", {}) }, { events: [] }, Date.now());
    expect(journal.runs.byId(run.id)).toMatchObject({ status: "succeeded" });
    expect(reads()).toBe(1);
  });
});

describe("a remembered run is forgotten when other coordinators of the isolate take the room", () => {
  const MAX_CHARS = 8_000_000;
  const CREATOR: Actor = { tokenId: "a-token", tokenName: "ci", parents: [], person: null };
  const GATES: Gates = {
    notBefore: null,
    approval: { required: 2, allowSelf: true },
    concurrency: null,
    waitUntil: Date.now() + 60_000,
    creator: CREATOR,
    sealedUnder: null,
  };

  it("with long texts: without any one of these, the others would fit", async () => {
    await inJournal((journal, storage) => {
      const reads = countReads(storage);
      const first = insertNew(journal);
      const text = "x".repeat(250_000);
      const approvals = [{ by: CREATOR, at: Date.now(), reason: text }];
      const texts = { parameters: text, recommendations: text, labels: text, externalUrl: text };
      const reasons = { cancelReason: text, waitingReason: text, gates: GATES, approvals };
      const other = new Journal(storage, journal.scope);
      for (let n = 0; n < 5; n++) insertNew(other, { ...texts, ...reasons });
      expect(journal.runs.byId(first.id)).toEqual(first);
      expect(reads()).toBe(1);
    });
  });

  it("with many runs, because each takes room for its other members", async () => {
    await inJournal((journal, storage) => {
      const reads = countReads(storage);
      const first = insertNew(journal);
      const other = new Journal(storage, journal.scope);
      for (let n = 0; n < 5; n++) insertNew(other, { parameters: "x".repeat(MAX_CHARS / 5 - 6000) });
      expect(journal.runs.byId(first.id)).toEqual(first);
      expect(reads()).toBe(0);
      for (let n = 0; n < 30; n++) insertNew(other);
      expect(journal.runs.byId(first.id)).toEqual(first);
      expect(reads()).toBe(1);
    });
  });
});

it("has the open bulk operations as before, if the transaction that began another was taken back", async () => {
  await inJournal((journal) => {
    const order = { id: "b", request: { operation: "cancel" }, filter: null } as unknown as BulkOrder;
    const fails = () =>
      journal.transaction(() => {
        journal.bulk.insert(order, { key: "k", fingerprint: "f" }, 1, Date.now());
        expect(journal.bulk.open()).toMatchObject([{ id: "b" }]);
        throw new Error("no more");
      });
    expect(fails).toThrow("no more");
    expect(journal.bulk.open()).toEqual([]);
  });
});
