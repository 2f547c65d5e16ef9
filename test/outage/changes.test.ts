/** Changes of runs succeed while D1 throws, hangs, or returns an error after it committed. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { BATCH_MAX_MS } from "../../src/runs/replication/batch-writer.ts";
import {
  alarmAt,
  alarmIn,
  coordinator,
  createAged,
  direct,
  hurryTimers,
  journal,
  restart,
  until,
} from "../support/direct.ts";
import { type Fault, faults } from "../support/faults.ts";
import { replicated } from "../support/replicated.ts";
import { type ActionRun, ask, createRun, newRunsPath, report, rowOf, scopeOfPath } from "../support/requests.ts";
import { beat } from "../support/runs/stream.ts";

const FAULTS: readonly Extract<Fault, string>[] = ["down", "hang", "full", "committed_then_error"];
const SUCCEEDED = { status: "succeeded", output: { ok: true } };

/** Each is prepared while D1 is well, and done while it is not. */
const CHANGES: readonly ((path: string) => Promise<() => Promise<ActionRun>>)[] = [
  async (path) => async () => {
    const { callback: _, ...run } = await createRun(path);
    return run;
  },
  async (path) => {
    const created = await createRun(path);
    return async () => (await report(created, SUCCEEDED)).body;
  },
  async (path) => {
    const { id } = await createRun(path);
    return async () => (await ask("DELETE", `${path}/${id}`)).body;
  },
  async (path) => {
    const created = await createRun(path);
    return async () => {
      expect((await beat(created)).status).toBe(200);
      return (await ask("GET", `${path}/${created.id}`)).body;
    };
  },
];

it.each(FAULTS)(
  "with D1's writes %s, changes succeed, gets and lists show them at once, and they are replicated later",
  async (fault) => {
    const path = newRunsPath();
    vi.spyOn(console, "error").mockImplementation(() => {});
    const prepared = await Promise.all(CHANGES.map((prepare) => prepare(path)));
    await replicated(path);
    faults.writes = fault;
    hurryTimers();
    const done = await Promise.all(prepared.map((go) => go()));
    expect(done.map(({ status }) => status)).toEqual(["pending", "succeeded", "cancelled", "running"]);
    const list = await ask<ActionRun[]>("GET", path);
    expect(list.headers.get("Action-Runs-Stale")).toBeNull();
    expect(list.body).toEqual(done.toSorted((a, b) => (a.id < b.id ? 1 : -1)));
    for (const run of done) expect((await ask("GET", `${path}/${run.id}`)).body).toEqual(run);
    faults.writes = null;
    for (const run of done) {
      await until(async () => {
        await alarmIn(10_000, coordinator(path));
        return JSON.stringify(run) === (await rowOf(run.id))?.body;
      });
    }
  },
);

it("a list shows a run that the database lost and refuses when it is rebuilt", async () => {
  const path = newRunsPath();
  vi.spyOn(console, "error").mockImplementation(() => {});
  const lost = await createRun(path);
  await replicated(path);
  // The next instance knows from the journal that all is replicated.
  await alarmIn(10_000, coordinator(path));
  await restart(path);
  await env.DB.prepare("DELETE FROM runs WHERE scope = ?").bind(scopeOfPath(path)).run();
  faults.writes = { refuse: (_, sql) => sql.startsWith("INSERT INTO runs") };
  await direct(path).upkeep.resync();
  let list = await ask<ActionRun[]>("GET", path);
  await until(async () => {
    list = await ask<ActionRun[]>("GET", path);
    return list.headers.get("Action-Runs-Stale") === null;
  });
  expect(list.body.map(({ id }) => id)).toEqual([lost.id]);
});

it("lets no caller wait while D1 is known to fail", async () => {
  const path = newRunsPath();
  faults.writes = "down";
  await createAged(path);
  faults.writes = "hang";
  const began = performance.now();
  for (let n = 0; n < 10; n++) await createAged(path);
  expect(performance.now() - began).toBeLessThan(15_000);
  faults.writes = null;
  await until(async () => (await journal(path, "SELECT id FROM runs")).length === 11);
});

it("keeps the alarm set while D1 is down, also after restarts", async () => {
  const path = newRunsPath();
  faults.writes = "down";
  const id = await createAged(path);
  for (let n = 0; n < 4; n++) {
    await runDurableObjectAlarm(coordinator(path));
    const at = await alarmAt(path);
    expect(at).not.toBeNull();
    expect(at).toBeLessThanOrEqual(Date.now() + 5000);
    await restart(path);
  }
  faults.writes = null;
  await alarmIn(10_000, coordinator(path));
  await until(async () => (await rowOf(id)) !== null);
});

it("after many failures, a hanging batch and the next one fit into 15 s", async () => {
  const path = newRunsPath();
  faults.writes = "down";
  await createAged(path);
  let nextIn = 0;
  for (let n = 1; n <= 7; n++) {
    const now = Date.now() + n * 60_000;
    vi.useFakeTimers({ toFake: ["Date"], now });
    await runDurableObjectAlarm(coordinator(path));
    nextIn = ((await alarmAt(path)) ?? 0) - now;
    vi.useRealTimers();
  }
  expect(nextIn).toBeGreaterThan(1000);
  expect(BATCH_MAX_MS + nextIn).toBeLessThanOrEqual(14_000);
});
