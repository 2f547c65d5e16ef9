/**
 * Bulk operations of one coordinator without runs and without D1: the entrypoint that finds and changes runs is a
 * stand-in, at the platform's edge, whose answers the test gives. It notes what was really done to each run.
 */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, vi } from "vitest";
import type {
  BulkItem,
  BulkOperation,
  BulkOrder,
  BulkRequest,
  EndedRuns,
  NumberedItem,
} from "../../../../src/runs/bulk.ts";
import { NO_ENDED_RUNS } from "../../../../src/runs/bulk.ts";
import type { BulkRunner, Collected, Decided, Stopper } from "../../../../src/runs/bulk-calls.ts";
import { coordinatorOf } from "../../../../src/runs/protocol.ts";
import { coordinator } from "../../../support/direct.ts";
import { newRunsPath } from "../../../support/requests.ts";

/**
 * What becomes of a call. `unheard`: it is carried out, and its answer is lost. `hangs`: nothing is ever heard of it.
 * `late`: its answer comes when the test calls `release`.
 */
export type Fate = "answered" | "crashes" | "unheard" | "hangs" | "late";

interface Outside {
  /** The runs that match any filter, newest first. `isWaiting`: at a gate. */
  runs: { readonly id: string; readonly isWaiting: boolean }[];
  fate: (call: keyof BulkRunner) => Fate;
  /** What becomes of a run; null: undecided. */
  outcome: (runId: string) => BulkItem["outcome"];
  /** Whether D1 has everything. */
  isSettled: boolean;
  /** What is said of the asker. */
  asker: "living" | "unknown" | "token_revoked" | "token_expired";
  /** How often each run was changed by each operation: `{operation} {run}`. */
  done: Map<string, number>;
  /** The runs of each page, in order. */
  pages: string[][];
  concluded: { readonly operation: BulkOperation; readonly by: Stopper | null }[];
  collected: number;
  release: () => void;
  /** How the runs have ended that a cancel has asked to stop; null: one is open. */
  ends: EndedRuns | null;
}

const fresh = (): Outside => ({
  runs: [],
  fate: () => "answered",
  outcome: () => "accepted",
  isSettled: true,
  asker: "living",
  done: new Map(),
  pages: [],
  concluded: [],
  collected: 0,
  release: () => {},
  ends: NO_ENDED_RUNS,
});

export const outside = fresh();

async function meet<T>(call: keyof BulkRunner, carryOut: () => T): Promise<T> {
  const fate = outside.fate(call);
  if (fate === "hangs") return new Promise(() => {});
  if (fate === "crashes") throw new Error("the invocation died");
  const answer = carryOut();
  if (fate === "unheard") throw new Error("the answer was lost");
  if (fate === "late") {
    const { promise, resolve } = Promise.withResolvers<void>();
    outside.release = resolve;
    await promise;
  }
  return answer;
}

/** The key makes a repetition do nothing. */
function change({ id }: BulkOrder, runId: string): BulkItem | null {
  const key = `${id} ${runId}`;
  const rest = { newRunId: null, endedAs: null };
  if (outside.done.has(key)) return { runId, outcome: "accepted", code: null, ...rest };
  const outcome = outside.outcome(runId);
  if (outcome === "accepted") outside.done.set(key, 1);
  if (outcome === null) return null;
  return { runId, outcome, code: outcome === "accepted" ? null : "run_succeeded", ...rest };
}

const runner: BulkRunner = {
  collect: (_scope, _order, below, limit) =>
    meet("collect", (): Collected => {
      outside.collected++;
      if (!outside.isSettled) return { type: "not_settled" };
      const left = outside.runs.filter(({ id }) => below === null || id < below);
      const runs = left.slice(0, limit).map(({ id, isWaiting }) => [id, isWaiting] as const);
      return { type: "collected", runs, behind: left.length > limit ? (runs.at(-1)?.[0] ?? null) : null };
    }),
  sort: (_scope, runIds) =>
    meet("sort", (): Collected => {
      if (!outside.isSettled) return { type: "not_settled" };
      const waiting = new Set(outside.runs.flatMap(({ id, isWaiting }) => (isWaiting ? [id] : [])));
      return { type: "collected", runs: runIds.map((id) => [id, waiting.has(id)]), behind: null };
    }),
  decide: (_scope, order, runIds) =>
    meet("decide", (): Decided => {
      if (outside.asker === "unknown") return { type: "not_begun" };
      if (outside.asker !== "living") return { type: "refused", reason: outside.asker };
      outside.pages.push([...runIds]);
      return { type: "decided", items: runIds.map((runId) => change(order, runId)) };
    }),
  conclude: (_scope, operation, by) =>
    meet("conclude", () => {
      outside.concluded.push({ operation, by });
    }),
  ended: () => meet("ended", () => outside.ends),
};

