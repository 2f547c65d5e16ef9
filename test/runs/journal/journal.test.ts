/** What a coordinator's journal finds of a create that was asked before, and the metadata it keeps. */

import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { changeKeyOf } from "../../../src/runs/api/run-request.ts";
import { Journal } from "../../../src/runs/journal/journal.ts";
import { alarmAt, coordinator, DAY_MS, direct, journal, MINUTE_MS, newIdIn, restart } from "../../support/direct.ts";
import { newRunsPath, scopeOfPath } from "../../support/requests.ts";
import { toRun } from "../../support/rows.ts";

function create(path: string, id: string, key: string, fingerprint = "same") {
  const run = toRun({ id, deadlineAt: Date.now() + 60 * MINUTE_MS });
  return direct(path).runs.create(run, { key, fingerprint }, null);
}

function inJournal<T>(path: string, go: (journal: Journal, storage: DurableObjectStorage) => T): Promise<T> {
  return runInDurableObject(coordinator(path), (_instance, { storage }) =>
    go(new Journal(storage, scopeOfPath(path)), storage),
  );
}

describe("a create", () => {
  /** Two runs, the key of each, and an id that nobody has. */
  async function given() {
    const path = newRunsPath();
    const [a, b, free] = await Promise.all([1, 2, 3].map(() => newIdIn(path, Date.now())));
    if (a === undefined || b === undefined || free === undefined) throw new Error("no ids");
    expect(await create(path, a, "t:a")).toMatchObject({ ok: true, id: a, replayed: false });
    expect(await create(path, b, "t:b")).toMatchObject({ ok: true, id: b, replayed: false });
    return { path, a, b, free };
  }

  it("with a known key returns that key's run, whatever its id", async () => {
    const { path, a, b, free } = await given();
    for (const id of [a, b, free]) {
      expect(await create(path, id, "t:a")).toMatchObject({ ok: true, id: a, replayed: true });
      expect(await create(path, id, "t:b")).toMatchObject({ ok: true, id: b, replayed: true });
      expect(await create(path, id, "t:a", "other")).toEqual({ ok: false, reason: "key_reused" });
    }
    expect(await journal(path, "SELECT id FROM runs")).toHaveLength(2);
  });

  it("with a new key and a taken id is refused and changes nothing", async () => {
    const { path, a, b } = await given();
    const before = await journal(path, "SELECT * FROM runs ORDER BY id");
    for (const id of [a, b]) {
      expect(await create(path, id, "t:new")).toEqual({ ok: false, reason: "id_taken" });
    }
    expect(await journal(path, "SELECT id, create_key, version, changed_at FROM runs ORDER BY id")).toEqual(
      before.map(({ id, create_key, version, changed_at }) => ({ id, create_key, version, changed_at })),
    );
    expect(await journal(path, "SELECT seq FROM events")).toEqual([]);
  });

  it("finds the key before the id", async () => {
    const { path, a, b, free } = await given();
    await inJournal(path, (journal) => {
      const found = (key: string, id: string) => journal.runs.standingInTheWay(key, id)?.id ?? null;
      expect([found("t:a", b), found("t:b", a), found("t:a", a), found("t:a", free)]).toEqual([a, b, a, a]);
      expect([found("t:new", a), found("t:new", b), found("t:new", free)]).toEqual([a, b, null]);
      expect(journal.runs.standingInTheWay("t:a", b)).toEqual(journal.runs.byCreateKey("t:a"));
    });
  });

  it("is known by its key over a restart", async () => {
    const { path, a, b } = await given();
    await restart(path);
    expect(await create(path, b, "t:a")).toMatchObject({ ok: true, id: a, replayed: true });
    expect(await create(path, b, "t:new")).toEqual({ ok: false, reason: "id_taken" });
  });
});

describe("a metadata value", () => {
  const stored = (storage: DurableObjectStorage) => [
    ...storage.sql.exec("SELECT name, value FROM metadata WHERE name <> 'name' ORDER BY name"),
  ];

  it("reads as it was last set, and as the table has it", async () => {
    await inJournal(newRunsPath(), (journal, storage) => {
      expect(journal.metadata.get("replication_retry_at")).toBeNull();
      for (const value of ["1", "2", "2", null, null, "", "3", null, "3"]) {
        journal.metadata.set("replication_retry_at", value);
        expect(journal.metadata.get("replication_retry_at")).toBe(value);
        expect(journal.metadata.get("last_seq")).toBeNull();
        expect(stored(storage)).toEqual(value === null ? [] : [{ name: "replication_retry_at", value }]);
      }
    });
  });

  it("survives a restart, and so does its absence", async () => {
    const path = newRunsPath();
    const at = String(Date.now() + DAY_MS);
    await inJournal(path, (journal) => journal.metadata.set("replication_retry_at", at));
    await restart(path);
    expect(await inJournal(path, (journal) => journal.metadata.get("replication_retry_at"))).toBe(at);
    // The object itself goes by it.
    await direct(path).upkeep.poke();
    expect(await alarmAt(path)).toBe(Number(at));
    await inJournal(path, (journal) => journal.metadata.set("replication_retry_at", null));
    await restart(path);
    expect(await inJournal(path, (journal) => journal.metadata.get("replication_retry_at"))).toBeNull();
  });
});

it("keys that we create ourselves sort by time, and no two are the same", async () => {
  const keys: string[] = [];
  const start = Date.now();
  for (let ms = 0; ms < 200; ms++) {
    vi.spyOn(Date, "now").mockReturnValue(start + ms);
    keys.push((await changeKeyOf({ tokenId: "root", person: null }, null, {})).key);
  }
  vi.restoreAllMocks();
  expect(keys).toEqual([...new Set(keys)].sort());
  expect(keys[0]).toMatch(/^m:/);
});
