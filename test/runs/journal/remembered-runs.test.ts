/** The runs that a coordinator remembers: they read as the journal has them, and they are few. */

import { runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Journal } from "../../../src/runs/journal/journal.ts";
import type { JournaledRun } from "../../../src/runs/journal/run-rows.ts";
import { type Actor, ended, type Gates } from "../../../src/runs/run.ts";

import { coordinator } from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";
import { idAt, toJournaledRun } from "../../support/rows.ts";

afterEach(() => vi.restoreAllMocks());

const SCOPE = "o/p/e";

/** `reads`: how many times a run was read from SQLite. */
function inJournal(go: (journal: Journal, reads: () => number, storage: DurableObjectStorage) => void) {
  return runInDurableObject(coordinator(newRunsPath()), (_instance, { storage }) => {
    const exec = vi.spyOn(Object.getPrototypeOf(storage.sql) as SqlStorage, "exec");
    const reads = () => exec.mock.calls.filter(([query]) => query.startsWith("SELECT runs.id")).length;
    go(new Journal(storage, SCOPE), reads, storage);
  });
}

function insert(journal: Journal, details: Partial<JournaledRun> = {}): JournaledRun {
  const run = { ...toJournaledRun({ id: idAt(Date.now()) }), ...details };
  expect(journal.insert(run, { dispatch: null, events: [] }, Date.now())).not.toBeNull();
  return run;
}

it("an open run is read from SQLite once, whoever asks, and after a restart of its coordinator", async () => {
  await inJournal((journal, reads, storage) => {
    const run = insert(journal);
    expect(journal.runs.byId(run.id)).toEqual(run);
    expect(reads()).toBe(0);
    const later = new Journal(storage, SCOPE);
    expect([later.runs.byId(run.id), later.runs.byId(run.id)]).toEqual([run, run]);
    expect(reads()).toBe(1);
  });
});

it("reads as SQLite has it after each write of it", async () => {
  await inJournal((journal, _reads, storage) => {
    const run = insert(journal);
    const asStored = () => new Journal(storage, SCOPE).runs.byId(run.id);
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

it("reads as before even if nothing could be read when the transaction was taken back", async () => {
  await inJournal((journal, _reads, storage) => {
    const run = insert(journal);
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
    expect(new Journal(storage, SCOPE).runs.byId(run.id)).toEqual(running);
  });
});

it("reads as before if a create was refused because its id is taken", async () => {
  await inJournal((journal) => {
    const run = insert(journal);
    const other = { ...run, createKey: "t:another", actionName: "another" };
    expect(journal.insert(other, { dispatch: null, events: [] }, Date.now())).toBeNull();
    expect(journal.runs.byId(run.id)).toEqual(run);
  });
});

it("is forgotten when it ends", async () => {
  await inJournal((journal, reads) => {
    const run = insert(journal);
    journal.update({ ...run, ...ended(run, "succeeded", Date.now(), "callback", {}) }, { events: [] }, Date.now());
    expect(journal.runs.byId(run.id)).toMatchObject({ status: "succeeded" });
    expect(reads()).toBe(1);
  });
});

describe("is forgotten when other coordinators of the isolate take the room", () => {
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
    await inJournal((journal, reads, storage) => {
      const first = insert(journal);
      const text = "x".repeat(250_000);
      const approvals = [{ by: CREATOR, at: Date.now(), reason: text }];
      const texts = { parameters: text, recommendations: text, labels: text, externalUrl: text };
      const reasons = { cancelReason: text, waitingReason: text, gates: GATES, approvals };
      const other = new Journal(storage, SCOPE);
      for (let n = 0; n < 5; n++) insert(other, { ...texts, ...reasons });
      expect(journal.runs.byId(first.id)).toEqual(first);
      expect(reads()).toBe(1);
    });
  });

  it("with many runs, because each takes room for its other members", async () => {
    await inJournal((journal, reads, storage) => {
      const first = insert(journal);
      const other = new Journal(storage, SCOPE);
      for (let n = 0; n < 5; n++) insert(other, { parameters: "x".repeat(MAX_CHARS / 5 - 6000) });
      expect(journal.runs.byId(first.id)).toEqual(first);
      expect(reads()).toBe(0);
      for (let n = 0; n < 30; n++) insert(other);
      expect(journal.runs.byId(first.id)).toEqual(first);
      expect(reads()).toBe(1);
    });
  });
});
