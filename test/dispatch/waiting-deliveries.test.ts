/**
 * Deliveries that find no room for their attempt: they cost no write, start as soon as a place is free, and end at their
 * deadline. Only the entrypoint that makes a request, at the platform's edge, is a stand-in whose answers the test gives.
 */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { AttemptAnswer } from "../../src/dispatch/delivery.ts";
import type { Attempt } from "../../src/dispatch/sealed-request.ts";
import { keyHalves } from "../../src/runs/journal/run-key.ts";
import { coordinator, journal, MINUTE_MS, mint, until } from "../support/direct.ts";
import { landed } from "../support/landed.ts";
import { newRunsPath } from "../support/requests.ts";

const PLACES = 500;
const MB = 1_000_000;

interface Flight {
  readonly runId: string;
  readonly bytes: number;
  land(status: number): void;
  crash(): void;
}

/** Attempts that have left, in order; those under way. */
let sent: string[] = [];
let flying: Flight[] = [];

function send({ runId, sealed }: Attempt): Promise<AttemptAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<AttemptAnswer>();
  const gone = () => {
    flying = flying.filter((flight) => flight !== self);
  };
  const rest = { durationMs: 1, isFinal: false, excerpt: null, retryAfter: null };
  const self: Flight = {
    runId,
    bytes: sealed.byteLength,
    land: (status) => {
      gone();
      resolve({ ...rest, status, reason: `answered ${status}` });
    },
    crash: () => {
      gone();
      reject(new Error("the invocation died"));
    },
  };
  sent.push(runId);
  flying.push(self);
  return promise;
}

beforeEach(async () => {
  sent = [];
  flying = [];
  // One for the isolate: every object finds it there.
  await runInDurableObject(coordinator(newRunsPath(), 0), (_, state) => {
    const { exports } = state as unknown as { exports: object };
    Object.defineProperty(exports, "WebhookSender", { value: { send }, configurable: true });
  });
});
afterEach(() => vi.useRealTimers());

interface Wanted {
  readonly bytes?: number;
  readonly minutes?: number;
}

/** Runs with a delivery each; their ids, in the order in which those start that wait. */
async function fire(
  path: string,
  count: number,
  { bytes = 10, minutes = 60 }: Wanted = {},
): Promise<string[]> {
  const createdAt = Date.now();
  // Two runs of one millisecond may get the same key, and then the second is refused.
  const byKey = new Map<string, string>();
  while (byKey.size < count) {
    const id = await mint(path, createdAt);
    byKey.set(keyHalves(id).join(), id);
  }
  const ids = [...byKey.values()].sort();
  await runInDurableObject(coordinator(path, 0), async (instance) => {
    const made = ids.map((id) =>
      instance.create(
        {
          id,
          createdAt,
          deadlineAt: createdAt + minutes * MINUTE_MS,
          actionName: "deploy",
          entityId: null,
          parameters: "{}",
          recommendations: "{}",
          triggeredBy: "root",
          heartbeatTimeoutMs: null,
          source: "trigger",
          actionVersion: null,
          retryOf: null,
          labels: "[]",
        },
        { key: `m:${id}`, fingerprint: "" },
        {
          host: "ci.example",
          startOn: "accepted",
          maxAttempts: 2,
          initialDelayMs: 100,
          sealed: new Uint8Array(bytes),
        },
      ),
    );
    expect((await Promise.all(made)).every(({ ok }) => ok)).toBe(true);
  });
  return ids;
}

/** Answers attempts under way, as their coordinator hears it. */
async function land(path: string, flights: readonly (Flight | undefined)[]): Promise<void> {
  await runInDurableObject(coordinator(path, 0), async () => {
    for (const flight of flights) flight?.land(200);
  });
}

const ring = (path: string) => runDurableObjectAlarm(coordinator(path, 0));
const alarmAt = (path: string) =>
  runInDurableObject(coordinator(path, 0), (_, state) => state.storage.getAlarm());

/** What the coordinator writes into its SQL while `work` is done. */
async function rowsWritten(path: string, work: () => Promise<unknown>): Promise<number> {
  const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
  let restore = () => {};
  await runInDurableObject(coordinator(path, 0), (_, { storage: { sql } }) => {
    const prototype = Object.getPrototypeOf(sql) as SqlStorage;
    const { exec } = prototype;
    prototype.exec = function (this: SqlStorage, ...args: Parameters<SqlStorage["exec"]>) {
      const cursor = exec.apply(this, args);
      cursors.push(cursor);
      return cursor;
    } as SqlStorage["exec"];
    restore = () => {
      prototype.exec = exec;
    };
  });
  try {
    await work();
  } finally {
    restore();
  }
  expect(cursors.length).toBeGreaterThan(0);
  return cursors.reduce((sum, cursor) => sum + cursor.rowsWritten, 0);
}

/** Lets the clock go on, and rings whatever alarm is due by then. */
async function pass(path: string, ms: number): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  await ring(path);
}

