/** Calls a coordinator directly, for what the API can't do: create runs of any age, and read the journal. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { onTestFinished, vi } from "vitest";
import { RunCoordinator } from "../../src/runs/coordinator/coordinator.ts";
import { JournalSql } from "../../src/runs/journal/schema.ts";
import { type Coordinator, coordinatorOf } from "../../src/runs/protocol.ts";
import type { NewRun } from "../../src/runs/run.ts";
import type { Heartbeat, RunReply } from "../../src/runs/run-calls.ts";
import { createRunId } from "../../src/runs/run-id.ts";
import type { RunEvent } from "../../src/runs/transition.ts";
import { keyRing } from "../../src/settings/key-ring.ts";

import { newRunsPath, scopeOfPath } from "./requests.ts";
import { newRun } from "./rows.ts";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** The object that owns an environment's runs, to look inside it. `path`: of the environment, or below it. */
export function coordinator(path: string) {
  return env.COORDINATORS.getByName(scopeOfPath(path));
}

/** Does something to the storage of the object that owns an environment's runs. */
export async function inStorage(path: string, act: (storage: DurableObjectStorage) => void): Promise<void> {
  await runInDurableObject(coordinator(path), (_instance, state) => act(state.storage));
}

/** The calls of the object that owns an environment's runs. */
export function direct(path: string): Coordinator {
  return coordinatorOf(coordinator(path));
}

/**
 * Watches the calls of one name that coordinators get, until the test has ended. `around`: answers one. `go` makes it.
 */
export function spyOnCalls<S extends keyof Coordinator>(
  subject: S,
  name: keyof Coordinator[S],
  around: (go: () => Promise<unknown>, args: readonly unknown[]) => Promise<unknown> = (go) => go(),
) {
  const { prototype } = RunCoordinator;
  const { call } = prototype;
  const spy = vi.fn(around);
  prototype.call = async function spied(this: RunCoordinator, ...asked) {
    const go = () => call.apply(this, asked);
    return asked[0] === subject && asked[1] === name ? spy(go, asked[2]) : go();
  };
  const restore = () => {
    prototype.call = call;
  };
  onTestFinished(restore);
  return Object.assign(spy, { restore });
}

export async function newIdIn(path: string, createdAt: number): Promise<string> {
  const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
  if (!ring.ok) throw new Error(ring.error);
  return createRunId(ring.value, scopeOfPath(path), createdAt);
}

/** Creates a run of any age and returns its id. Nothing starts it, unless `run` says what does. */
export async function createAged(path: string, run: Partial<NewRun> = {}): Promise<string> {
  const { createdAt = Date.now() } = run;
  const id = await newIdIn(path, createdAt);
  const key = { key: `m:${id}`, fingerprint: "" };
  const answer = await direct(path).runs.create(newRun({ ...run, id, createdAt }), key, null);
  // Two ids of one millisecond can want one place in the journal.
  if (!answer.ok && answer.reason === "id_taken") return createAged(path, { ...run, createdAt });
  if (!answer.ok) throw new Error(`create: ${answer.reason}`);
  return id;
}

/** The same in an environment of its own. */
export async function givenAged(run?: Partial<NewRun>) {
  const path = newRunsPath();
  const id = await createAged(path, run);
  return { path, id, runPath: `${path}/${id}` };
}

export function change(path: string, id: string, event: RunEvent): Promise<RunReply> {
  return direct(path).runs.applyEvent(id, event, { key: `m:${crypto.randomUUID()}`, fingerprint: "" });
}

/** Sends so many heartbeats, each with another message, in the object itself. */
export async function beatMany(path: string, id: string, count: number): Promise<void> {
  await runInDurableObject(coordinator(path), async (instance) => {
    for (let n = 0; n < count; n++) await coordinatorOf(instance).runs.heartbeat(id, { message: `m${n}` });
  });
}

/** Makes a coordinator's tables, as its first write does, and leaves them empty. */
export async function writeFirst(path: string): Promise<void> {
  const pause = { group: "first", reason: "a test", until: null, by: "root", via: null, at: Date.now() };
  await direct(path).gates.pause(pause);
  await direct(path).gates.resume("first");
}

