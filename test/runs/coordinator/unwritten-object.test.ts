/**
 * An object that was never written to writes nothing when it is only asked. Anybody who may read an environment can name
 * one that does not exist, and each such object would stay for ever.
 */

import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { RunCoordinator } from "../../../src/runs/coordinator/coordinator.ts";
import type { Coordinator } from "../../../src/runs/protocol.ts";
import { alarmAt, coordinator, createAged, journal, mint, writeFirst } from "../../support/direct.ts";
import { type Ask, ask, newRunsPath } from "../../support/requests.ts";

const KEY = { key: "t:made-up:1", fingerprint: "f" };
const BY = { tokenId: "made-up", tokenName: "made-up", parents: [], person: null };
const WATCHER = { key: "watcher", tokenId: "made-up" };
const BULK = "0197f3c2-7e2a-8b1c-9d3e-4f5a6b7c8d9e";
const STOPPER = { id: "made-up", name: "made-up", sessionId: null, person: null };
const ENDPOINT_KEY = "chat@1";
/** What a PUT stores. */
const ENDPOINT = { url: "https://chat.example.com/hook", events: ["action_run.failed"] };

type Call = (object: Coordinator, id: string) => Promise<unknown>;

/** Each call with what makes it ask only; null: it always writes. */
const CALLS: Readonly<Record<keyof Coordinator, Call | null>> = {
  create: null,
  createGated: null,
  claim: null,
  pause: null,
  notify: null,
  forgetHealth: null,
  recover: null,
  reserveBulk: null,
  beginMove: null,
  move: null,
  resync: null,
  recall: (object) => object.recall(KEY),
  read: (object, id) => object.read(id, { include: "details" }),
  inputs: (object, id) => object.inputs(id, { key: "t:made-up:1", isFirst: true }),
  retryRefused: (object, id) => object.retryRefused(id, "t:made-up:1"),
  applyEvent: (object, id) => object.applyEvent(id, { type: "succeeded", output: null }, KEY),
  cancel: (object, id) =>
    object.cancel(id, { type: "cancel_requested", by: "made-up", reason: null, graceMs: 0 }, KEY),
  heartbeat: (object, id) => object.heartbeat(id, { progress: 0.5 }),
  approve: (object, id) => object.approve(id, { by: BY, reason: null }, KEY),
  reject: (object, id) => object.reject(id, { by: BY, reason: null }, KEY),
  release: (object, id) => object.release(id, BY, KEY),
  approval: (object, id) => object.approval(id, BY),
  hasGates: (object, id) => object.hasGates(id),
  resume: (object) => object.resume("prod"),
  pauses: (object) => object.pauses(),
  concurrencyGroups: (object) => object.concurrencyGroups(null, null, 10),
  setLimit: (object) => object.setLimit("prod", "deploy", 2, 1),
  settle: (object) => object.settle(),
  counts: (object) => object.counts(),
  poke: (object) => object.poke(),
  events: (object, id) => object.events(id, { after: 0, limit: 10 }),
  watch: (object, id) => object.watch(id, { after: 0, limit: 10 }, WATCHER, 1),
  waitForEnd: (object, id) => object.waitForEnd(id, WATCHER, { maxMs: 1, isLast: true }),
  changes: (object) => object.changes({ after: null }),
  watchChanges: (object) => object.watchChanges({ after: 0 }, WATCHER, 1),
  unwatch: (object) => object.unwatch(WATCHER.key),
  endpoint: (object) => object.endpoint(ENDPOINT_KEY),
  messages: (object) => object.messages(ENDPOINT_KEY, { limit: 10 }),
  resend: (object, id) => object.resend(ENDPOINT_KEY, id, null),
  lastEvent: (object, id) => object.lastEvent(id),
  admitTest: (object) => object.admitTest(),
  beginBulk: (object) => object.beginBulk(BULK),
  bulkOperation: (object) => object.bulkOperation(BULK),
  bulkOperations: (object) => object.bulkOperations(null, 10),
  bulkItems: (object) => object.bulkItems(BULK, null, 0, 10),
  abortBulk: (object) => object.abortBulk(BULK, STOPPER),
  dropBulk: (object) => object.dropBulk(BULK),
  acceptedRuns: (object) => object.acceptedRuns(BULK),
  wouldStart: (object, id) => object.wouldStart([id]),
  archivePage: (object) => object.archivePage("made-up", 0),
  sealArchive: (object) => object.sealArchive("made-up", 1, "hash"),
  placement: (object) => object.placement(),
  cancelMove: (object) => object.cancelMove(),
  moveUnderWay: (object) => object.moveUnderWay(),
  hasMoveOf: (object) => object.hasMoveOf(1),
};
const ASKING = Object.entries(CALLS).flatMap(([name, call]) => (call === null ? [] : [{ name, call }]));

