/**
 * Requests of a coordinator without a receiver. Only the entrypoint that makes a request, at the platform's edge, is a
 * stand-in whose answers the test gives.
 */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeEach, expect, vi } from "vitest";
import { keyHalves } from "../../src/runs/journal/run-rows.ts";
import { coordinatorOf } from "../../src/runs/protocol.ts";
import type { AttemptResult } from "../../src/webhooks/dispatch.ts";
import type { Attempt } from "../../src/webhooks/webhook-request.ts";

import { coordinator, MINUTE_MS, newIdIn } from "../support/direct.ts";
import { newRunsPath, scopeOfPath } from "../support/requests.ts";
import { newRun } from "../support/rows.ts";

/**
 * For `beforeEach`: objects that wake during the test send attempts with `send`. Returns what puts the real entrypoint
 * back.
 */
export async function sendWith<A = Attempt, R = AttemptResult>(
  send: (attempt: A) => Promise<R>,
  name = "WebhookSender",
): Promise<() => void> {
  // All objects of an isolate share these exports, and each reads them when it is constructed.
  return runInDurableObject(coordinator(newRunsPath()), (_, state) => {
    const { exports } = state as unknown as { exports: object };
    const real = Object.getOwnPropertyDescriptor(exports, name);
    Object.defineProperty(exports, name, { value: { send }, configurable: true });
    return () => {
      if (real === undefined) Reflect.deleteProperty(exports, name);
      else Object.defineProperty(exports, name, real);
    };
  });
}

export interface UnderWay {
  readonly runId: string;
  readonly bytes: number;
  answer(status: number): void;
  crash(): void;
}

/** `sent`: the runs of attempts that have left, in order. `underWay`: the attempts under way. */
interface Outside {
  sent: string[];
  underWay: UnderWay[];
}

export const outside: Outside = { sent: [], underWay: [] };
/** The environments of this test. Alarms of earlier ones may still ring. */
const current = new Set<string>();

function send({ scope, runId, sealed }: Attempt): Promise<AttemptResult> {
  const { promise, resolve, reject } = Promise.withResolvers<AttemptResult>();
  if (!current.has(scope)) return promise;
  const gone = () => {
    outside.underWay = outside.underWay.filter((attempt) => attempt !== self);
  };
  const rest = { durationMs: 1, isFinal: false, excerpt: null, retryAfter: null };
  const self: UnderWay = {
    runId,
    bytes: sealed.byteLength,
    answer: (status) => {
      gone();
      resolve({ ...rest, status, reason: `answered ${status}` });
    },
    crash: () => {
      gone();
      reject(new Error("the invocation died"));
    },
  };
  outside.sent.push(runId);
  outside.underWay.push(self);
  return promise;
}

/** Begins each test of a file with nothing sent. */
export function useStandInSender(): void {
  beforeEach(async () => {
    outside.sent = [];
    outside.underWay = [];
    current.clear();
    return sendWith(send);
  });
}

/** `bytes`: of each request. `isStoppable`: each trigger has a stop request too. */
interface Wanted {
  readonly host?: string;
  readonly maxAttempts?: number | null;
  readonly initialDelayMs?: number;
  readonly bytes?: number;
  readonly minutes?: number;
  readonly isStoppable?: boolean;
}

/** Runs with a dispatch each; their ids, in the order in which those start that wait. */
export async function fire(
  path: string,
  count: number,
  {
    host = "ci.example",
    maxAttempts = 2,
    bytes = 10,
    minutes = 60,
    isStoppable = false,
    initialDelayMs = 100,
  }: Wanted = {},
): Promise<string[]> {
  current.add(scopeOfPath(path));
  const createdAt = Date.now();
  const request = { host, maxAttempts, initialDelayMs, sealed: new Uint8Array(bytes) };
  // Two runs of one millisecond may get the same key, and then the second is refused.
  const byKey = new Map<string, string>();
  while (byKey.size < count) {
    const id = await newIdIn(path, createdAt);
    byKey.set(keyHalves(id).join(), id);
  }
  const ids = [...byKey.values()].sort();
  await runInDurableObject(coordinator(path), async (instance) => {
    const made = ids.map((id) =>
      coordinatorOf(instance).runs.create(
        newRun({ id, createdAt, deadlineAt: createdAt + minutes * MINUTE_MS, source: "trigger" }),
        { key: `m:${id}`, fingerprint: "" },
        { ...request, startOn: "accepted", ...(isStoppable && { stopRequest: request }) },
      ),
    );
    expect((await Promise.all(made)).every(({ ok }) => ok)).toBe(true);
  });
  return ids;
}

/** Answers attempts under way, as their coordinator hears it. */
export async function answer(path: string, attempts: readonly (UnderWay | undefined)[], status = 200): Promise<void> {
  await runInDurableObject(coordinator(path), async () => {
    for (const attempt of attempts) attempt?.answer(status);
  });
}

export const ring = (path: string) => runDurableObjectAlarm(coordinator(path));
export const alarmAt = (path: string) => runInDurableObject(coordinator(path), (_, state) => state.storage.getAlarm());

/** What the coordinator writes into its SQL while `work` is done. */
export async function rowsWritten(path: string, work: () => Promise<unknown>): Promise<number> {
  const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
  let restore = () => {};
  await runInDurableObject(coordinator(path), (_, { storage: { sql } }) => {
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
export async function pass(path: string, ms: number): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  await ring(path);
}
