/**
 * Deliveries of one coordinator without a receiver: the two entrypoints that know endpoints are stand-ins, at the
 * platform's edge, whose answers the test gives. So is what D1 says of the endpoints.
 */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, vi } from "vitest";
import {
  type DeliveryAttempt,
  type DeliveryResult,
  type EndpointFilter,
  readEndpointKey,
} from "../../../src/runs/endpoint-deliveries.ts";

import { change, coordinator, createAged, direct, journal, until } from "../../support/direct.ts";
import { faults } from "../../support/faults.ts";
import { newRunsPath } from "../../support/requests.ts";

export interface UnderWay {
  readonly attempt: DeliveryAttempt;
  answer(result: Partial<DeliveryResult> | number): void;
  crash(): void;
}

interface Outside {
  /** The keys of the endpoints that D1 has. */
  endpoints: string[];
  /** What they hear of, by key. Without an entry: everything. */
  filters: Readonly<Record<string, Partial<EndpointFilter>>>;
  /** How a read of the endpoints is held up, after D1 has looked and before its answer arrives. */
  holdRead: (() => Promise<void>) | null;
  reads: number;
  sent: DeliveryAttempt[];
  underWay: UnderWay[];
  /** What each attempt comes to at once; null: the test answers. */
  answers: ((attempt: DeliveryAttempt) => Partial<DeliveryResult> | number) | null;
  considered: string[];
}

const NOTHING: Outside = {
  endpoints: [],
  filters: {},
  holdRead: null,
  reads: 0,
  sent: [],
  underWay: [],
  answers: null,
  considered: [],
};

export const outside: Outside = { ...NOTHING };

/** The result of an attempt that was answered with this status, by version 1 of its endpoint. */
function resultOf(result: Partial<DeliveryResult> | number): DeliveryResult {
  const status = typeof result === "number" ? result : 503;
  const isAlive = status < 500;
  const verdict = status < 300 ? "delivered" : status === 422 ? "refused" : "failed";
  return {
    verdict,
    isAlive,
    version: 1,
    status,
    durationMs: 1,
    reason: `answered ${status}`,
    excerpt: null,
    retryAfter: null,
    ...(typeof result === "number" ? {} : result),
  };
}

function send(attempt: DeliveryAttempt): Promise<DeliveryResult> {
  outside.sent.push(attempt);
  if (outside.answers !== null) return Promise.resolve(resultOf(outside.answers(attempt)));
  const { promise, resolve, reject } = Promise.withResolvers<DeliveryResult>();
  const gone = () => {
    outside.underWay = outside.underWay.filter((other) => other !== self);
  };
  const self: UnderWay = {
    attempt,
    answer: (result) => {
      gone();
      resolve(resultOf(result));
    },
    crash: () => {
      gone();
      reject(new Error("the invocation died"));
    },
  };
  outside.underWay.push(self);
  return promise;
}

async function considerDisabling(_scope: string, endpoint: string): Promise<void> {
  outside.considered.push(endpoint);
}

const EVERYTHING: EndpointFilter = {
  events: ["action_run.*"],
  actionNames: null,
  labels: [],
  includeUnstored: true,
  onlyOnChange: false,
  final: false,
  disabled: false,
  showsPrevious: false,
};

/** The rows of D1. An endpoint has another version for each filter. */
export function rowsInD1(): object[] {
  return outside.endpoints.map((key) => {
    const filter = JSON.stringify({ ...EVERYTHING, ...outside.filters[key] });
    return { kind: "webhook_endpoint", ...readEndpointKey(key), version: filter.length + 100, isDisabled: 0, filter };
  });
}

/** The environments that were read in earlier tests, whose alarms may still ring, and in this one. */
const earlier = new Set<string>();
const current = new Set<string>();

async function read(scope: string): Promise<object[]> {
  if (earlier.has(scope)) return [];
  current.add(scope);
  outside.reads++;
  const rows = rowsInD1();
  await outside.holdRead?.();
  return rows;
}

/** The key of an endpoint. */
export const CHAT = "chat@1";

export interface DeliveryRow extends Record<string, SqlStorageValue> {
  readonly endpoint: string;
  readonly run_id: string;
  readonly state: string;
  readonly attempt: number;
  readonly next_at: number | null;
  readonly due_at: number;
  readonly lease_until: number | null;
  readonly attempts: string;
}

