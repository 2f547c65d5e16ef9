/**
 * An object that was never written to writes nothing when it is only asked. Anybody who may read an environment can name
 * one that does not exist, and each such object would stay for ever.
 */

import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import type { RunCoordinator } from "../../../src/runs/coordinator/coordinator.ts";
import { type Coordinator, coordinatorOf } from "../../../src/runs/protocol.ts";

import { alarmAt, coordinator, createAged, direct, journal, newIdIn, writeFirst } from "../../support/direct.ts";
import { type Ask, ask, newRunsPath } from "../../support/requests.ts";

const KEY = { key: "t:made-up:1", fingerprint: "f" };
const BY = { tokenId: "made-up", tokenName: "made-up", parents: [], person: null };
const SUBSCRIBER = { key: "subscriber", tokenId: "made-up" };
const BULK = "0197f3c2-7e2a-8b1c-9d3e-4f5a6b7c8d9e";
const STOPPER = { id: "made-up", name: "made-up", sessionId: null, person: null };
const ENDPOINT_KEY = "chat@1";
/** What a PUT stores. */
const ENDPOINT = { url: "https://chat.example.com/hook", events: ["action_run.failed"] };

type Call = (object: Coordinator, id: string) => Promise<unknown>;

/** Each call of the protocol with what makes it ask only; null: it always writes. */
const CALLS: { readonly [S in keyof Coordinator]: { readonly [C in keyof Coordinator[S]]: Call | null } } = {
  runs: {
    create: null,
    recall: (object) => object.runs.recall(KEY),
    read: (object, id) => object.runs.read(id, { include: "details" }),
    inputs: (object, id) => object.runs.inputs(id),
    applyEvent: (object, id) => object.runs.applyEvent(id, { type: "succeeded", output: null }, KEY),
    cancel: (object, id) =>
      object.runs.cancel(id, { type: "cancel_requested", by: "made-up", reason: null, graceMs: 0 }, KEY),
    erase: (object, id) => object.runs.erase(id, BY),
    erasure: (object, id) => object.runs.erasure(id),
    heartbeat: (object, id) => object.runs.heartbeat(id, { progress: 0.5 }),
    job: (object, id) => object.runs.job(id),
    noteJob: (object, id) => object.runs.noteJob(id, { type: "token_refused", execution: "7", attempt: null }),
  },
  gates: {
    pause: null,
    approve: (object, id) => object.gates.approve(id, { by: BY, reason: null }, KEY),
    reject: (object, id) => object.gates.reject(id, { by: BY, reason: null }, KEY),
    release: (object, id) => object.gates.release(id, BY, KEY),
    releaseThroughPause: (object, id) => object.gates.releaseThroughPause(id, { by: BY, reason: null }, KEY),
    approval: (object, id) => object.gates.approval(id, BY),
    hasGates: (object, id) => object.gates.hasGates(id),
    resume: (object) => object.gates.resume("prod"),
    pauses: (object) => object.gates.pauses(),
    groups: (object) => object.gates.groups(null, null, 10),
    setLimit: (object) => object.gates.setLimit("prod", "deploy", 2, 1),
  },
  watches: {
    events: (object, id) => object.watches.events(id, { after: 0, limit: 10 }),
    watch: (object, id) => object.watches.watch(id, { after: 0, limit: 10 }, SUBSCRIBER, 1),
    waitForEnd: (object, id) => object.watches.waitForEnd(id, SUBSCRIBER, { maxMs: 1, isLast: true }),
    changes: (object) => object.watches.changes({ after: null }),
    watchChanges: (object) => object.watches.watchChanges({ after: null }, SUBSCRIBER, 1),
    unwatch: (object) => object.watches.unwatch(SUBSCRIBER.key),
  },
  definitions: { note: null, changed: (object) => object.definitions.changed() },
  schedules: { lastTime: (object) => object.schedules.lastTime("nightly") },
  endpoints: {
    forgetHealth: null,
    recover: null,
    report: (object) => object.endpoints.report(ENDPOINT_KEY),
    page: (object) => object.endpoints.page(ENDPOINT_KEY, { limit: 10 }),
    resend: (object, id) => object.endpoints.resend(ENDPOINT_KEY, id, null),
    lastEvent: (object, id) => object.endpoints.lastEvent(id),
    admitTest: (object) => object.endpoints.admitTest(),
  },
  upkeep: {
    resync: null,
    lacking: (object) => object.upkeep.lacking({ limit: 1 }),
    search: (object) => object.upkeep.search({ text: "deploy", limit: 1 }),
    counts: (object) => object.upkeep.counts(),
    poke: (object) => object.upkeep.poke(),
  },
  bulk: {
    reserve: null,
    begin: (object) => object.bulk.begin(BULK),
    operation: (object) => object.bulk.operation(BULK),
    operations: (object) => object.bulk.operations(null, 10),
    items: (object) => object.bulk.items(BULK, null, 0, 10),
    abort: (object) => object.bulk.abort(BULK, STOPPER),
    drop: (object) => object.bulk.drop(BULK),
    preview: (object, id) => object.bulk.preview({ runIds: [id] }, true),
  },
  archive: {
    page: (object) => object.archive.page("made-up", 0),
    seal: (object) => object.archive.seal("made-up", 1, "hash"),
  },
  moves: {
    begin: null,
    chooseHome: null,
    state: (object) => object.moves.state(),
    cancel: (object) => object.moves.cancel(),
  },
  purges: { begin: null, state: (object) => object.purges.state(), preview: (object) => object.purges.preview(0) },
  erasing: { begin: null, wipe: (object) => object.erasing.wipe(1) },
};
const ASKING = Object.entries(CALLS).flatMap(([subject, calls]) =>
  Object.entries<Call | null>(calls).flatMap(([name, call]) =>
    call === null ? [] : [{ name: `${subject}.${name}`, call }],
  ),
);

