/** The runs that a coordinator remembers: they read as the journal has them, and they are few. */

import { runInDurableObject } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import { Journal } from "../../../src/runs/journal/journal.ts";
import type { JournaledRun } from "../../../src/runs/journal/run-rows.ts";
import { ended } from "../../../src/runs/run.ts";
import { coordinator } from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";
import { idAt, toJournaledRun } from "../../support/rows.ts";

afterEach(() => vi.restoreAllMocks());

const OWNER = { name: "o/p/e/0", scope: "o/p/e", n: 0 };

/** `reads`: how many times a run was read from SQLite. */
function inJournal(go: (journal: Journal, reads: () => number, storage: DurableObjectStorage) => void) {
  return runInDurableObject(coordinator(newRunsPath(), 0), (_instance, { storage }) => {
    const exec = vi.spyOn(Object.getPrototypeOf(storage.sql) as SqlStorage, "exec");
    const reads = () => exec.mock.calls.filter(([query]) => query.startsWith("SELECT runs.id")).length;
    go(new Journal(storage, OWNER), reads, storage);
  });
}

function insert(journal: Journal, details: Partial<JournaledRun> = {}): JournaledRun {
  const run = { ...toJournaledRun({ id: idAt(Date.now()) }), ...details };
  expect(journal.insert(run, { delivery: null, events: [] }, Date.now())).not.toBeNull();
  return run;
}

it("an open run is read from SQLite once, whoever asks, and after a restart of its coordinator", async () => {
  await inJournal((journal, reads, storage) => {
    const run = insert(journal);
    expect(journal.runs.byId(run.id)).toEqual(run);
    expect(reads()).toBe(0);
    const later = new Journal(storage, OWNER);
    expect([later.runs.byId(run.id), later.runs.byId(run.id)]).toEqual([run, run]);
    expect(reads()).toBe(1);
  });
});

it("reads as SQLite has it after each write of it", async () => {
  await inJournal((journal, _reads, storage) => {
    const run = insert(journal);
    const asStored = () => new Journal(storage, OWNER).runs.byId(run.id);
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

it("reads as before if the transaction of its change was taken back", async () => {
  await inJournal((journal) => {
    const run = insert(journal);
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

it("is forgotten when it ends, and when many others of the isolate were read", async () => {
  await inJournal((journal, reads) => {
    const run = insert(journal);
    journal.update(
      { ...run, ...ended(run, "succeeded", Date.now(), "callback", {}) },
      { events: [] },
      Date.now(),
    );
    expect(journal.runs.byId(run.id)).toMatchObject({ status: "succeeded" });
    expect(reads()).toBe(1);
    const first = insert(journal);
    const parameters = JSON.stringify({ text: "x".repeat(500_000) });
    for (let n = 0; n < 16; n++) insert(journal, { parameters });
    expect(journal.runs.byId(first.id)).toEqual(first);
    expect(reads()).toBe(2);
  });
});