it("1000 waiting deliveries write nothing when the alarm rings", async () => {
  const path = newRunsPath();
  await fire(path, PLACES + 1000);
  expect(flying).toHaveLength(PLACES);
  await landed(path);
  // All that waits has been looked at once.
  for (let n = 0; n < 10; n++) await pass(path, 100);
  const written = await rowsWritten(path, async () => {
    for (let n = 0; n < 20; n++) await pass(path, 1000);
  });
  // A look whether anything must be landed again is put off, and that is noted.
  expect(written).toBeLessThan(10);
  expect(await alarmAt(path)).toBeGreaterThan(Date.now());
  expect(flying).toHaveLength(PLACES);
});

it("the delivery that waits longest starts first when a place is free", async () => {
  const path = newRunsPath();
  const ids = await fire(path, PLACES + 4);
  const [later = ""] = await fire(path, 1);
  expect(sent).toEqual(ids.slice(0, PLACES));
  await land(path, [flying[0]]);
  await until(async () => sent.length === PLACES + 1);
  await runInDurableObject(coordinator(path, 0), () => flying[0]?.crash());
  await until(async () => sent.length === PLACES + 2);
  const [, third] = flying;
  await runInDurableObject(coordinator(path, 0), (instance) =>
    instance.change(third?.runId ?? "", { type: "cancelled" }, { key: "m:x", fingerprint: "" }),
  );
  await land(path, [third]);
  await until(async () => sent.length === PLACES + 3);
  await land(path, [...flying]);
  await until(async () => sent.length === PLACES + 5);
  expect(sent).toEqual([...ids, later]);
});

it("all waiting deliveries start again after the object restarts", async () => {
  const path = newRunsPath();
  const ids = await fire(path, PLACES + 300);
  await ring(path);
  flying = [];
  sent = [];
  await evictDurableObject(coordinator(path, 0));
  // By then the attempts that were under way count as lost, and wait for their next one behind the others.
  await pass(path, 31_000);
  for (let n = 0; n < 10 && flying.length < PLACES; n++) await pass(path, 100);
  expect(flying).toHaveLength(PLACES);
  expect(sent.slice(0, 300)).toEqual(ids.slice(PLACES));
  while (flying.length > 0) {
    await land(path, [...flying]);
    await ring(path);
  }
  expect(new Set(sent)).toEqual(new Set(ids));
  const open = await journal(path, 0, "SELECT id FROM runs WHERE status = 'pending'");
  expect(open).toEqual([]);
});

it("waiting deliveries have an alarm even if no attempt has a lease any more", async () => {
  const path = newRunsPath();
  const ids = await fire(path, PLACES + 3);
  await ring(path);
  await runInDurableObject(coordinator(path, 0), async (instance) => {
    const cancels = ids
      .slice(0, PLACES)
      .map((id) => instance.change(id, { type: "cancelled" }, { key: `m:${id}`, fingerprint: "" }));
    await Promise.all(cancels);
  });
  await landed(path);
  // The repair, and what else has nothing to do with them.
  for (let n = 0; n < 3; n++) await pass(path, 5000);
  sent = [];
  flying = [];
  await evictDurableObject(coordinator(path, 0));
  const at = await alarmAt(path);
  expect(at).toBeLessThan(Date.now() + MINUTE_MS);
  await pass(path, MINUTE_MS);
  expect(sent).toEqual(ids.slice(PLACES));
});

it("a waiting delivery ends at its deadline and holds up no other run", async () => {
  const path = newRunsPath();
  await fire(path, PLACES);
  const short = await fire(path, 250, { minutes: 1 });
  const long = await fire(path, 250);
  for (let n = 0; n < 5; n++) await ring(path);
  // A run that nobody delivers, due later than all that waits.
  const [silent = ""] = await fire(path, 1, { minutes: 2 });
  const statuses = async (ids: readonly string[]) => {
    const list = JSON.stringify(ids);
    const query =
      "SELECT DISTINCT status FROM runs WHERE id IN (SELECT value FROM json_each(?)) ORDER BY status";
    return (await journal<{ status: string }>(path, 0, query, list)).map(({ status }) => status);
  };
  // The attempts under way go on hanging: their leases end, and they wait too.
  await pass(path, MINUTE_MS + 1);
  for (let n = 0; n < 10; n++) await pass(path, 100);
  expect([await statuses(short), await statuses(long)]).toEqual([["failed"], ["pending"]]);
  await pass(path, MINUTE_MS);
  for (let n = 0; n < 10; n++) await pass(path, 100);
  expect(await statuses([silent])).toEqual(["failed"]);
});

it("attempts under way are bounded by their bytes too, and the next one leaves as soon as it fits", async () => {
  const path = newRunsPath();
  const ids = await fire(path, 40, { bytes: MB });
  const inTheAir = () => flying.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(inTheAir()).toBe(32 * MB);
  await ring(path);
  expect(inTheAir()).toBe(32 * MB);
  while (sent.length < ids.length) {
    await land(path, [flying[0]]);
    await ring(path);
    expect(inTheAir()).toBe(32 * MB);
  }
  expect(sent).toEqual(ids);
});
