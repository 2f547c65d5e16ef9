/** Changes of runs succeed while D1 throws, hangs, or returns an error after it committed. */

import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import { FLIGHT_MAX_MS } from "../../src/runs/projection/flights.ts";
import { alarmAt, alarmIn, coordinator, createAged, hurryTimers, journal, until } from "../support/direct.ts";
import { type Fault, faults } from "../support/faults.ts";
import { type ActionRun, ask, createRun, newRunsPath, report, rowOf } from "../support/requests.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const FAULTS: readonly Extract<Fault, string>[] = ["down", "hang", "committed_then_error"];
const D1_BOOKMARK = /^0:[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/;
const SUCCEEDED = { status: "succeeded", output: { ok: true } };

interface Change {
  /** Prepared while D1 is well; what it answers is done while it is not. */
  readonly prepare: (
    path: string,
  ) => Promise<() => Promise<{ id: string; run: ActionRun; headers: Headers }>>;
}

const CHANGES: readonly Change[] = [
  {
    prepare: async (path) => async () => {
      const { status, body, headers } = await ask<ActionRun>("POST", path, {
        body: { actionName: "deploy" },
      });
      expect(status).toBe(201);
      const { callback: _, ...run } = body as ActionRun & { callback: unknown };
      return { id: body.id, run, headers };
    },
  },
  {
    prepare: async (path) => {
      const created = await createRun(path);
      return async () => {
        const { status, body, headers } = await report(created, SUCCEEDED);
        expect(status).toBe(200);
        expect(body.status).toBe("succeeded");
        return { id: created.id, run: body, headers };
      };
    },
  },
  {
    prepare: async (path) => {
      const created = await createRun(path);
      return async () => {
        const { status, body, headers } = await ask("DELETE", `${path}/${created.id}`);
        expect(status).toBe(200);
        expect(body.status).toBe("cancelled");
        return { id: created.id, run: body, headers };
      };
    },
  },
];

/** The parts of a response's bookmark. */
function partsOf(headers: Headers): string[] {
  return (headers.get("x-d1-bookmark") ?? "").split(".").filter((part) => part !== "");
}

it.each(FAULTS)(
  "with D1's writes %s, changes succeed, can be read at once, and land later",
  async (fault) => {
    const path = newRunsPath();
    const prepared = await Promise.all(CHANGES.map(({ prepare }) => prepare(path)));
    faults.writes = fault;
    hurryTimers();
    const done = await Promise.all(prepared.map((go) => go()));
    for (const { id, run, headers } of done) {
      expect(partsOf(headers)).toContain(id);
      const read = await ask("GET", `${path}/${id}`);
      expect(read.status).toBe(200);
      expect(read.body).toEqual(run);
      expect(partsOf(read.headers)).toContain(id);
    }
    faults.writes = null;
    for (const { id, run } of done) {
      await until(async () => {
        await alarmIn(10_000, coordinator(path));
        return JSON.stringify(run) === (await rowOf(id))?.body;
      });
    }
  },
);

it("a get shows what D1 lacks, and a list says that it is behind, until the change has landed", async () => {
  const path = newRunsPath();
  const created = await createRun(path);
  await until(async () => (await rowOf(created.id)) !== null);
  faults.writes = "down";
  const done = await report(created, SUCCEEDED);
  const headers = { "x-d1-bookmark": done.headers.get("x-d1-bookmark") ?? "" };
  for (const options of [{}, { headers }]) {
    const read = await ask("GET", `${path}/${created.id}`, options);
    expect(read.body).toEqual(done.body);
    expect(partsOf(read.headers)).toContain(created.id);
    const list = await ask<ActionRun[]>("GET", path, options);
    expect(list.body).toMatchObject([{ id: created.id, status: "pending" }]);
    expect(partsOf(list.headers)).toContain(created.id);
  }
  faults.writes = null;
  await alarmIn(10_000, coordinator(path));
  await until(async () => (await rowOf(created.id))?.status === "succeeded");
  const list = await ask<ActionRun[]>("GET", path, { headers });
  expect(list.body).toEqual([done.body]);
  expect(partsOf(list.headers)).toEqual([expect.stringMatching(D1_BOOKMARK)]);
});

it("returns a bookmark of D1 again after the row has landed", async () => {
  const path = newRunsPath();
  faults.writes = "down";
  const created = await createRun(path);
  faults.writes = null;
  await alarmIn(10_000, coordinator(path));
  await until(async () => (await rowOf(created.id)) !== null);
  expect(partsOf((await ask("GET", `${path}/${created.id}`)).headers)).toEqual([
    expect.stringMatching(D1_BOOKMARK),
  ]);
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

it("answers ten creates with one key with one run while D1 is down", async () => {
  const path = newRunsPath();
  faults.writes = "down";
  const headers = { "Idempotency-Key": "once" };
  const made = await Promise.all(
    Array.from({ length: 10 }, () => createRun(path, { actionName: "deploy" }, { headers })),
  );
  expect(new Set(made.map(({ id }) => id)).size).toBe(1);
});

it("keeps the alarm set while D1 is down, also after evictions", async () => {
  const path = newRunsPath();
  faults.writes = "down";
  const id = await createAged(path);
  for (let turn = 0; turn < 4; turn++) {
    await runDurableObjectAlarm(coordinator(path));
    const at = await alarmAt(path);
    expect(at).not.toBeNull();
    expect(at).toBeLessThanOrEqual(Date.now() + 5000);
    await evictDurableObject(coordinator(path));
  }
  faults.writes = null;
  await alarmIn(10_000, coordinator(path));
  await until(async () => (await rowOf(id)) !== null);
});

it("after many failures, a hanging flight and the next one fit into 15 s", async () => {
  const path = newRunsPath();
  faults.writes = "down";
  await createAged(path);
  let nextIn = 0;
  for (let turn = 1; turn <= 7; turn++) {
    const now = Date.now() + turn * 60_000;
    vi.useFakeTimers({ toFake: ["Date"], now });
    await runDurableObjectAlarm(coordinator(path));
    nextIn = ((await alarmAt(path)) ?? 0) - now;
    vi.useRealTimers();
  }
  expect(nextIn).toBeGreaterThan(1000);
  expect(FLIGHT_MAX_MS + nextIn).toBeLessThanOrEqual(14_000);
});