/** Runs a query on the journal of a coordinator. One that was never written to has empty tables. */
export function journal<T extends Record<string, SqlStorageValue>>(
  path: string,
  query: string,
  ...bindings: (string | number | null)[]
): Promise<T[]> {
  return runInDurableObject(coordinator(path), (_instance, { storage }) => {
    const scope = scopeOfPath(path);
    const sql = /^\s*(SELECT|UPDATE|DELETE)/.test(query) ? new JournalSql(storage, scope) : storage.sql;
    return [...sql.exec<T>(query, ...bindings)];
  });
}

/**
 * The platform's own SqlStorage, whose answers a test may watch or change: the prototype that the storage of every
 * object in this isolate has. Wakes the coordinator of these runs.
 */
export async function sqlStorage(path: string): Promise<SqlStorage> {
  let prototype: unknown;
  await runInDurableObject(coordinator(path), (_instance, { storage }) => {
    prototype = Object.getPrototypeOf(storage.sql);
  });
  return prototype as SqlStorage;
}

export function alarmAt(path: string): Promise<number | null> {
  return runInDurableObject(coordinator(path), (_instance, state) => state.storage.getAlarm());
}

/** Runs the alarm of a coordinator as if `ms` had passed. */
export async function alarmIn(ms: number, stub: DurableObjectStub<RunCoordinator>): Promise<boolean> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  try {
    return await runDurableObjectAlarm(stub);
  } finally {
    vi.useRealTimers();
  }
}

/**
 * Ends the environment's object at once, as a crash does: what it holds in memory and has under way is lost. The next
 * call finds a new object. It ends in a timer, because workerd logs an end during a call.
 */
export async function restart(path: string): Promise<void> {
  let isDead = false;
  await runInDurableObject(coordinator(path), (_, state) => {
    setTimeout(() => {
      isDead = true;
      state.abort("killed");
    });
  });
  while (!isDead) await scheduler.wait(0);
}

/**
 * Lets timers of a second or more run ten times faster until the test ends. A test of a D1 that hangs need not
 * wait for the real deadlines, and their order stays the same. `from`, `below`: hurries only timers of so many ms.
 */
export function hurryTimers(from = 1000, below = Number.POSITIVE_INFINITY): void {
  const { setTimeout } = globalThis;
  const hurried = (handler: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
    setTimeout(handler, ms < from || ms >= below ? ms : ms / 10, ...args);
  vi.spyOn(globalThis, "setTimeout").mockImplementation(hurried as unknown as typeof setTimeout);
}

/** Only a test that hangs waits as long. Beside other work, everything takes ten times as long as alone. */
export const HANG_MS = 120_000;

/** Waits until `isSo` returns true. Throws after `ms`. */
export async function until(isSo: () => Promise<boolean>, ms = HANG_MS): Promise<void> {
  const end = performance.now() + ms;
  for (let pause = 1; !(await isSo()); pause = Math.min(pause * 2, 50)) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms`);
    await scheduler.wait(pause);
  }
}

/** What a heartbeat costs the journal. */
export function heartbeatCost(path: string, id: string, heartbeat: Heartbeat) {
  return runInDurableObject(coordinator(path), async (instance, { storage }) => {
    const { sql } = storage;
    const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
    const exec = sql.exec.bind(sql);
    sql.exec = ((query: string, ...bindings: unknown[]) => {
      const cursor = exec(query, ...bindings);
      cursors.push(cursor);
      return cursor;
    }) as typeof sql.exec;
    await coordinatorOf(instance).runs.heartbeat(id, heartbeat);
    sql.exec = exec;
    return { statements: cursors.length, rows: cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0) };
  });
}

/** Every row of the journal and of D1 as text. */
export async function everyRow(path: string): Promise<string> {
  const own = await runInDurableObject(coordinator(path), (_, { storage: { sql } }) => {
    const tables = [
      ...sql.exec("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'"),
    ];
    return JSON.stringify(
      tables.map(({ name }) => [name, [...sql.exec(`SELECT * FROM "${name}"`)]]),
      (_key, value) => (value instanceof ArrayBuffer ? new TextDecoder("latin1").decode(value) : value),
    );
  });
  const { results } = await env.DB.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all<{
    name: string;
  }>();
  const names = results
    .map(({ name }) => name)
    .filter((name) => !name.startsWith("_cf") && !name.startsWith("sqlite_"));
  const rows = await env.DB.batch(names.map((name) => env.DB.prepare(`SELECT * FROM "${name}"`)));
  return own + JSON.stringify(rows.map(({ results }) => results));
}
