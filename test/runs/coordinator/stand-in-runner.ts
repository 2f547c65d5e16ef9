/**
 * Bulk operations of one coordinator without the Worker: the entrypoint that judges the asker and retries runs is a
 * stand-in, at the platform's edge, whose answers the test gives. It notes what was really done to each run. What is
 * cancelled is real.
 */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { beforeEach, vi } from "vitest";
import type {
  BulkItem,
  BulkOperation,
  BulkOrder,
  BulkRequest,
  BulkRunner,
  NumberedItem,
  Stopper,
} from "../../../src/runs/bulk.ts";
import type { RunCoordinator } from "../../../src/runs/coordinator/coordinator.ts";
import { type Coordinator, coordinatorOf } from "../../../src/runs/protocol.ts";

import { coordinator, createAged, journal, until } from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";

/**
 * What becomes of a call. `unheard`: it is carried out, and its answer is lost. `hangs`: nothing is ever heard of it.
 * `late`: its answer comes when the test calls `release`.
 */
export type Fate = "answered" | "crashes" | "unheard" | "hangs" | "late";

interface Outside {
  fate: (call: keyof BulkRunner) => Fate;
  /** What becomes of a run; null: undecided. */
  outcome: (runId: string) => BulkItem["outcome"];
  /** What is said of the asker. */
  asker: "living" | "unknown" | "token_revoked" | "token_expired";
  /** The retries that were made: `{operation} {run}`. */
  retried: Set<string>;
  /** The runs of each batch of retries, in order. */
  batches: string[][];
  /** How often the asker was judged: before each batch. */
  judged: number;
  concluded: { readonly operation: BulkOperation; readonly by: Stopper | null }[];
  release: () => void;
}

const fresh = (): Outside => ({
  fate: () => "answered",
  outcome: () => "accepted",
  asker: "living",
  retried: new Set(),
  batches: [],
  judged: 0,
  concluded: [],
  release: () => {},
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
function retry({ id }: BulkOrder, runId: string): BulkItem | null {
  const key = `${id} ${runId}`;
  const outcome = outside.retried.has(key) ? "accepted" : outside.outcome(runId);
  if (outcome === null) return null;
  if (outcome === "accepted") outside.retried.add(key);
  return { runId, outcome, code: outcome === "accepted" ? null : "run_open", newRunId: null };
}

const runner: BulkRunner = {
  judge: () =>
    meet("judge", () => {
      outside.judged++;
      if (outside.asker === "unknown") throw new Error("D1 does not answer");
      return outside.asker;
    }),
  retry: (_scope, order, runIds) =>
    meet("retry", () => {
      outside.batches.push([...runIds]);
      return runIds.map((runId) => retry(order, runId));
    }),
  conclude: (_scope, operation, by) =>
    meet("conclude", () => {
      outside.concluded.push({ operation, by });
    }),
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
}

export const CANCEL: BulkRequest = { operation: "cancel", reason: null, graceSeconds: 60 };
export const RETRY: BulkRequest = { operation: "retry", includeRetried: false };
export const STOPPER: Stopper = { id: "t1", name: "ada", sessionId: null, person: null };

/** Calls the object from inside, so that nothing else runs before the call. */
export const awake = <T>(
  path: string,
  call: (object: Coordinator, instance: RunCoordinator) => Promise<T>,
): Promise<T> => runInDurableObject(coordinator(path), (object: RunCoordinator) => call(coordinatorOf(object), object));

let orders = 0;

/** Ids of runs that nobody has. */
export function runIds(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const n = (count - i).toString(16).padStart(12, "0");
    return `01890a5d-ac96-8000-8000-${n}`;
  });
}

export const createRuns = (path: string, count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, () => createAged(path, { deadlineAt: START + 10 * 86_400_000 })));

interface Wanted {
  readonly request?: BulkRequest;
  readonly maxRuns?: number;
  readonly named?: readonly string[];
}

/** Without `named`: the runs of the action `deploy`. */
export function orderOf({ request = CANCEL, maxRuns = 10_000, named }: Wanted): BulkOrder {
  const n = (++orders).toString(16).padStart(12, "0");
  const filter = named === undefined ? { actionName: "deploy" } : null;
  const createdAt = Date.now().toString(16).padStart(12, "0");
  return {
    id: `${createdAt.slice(0, 8)}-${createdAt.slice(8)}-774b-bcce-${n}`,
    request,
    filter,
    filters: filter,
    maxRuns: named?.length ?? maxRuns,
    asker: { tokenId: "t1", tokenName: "ci", parents: [], person: null },
    mustNamePerson: false,
    origin: "https://runs.example",
  };
}

/** Reserves an operation and begins it; its id, or why it can't begin. */
export async function begin(path: string, wanted: Wanted): Promise<string> {
  const order = orderOf(wanted);
  return awake(path, async (object) => {
    const changeKey = { key: `m:${order.id}`, fingerprint: "" };
    const reserved = await object.bulk.reserve(order, wanted.named ?? null, changeKey);
    if (!reserved.ok) return reserved.reason;
    await object.bulk.begin(reserved.id);
    return reserved.id;
  });
}

export async function bulkOf(path: string, id: string): Promise<BulkOperation> {
  const operation = await awake(path, (object) => object.bulk.operation(id));
  if (operation === null) throw new Error(`no operation ${id}`);
  return operation;
}

export async function itemsOf(path: string, id: string): Promise<readonly NumberedItem[]> {
  return (await awake(path, (object) => object.bulk.items(id, null, -1, 20_000))) ?? [];
}

/** The runs that this operation has cancelled, as the journal of the runs has it. */
export async function cancelledBy(path: string, id: string): Promise<string[]> {
  const rows = await journal<{ run_id: string }>(
    path,
    "SELECT run_id FROM accepted_changes WHERE key LIKE ? ORDER BY run_id",
    `t:bulk:${id}:%`,
  );
  return rows.map(({ run_id }) => run_id);
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

/** Waits until so many runs are decided, while the clock stands still. */
export const untilDecided = (path: string, id: string, runs: number) =>
  until(async () => {
    const { accepted, skipped, failed } = (await bulkOf(path, id)).counts;
    return accepted + skipped + failed >= runs;
  });

/** While this is on, the `n`-th write from now that matches fails, as on a full disk. Returns how to end it. */
export async function failWrites(path: string, writes: RegExp, n = 1, times = 1): Promise<() => void> {
  return runInDurableObject(coordinator(path), (_, { storage }) => {
    const prototype = Object.getPrototypeOf(storage.sql) as SqlStorage;
    const { exec } = prototype;
    let seen = 0;
    prototype.exec = function failing(this: SqlStorage, query: string, ...bindings: unknown[]) {
      const text = `${query} ${bindings.join(" ")}`;
      if (/^\s*(INSERT|UPDATE|DELETE)/.test(query) && writes.test(text)) {
        seen++;
        if (seen >= n && seen < n + times) throw new Error("database or disk is full");
      }
      return exec.call(this, query, ...bindings);
    } as SqlStorage["exec"];
    return () => {
      prototype.exec = exec;
    };
  });
}