function called(path: string): Coordinator {
  const stub: unknown = coordinator(path, 0);
  return stub as Coordinator;
}

function tablesOf(path: string): Promise<unknown[]> {
  return journal(path, 0, "SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'");
}

/** Empty tables have a size. */
function withoutSize(answer: unknown): unknown {
  const isSized = typeof answer === "object" && answer !== null && "bytes" in answer;
  return isSized ? { ...answer, bytes: 0 } : answer;
}

async function expectUnwritten(path: string): Promise<void> {
  expect(await tablesOf(path)).toEqual([]);
  expect(await alarmAt(path, 0)).toBeNull();
}

it.each(ASKING)(
  "$name leaves no table and no alarm, and answers as an empty object does",
  async ({ call }) => {
    const [unwritten, empty] = [newRunsPath(), newRunsPath()];
    const answer = await call(called(unwritten), await mint(unwritten, Date.now()));
    await expectUnwritten(unwritten);
    await writeFirst(empty, 0);
    expect(withoutSize(answer)).toEqual(
      withoutSize(await call(called(empty), await mint(empty, Date.now()))),
    );
  },
);

it("the declaration has every call", () => {
  const own = Object.getOwnPropertyNames(RunCoordinator.prototype);
  const calls = own.filter((name) => name !== "constructor" && name !== "alarm");
  expect(calls.sort()).toEqual(Object.keys(CALLS).sort());
});

it("the first write of an object that was asked before makes its tables and its name", async () => {
  const path = newRunsPath();
  for (const { call } of ASKING) await call(called(path), await mint(path, Date.now()));
  await expectUnwritten(path);
  const id = await createAged(path);
  expect(await called(path).read(id)).toMatchObject({ ok: true });
  expect(await journal(path, 0, "SELECT name FROM marks WHERE name = 'name'")).toEqual([{ name: "name" }]);
  expect(await alarmAt(path, 0)).not.toBeNull();
});

it("a first write that is taken back leaves no table, and the next one succeeds", async () => {
  const path = newRunsPath();
  await runInDurableObject(coordinator(path, 0), (object: RunCoordinator, { storage }) => {
    const prototype = Object.getPrototypeOf(storage.sql) as SqlStorage;
    const { exec } = prototype;
    // The transaction has made the tables when its second row is refused.
    prototype.exec = function refused(this: SqlStorage, query: string, ...bindings: unknown[]) {
      if (bindings.includes("notify")) throw new Error("database or disk is full");
      return exec.call(this, query, ...bindings);
    } as SqlStorage["exec"];
    return expect(object.notify())
      .rejects.toThrow("full")
      .finally(() => {
        prototype.exec = exec;
      });
  });
  await expectUnwritten(path);
  await called(path).notify();
  expect(await journal(path, 0, "SELECT name FROM marks ORDER BY name")).toEqual([
    { name: "name" },
    { name: "notify" },
    { name: "told_seq" },
  ]);
});

it.each(["pauses", "concurrency-groups", "action-runs/changes", "bulk-operations", "action-runs/summary"])(
  "GET %s of a made-up environment leaves nothing in its coordinators",
  async (what) => {
    const path = newRunsPath();
    expect((await ask("GET", path.replace(/action-runs$/, what))).status).toBe(200);
    await expectUnwritten(path);
  },
);

it.each<[what: string, status: number, method: string, suffix: string, ask: Ask]>([
  [
    "a PUT of a version that is not there",
    412,
    "PUT",
    "",
    { body: ENDPOINT, headers: { "If-Match": '"1"' } },
  ],
  ["a PUT that keeps a secret which is not there", 422, "PUT", "", { body: { ...ENDPOINT, url: null } }],
  ["a PUT of a bad body", 400, "PUT", "", { body: { ...ENDPOINT, url: "ftp://x" } }],
  ["a DELETE of none", 404, "DELETE", "", {}],
  ["enabling none", 404, "POST", "/enable", {}],
])("%s is refused, and leaves nothing in the coordinators", async (_, status, method, suffix, options) => {
  const path = newRunsPath();
  const endpoint = path.replace(/action-runs$/, "webhook-endpoints/chat");
  expect((await ask(method, `${endpoint}${suffix}`, options)).status).toBe(status);
  await expectUnwritten(path);
});