function tablesOf(path: string): Promise<unknown[]> {
  return journal(path, "SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'");
}

/** Empty tables have a size. */
function withoutSize(answer: unknown): unknown {
  const isSized = typeof answer === "object" && answer !== null && "bytes" in answer;
  return isSized ? { ...answer, bytes: 0 } : answer;
}

async function expectUnwritten(path: string): Promise<void> {
  expect(await tablesOf(path)).toEqual([]);
  expect(await alarmAt(path)).toBeNull();
}

it.each(ASKING)("$name leaves no table and no alarm, and answers as an empty object does", async ({ call }) => {
  const [unwritten, empty] = [newRunsPath(), newRunsPath()];
  const answer = await call(direct(unwritten), await newIdIn(unwritten, Date.now()));
  await expectUnwritten(unwritten);
  await writeFirst(empty);
  expect(withoutSize(answer)).toEqual(withoutSize(await call(direct(empty), await newIdIn(empty, Date.now()))));
});

it("the first write of an object that was asked before makes its tables and its name", async () => {
  const path = newRunsPath();
  for (const { call } of ASKING) await call(direct(path), await newIdIn(path, Date.now()));
  await expectUnwritten(path);
  const id = await createAged(path);
  expect(await direct(path).runs.read(id)).toMatchObject({ ok: true });
  expect(await journal(path, "SELECT name FROM metadata WHERE name = 'name'")).toEqual([{ name: "name" }]);
  expect(await alarmAt(path)).not.toBeNull();
});

it("a first write that is taken back leaves no table, and the next one succeeds", async () => {
  const path = newRunsPath();
  await runInDurableObject(coordinator(path), (object: RunCoordinator, { storage }) => {
    const prototype = Object.getPrototypeOf(storage.sql) as SqlStorage;
    const { exec } = prototype;
    // The transaction has made the tables when its second row is refused.
    prototype.exec = function refused(this: SqlStorage, query: string, ...bindings: unknown[]) {
      if (bindings.includes("chat@1")) throw new Error("database or disk is full");
      return exec.call(this, query, ...bindings);
    } as SqlStorage["exec"];
    return expect(coordinatorOf(object).definitions.note("chat@1"))
      .rejects.toThrow("full")
      .finally(() => {
        prototype.exec = exec;
      });
  });
  await expectUnwritten(path);
  await direct(path).definitions.note("chat@1");
  expect(await journal(path, "SELECT name FROM metadata ORDER BY name")).toEqual([
    { name: "endpoints_noted" },
    { name: "name" },
  ]);
});

it.each<[what: string, status: number, method: string, suffix: string, ask: Ask]>([
  ["a PUT of a version that is not there", 412, "PUT", "", { body: ENDPOINT, headers: { "If-Match": '"1"' } }],
  ["a PUT that keeps a secret which is not there", 422, "PUT", "", { body: { ...ENDPOINT, url: null } }],
  ["a PUT of a bad body", 400, "PUT", "", { body: { ...ENDPOINT, url: "ftp://x" } }],
  ["a DELETE of none", 404, "DELETE", "", {}],
  ["enabling none", 404, "POST", "/enable", {}],
])("%s is refused, and leaves nothing in the coordinator", async (_, status, method, suffix, options) => {
  const path = newRunsPath();
  const endpoint = path.replace(/action-runs$/, "webhook-endpoints/chat");
  expect((await ask(method, `${endpoint}${suffix}`, options)).status).toBe(status);
  await expectUnwritten(path);
});