export const deliveryRows = (path: string) =>
  journal<DeliveryRow>(path, "SELECT * FROM deliveries ORDER BY endpoint, run_id");
export const healthRows = (path: string) => journal(path, "SELECT * FROM endpoint_health ORDER BY endpoint");
export const untilSent = (n: number) => until(async () => outside.sent.length >= n);
/** Waits until each of the deliveries, of which there is at least one, is as `is` says. */
export const untilEach = (path: string, is: (row: DeliveryRow) => boolean) =>
  until(async () => {
    const rows = await deliveryRows(path);
    return rows.length > 0 && rows.every(is);
  });
/** Waits until no attempt is under way. */
export const untilIdle = (path: string) => untilEach(path, ({ lease_until }) => lease_until === null);
export const untilDelivered = (path: string) => untilEach(path, ({ state }) => state === "delivered");

/** An environment whose ends these endpoints hear of. */
export async function given(...endpoints: string[]): Promise<string> {
  const path = newRunsPath();
  await put(path, ...endpoints);
  return path;
}

/** The same, with endpoints that answer 200. */
export async function givenWorking(...endpoints: string[]): Promise<string> {
  outside.answers = () => 200;
  return given(...endpoints);
}

/** Notes that endpoints will be stored. */
export async function note(path: string, ...endpoints: string[]): Promise<void> {
  if (endpoints.length === 0) await direct(path).definitions.note(null);
  for (const key of endpoints) await direct(path).definitions.note(key);
}

export const changed = (path: string) => direct(path).definitions.changed();

/** Makes these the endpoints that D1 has, as PUTs and DELETEs do. */
export async function put(path: string, ...endpoints: string[]): Promise<void> {
  await note(path, ...endpoints.filter((key) => !outside.endpoints.includes(key)));
  outside.endpoints = endpoints;
  await changed(path);
}

/** Begins each test of a file with nothing sent and no endpoint. */
export function useStandInEndpoints(): void {
  beforeEach(async () => {
    Object.assign(outside, { ...NOTHING, sent: [], underWay: [], considered: [], endpoints: [] });
    for (const scope of current) earlier.add(scope);
    current.clear();
    faults.endpoints = read;
    // All objects of an isolate share these exports, and each reads them when it is constructed.
    return runInDurableObject(coordinator(newRunsPath()), (_, state) => {
      const { exports } = state as unknown as { exports: object };
      const values = { WebhookEndpoints: { considerDisabling }, DeliverySender: { send } };
      const real = Object.keys(values).map((name) => [name, Object.getOwnPropertyDescriptor(exports, name)] as const);
      for (const [name, value] of Object.entries(values)) {
        Object.defineProperty(exports, name, { value, configurable: true });
      }
      return () => {
        for (const [name, descriptor] of real) {
          if (descriptor === undefined) Reflect.deleteProperty(exports, name);
          else Object.defineProperty(exports, name, descriptor);
        }
      };
    });
  });
  afterEach(() => {
    faults.endpoints = null;
    vi.useRealTimers();
  });
}

/** Creates a run and ends it; its id. */
export async function end(path: string, status: "succeeded" | "failed" = "failed"): Promise<string> {
  const id = await createAged(path);
  const report = status === "failed" ? { error: "no" } : { output: null };
  const reply = await change(path, id, { type: status, ...report } as never);
  if (!reply.ok) throw new Error(`the run refused its end: ${reply.reason}`);
  return id;
}

/** Takes all runs away, as when their retention is over. */
export async function purge(path: string): Promise<void> {
  await journal(path, "UPDATE runs SET purge_at = 1000, due_at = 1000");
  await until(async () => {
    await pass(path, 20_000);
    return (await journal(path, "SELECT 1 FROM runs")).length === 0;
  });
}

/** Answers attempts under way, as their coordinator hears it. */
export async function answer(
  path: string,
  attempts: readonly (UnderWay | undefined)[],
  result: Partial<DeliveryResult> | number,
): Promise<void> {
  await runInDurableObject(coordinator(path), async () => {
    for (const attempt of attempts) attempt?.answer(result);
  });
}

/** Lets the clock go on, and rings whatever alarm is due by then. */
export async function pass(path: string, ms: number): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  // The platform may ring the alarm itself at this moment, by the real clock. Then it is set again soon.
  for (let tries = 0; tries < 5; tries++) {
    if (await runDurableObjectAlarm(coordinator(path))) return;
    await scheduler.wait(2);
  }
}