/** Years ahead, so that the platform itself rings no alarm. */
const START = Date.parse("2090-01-01");

/** Begins each test of a file with no runs. The clock stands still unless the test moves it. */
export function useStandInRunner(): void {
  beforeEach(async () => {
    Object.assign(outside, fresh());
    vi.useFakeTimers({ toFake: ["Date"], now: START });
    // All objects of an isolate share these exports, and each reads them when it is constructed.
    return runInDurableObject(coordinator(newRunsPath()), (_, state) => {
      const { exports } = state as unknown as { exports: object };
      const real = Object.getOwnPropertyDescriptor(exports, "BulkOperations");
      Object.defineProperty(exports, "BulkOperations", { value: runner, configurable: true });
      return () => {
        if (real === undefined) Reflect.deleteProperty(exports, "BulkOperations");
        else Object.defineProperty(exports, "BulkOperations", real);
      };
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

export const CANCEL: BulkRequest = { operation: "cancel", reason: null, graceSeconds: 60 };
export const RETRY: BulkRequest = { operation: "retry", includeRetried: false };
export const STOPPER: Stopper = { id: "t1", name: "ada", sessionId: null, person: null };

export const awake = <T>(
  path: string,
  call: (object: ReturnType<typeof coordinator> extends DurableObjectStub<infer O> ? O : never) => Promise<T>,
): Promise<T> => runInDurableObject(coordinator(path), (object) => call(object));

let orders = 0;

/** Runs, newest first. */
export function runIds(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const n = (count - i).toString(16).padStart(12, "0");
    return `01890a5d-ac96-8000-8000-${n}`;
  });
}

interface Wanted {
  readonly request?: BulkRequest;
  readonly maxRuns?: number;
  readonly named?: readonly string[];
  readonly key?: string;
}

export function orderOf({ request = CANCEL, maxRuns = 10_000, named }: Wanted): BulkOrder {
  const n = (++orders).toString(16).padStart(12, "0");
  return {
    id: `01890a5d-ac96-774b-bcce-${n}`,
    request,
    filter: named === undefined ? { actionName: "deploy" } : null,
    maxRuns: named?.length ?? maxRuns,
    asker: { tokenId: "t1", tokenName: "ci", parents: [], person: null },
    mustNamePerson: false,
    origin: "https://runs.example",
  };
}

/** Reserves an operation and begins it; its id, or why it can't begin. */
export async function begin(path: string, wanted: Wanted = {}): Promise<string> {
  const order = orderOf(wanted);
  const changeKey = { key: wanted.key ?? `m:${order.id}`, fingerprint: "" };
  return awake(path, async (object) => {
    const reserved = await coordinatorOf(object).bulk.reserve(order, wanted.named ?? null, changeKey);
    if (!reserved.ok) return reserved.reason;
    await coordinatorOf(object).bulk.begin(reserved.id);
    return reserved.id;
  });
}

export async function bulkOf(path: string, id: string): Promise<BulkOperation> {
  const operation = await awake(path, (object) => coordinatorOf(object).bulk.operation(id));
  if (operation === null) throw new Error(`no operation ${id}`);
  return operation;
}

export async function itemsOf(path: string, id: string): Promise<readonly NumberedItem[]> {
  return (await awake(path, (object) => coordinatorOf(object).bulk.items(id, null, -1, 20_000))) ?? [];
}

/** Lets the clock go on, rings whatever alarm is due by then, and waits for the answers of what that begins. */
export async function pass(path: string, ms: number): Promise<void> {
  vi.setSystemTime(Date.now() + ms);
  await runDurableObjectAlarm(coordinator(path));
  // An answer is written before the next event of the object.
  await awake(path, async () => scheduler.wait(0));
}

/** Time passes in steps of `stepMs` until `isSo` returns true. Throws after 500 steps. */
export async function passUntil(path: string, isSo: () => Promise<boolean>, stepMs = 1300): Promise<void> {
  for (let steps = 0; !(await isSo()); steps++) {
    if (steps === 500) throw new Error("not within 500 steps");
    await pass(path, stepMs);
  }
}

export const passUntilEnd = (path: string, id: string, stepMs?: number) =>
  passUntil(path, async () => (await bulkOf(path, id)).completedAt !== null, stepMs);

/** The object dies with whatever it has under way. Its next caller finds a new one. */
export async function die(path: string): Promise<void> {
  await runInDurableObject(coordinator(path), (_, state) => state.abort("killed")).catch(() => {});
}
