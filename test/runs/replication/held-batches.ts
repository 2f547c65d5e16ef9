/** A group writer over a real journal, and a D1 whose batches stay under way until the test ends them. */

import { runInDurableObject } from "cloudflare:test";
import { it, vi } from "vitest";
import { AlarmClock } from "../../../src/runs/coordinator/alarm.ts";
import type { RowStore } from "../../../src/runs/d1/store.ts";
import { Journal } from "../../../src/runs/journal/journal.ts";
import { BatchWriter } from "../../../src/runs/replication/batch-writer.ts";

import { coordinator, DAY_MS } from "../../support/direct.ts";
import { newRunsPath, scopeOfPath } from "../../support/requests.ts";
import { idAt, toJournaledRun } from "../../support/rows.ts";

export const CONTENT = "D1_ERROR: CHECK constraint failed: SQLITE_CONSTRAINT";
export const OUTAGE = "Network connection lost";

export interface Batch {
  /** Each as `name@version`. */
  readonly rows: string[];
  /** What is bound. */
  readonly text: string;
  succeed(): void;
  fail(why: string): void;
}

/** A test over such a group writer. */
export function itHeld(name: string, act: (held: HeldBatches) => Promise<void>): void {
  it(name, () => withHeldBatches(act));
}

export type HeldBatches = ReturnType<typeof makeHeldBatches>;

/**
 * Tests refer to runs by short names. Intervals have no jitter. No alarm rings, because each test ends before the first
 * is due.
 */
export async function withHeldBatches(act: (held: HeldBatches) => Promise<void>): Promise<void> {
  const path = newRunsPath();
  await runInDurableObject(coordinator(path), async (_instance, { storage }) => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const random = vi.spyOn(Math, "random").mockReturnValue(0.5);
    try {
      await act(makeHeldBatches(path, storage, () => logged.mock.calls.length));
    } finally {
      logged.mockRestore();
      random.mockRestore();
      await storage.deleteAlarm();
    }
  });
}

function makeHeldBatches(path: string, storage: DurableObjectStorage, troubles: () => number) {
  const journal = new Journal(storage, scopeOfPath(path));
  const alarms = new AlarmClock(storage, journal);
  const batches: Batch[] = [];
  const store: RowStore = {
    write: (rows) =>
      new Promise((resolve, reject) => {
        batches.push({
          rows: rows.map((row) => {
            const [, version, , actionName] = JSON.parse(row);
            return `${actionName}@${version}`;
          }),
          text: `[${rows.join(",")}]`,
          succeed: () => resolve(),
          fail: (why) => reject(new Error(why)),
        });
      }),
    find: async () => [],
    delete: async () => {},
  };
  const writerOf = (of: Journal, clock: AlarmClock) =>
    new BatchWriter(of, { database: 0, store, rows: of.replicaIn(0) }, clock);
  const writer = writerOf(journal, alarms);
  const ids = new Map<string, string>();
  const idOf = (name: string) => {
    const id = ids.get(name) ?? idAt(Date.now());
    ids.set(name, id);
    return id;
  };
  /** Journals a version, as the coordinator does before it replicates it. */
  const write = (
    name: string,
    version: number,
    parameters = "{}",
    { instance = { journal, writer }, isUrgent = false } = {},
  ) => {
    const id = idOf(name);
    const row = { id, version, actionName: name, parameters, deadlineAt: Date.now() + DAY_MS };
    const run = { ...toJournaledRun(row), createKey: `m:${id}` };
    const now = Date.now();
    const { journal: into, writer: by } = instance;
    const written =
      version === 1 ? into.insert(run, { dispatch: null, events: [] }, now) : into.update(run, { events: [] }, now);
    if (written === null) throw new Error("the journal has no place for this run");
    by.changed(written.pendingVersion, isUrgent);
  };
  /** A new instance over the same journal and the same D1, as after a restart. */
  const restart = () => {
    const next = new Journal(storage, journal.scope);
    const clock = new AlarmClock(storage, next);
    return { journal: next, writer: writerOf(next, clock) };
  };
  const batch = (n: number) => {
    const found = batches[n];
    if (found === undefined) throw new Error(`there is no batch ${n}`);
    return found;
  };
  /** What each batch had so far. */
  const sent = () => batches.map(({ rows }) => rows);
  /** Whether D1 has the run's newest version. */
  const isReplicated = (name: string) => writer.lacking(idOf(name)) === undefined;
  return { storage, writer, journal, restart, batches, batch, sent, write, idOf, isReplicated, troubles };
}
