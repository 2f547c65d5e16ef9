/** GET …/{id}?wait=: a read that is answered when the run has ended, or when the wait is over. */

import {
  abortAllDurableObjects,
  createExecutionContext,
  runInDurableObject,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { createApp } from "../../../../src/app.ts";
import type { Subscriber, Wait } from "../../../../src/runs/run-calls.ts";
import { askWith, envWith, untouchable } from "../../../support/bindings.ts";
import { alarmIn, change, coordinator, direct, givenAged, newIdIn, until } from "../../../support/direct.ts";
import { breakD1, faults, faulty } from "../../../support/faults.ts";
import {
  type ActionRun,
  ask,
  type CreatedRun,
  createRun,
  givenRun,
  newRunsPath,
  ROOT,
  report,
} from "../../../support/requests.ts";
import { beat } from "../../../support/runs/stream.ts";
import { grantToken, newProject, type Refusal } from "../../../support/tokens.ts";

/** Ample for one answer, and less than the minute that the waits ask for. */
const SOON_MS = 30_000;

async function timed<T>(promise: Promise<T>): Promise<{ answer: T; ms: number }> {
  const startedAt = performance.now();
  const answer = await promise;
  return { answer, ms: performance.now() - startedAt };
}

/** Counts the SQL statements of a run's coordinator from here on. */
async function countedStatements(path: string): Promise<() => number> {
  const sql = await runInDurableObject(
    coordinator(path),
    (_instance, { storage }) => Object.getPrototypeOf(storage.sql) as SqlStorage,
  );
  const exec = vi.spyOn(sql, "exec");
  return () => exec.mock.calls.length;
}

function wait(path: string, id: string, seconds: number) {
  return timed(ask("GET", `${path}/${id}?wait=${seconds}`));
}

const ENDS: Readonly<Record<string, (path: string, run: CreatedRun) => Promise<unknown>>> = {
  succeeded: (_path, run) => report(run, { status: "succeeded", output: { a: 1 } }),
  failed: (_path, run) => report(run, { status: "failed", error: "no" }),
  cancelled: (path, run) => ask("DELETE", `${path}/${run.id}`),
  "timed out": (path) => alarmIn(61 * 60_000, coordinator(path)),
};

/** Calls a coordinator as the Worker does for one subscriber. */
function watching(path: string, id: string, subscriber: Subscriber, maxMs: number) {
  const stub = direct(path);
  return {
    wait: () => stub.watches.waitForEnd(id, subscriber, { maxMs, isLast: true }),
    leave: () => stub.watches.unwatch(subscriber.key),
  };
}

describe("a call to the coordinator that waits", () => {
  const subscriber = () => ({ key: crypto.randomUUID(), tokenId: "t" });

  it("is answered at once if its subscriber calls again, and the newer call goes on waiting", async () => {
    const { path, run, runPath } = await givenRun();
    const { wait } = watching(path, run.id, subscriber(), 5000);
    const ended: string[] = [];
    const first = wait().then(() => ended.push("first"));
    await ask("GET", runPath);
    const second = wait().then((answer) => {
      ended.push("second");
      return answer;
    });
    await first;
    // The coordinator answers others meanwhile.
    expect((await ask("GET", runPath)).status).toBe(200);
    expect(ended).toEqual(["first"]);
    await report(run, { status: "succeeded" });
    expect(await second).toMatchObject({ ok: true, status: "succeeded" });
  });

  it("costs a read for each piece of news, however often its subscriber calls again", async () => {
    const { path, run } = await givenRun();
    const { wait, leave } = watching(path, run.id, subscriber(), 5000);
    const statements = await countedStatements(path);
    const calls = Array.from({ length: 20 }, wait);
    await Promise.all(calls.slice(0, -1));
    await leave();
    await calls.at(-1);
    // Each call reads the run once. None reads it again because another call came.
    expect(statements()).toBeLessThan(60);
  });
});

describe("a wait", () => {
  it.each(Object.entries(ENDS))("is answered as soon as the run has %s", async (_how, end) => {
    const { path, run, runPath } = await givenRun();
    const waiting = wait(path, run.id, 60);
    await scheduler.wait(50);
    await end(path, run);
    const { answer, ms } = await waiting;
    expect(ms).toBeGreaterThan(45);
    expect(answer.body.completedAt).not.toBeNull();
    const read = await ask("GET", runPath);
    expect([answer.status, answer.body]).toEqual([200, read.body]);
  });

  it.each(Object.entries(ENDS))("of a run that has %s already is answered at once", async (_how, end) => {
    const { path, run } = await givenRun();
    await end(path, run);
    const { answer, ms } = await wait(path, run.id, 60);
    expect(ms).toBeLessThan(SOON_MS);
    expect([answer.status, answer.body.completedAt]).toEqual([200, expect.any(String)]);
    expect((await wait(path, run.id.toUpperCase(), 60)).answer.body).toEqual(answer.body);
  });

  it("is answered with the open run when its time is over, and not by news before that", async () => {
    const { path, run } = await givenRun();
    const waiting = wait(path, run.id, 1);
    await scheduler.wait(100);
    for (const message of ["a", "b"]) await beat(run, { message });
    const { answer, ms } = await waiting;
    expect(answer).toMatchObject({ status: 200, body: { status: "running", completedAt: null } });
    expect(ms).toBeGreaterThan(950);
    expect(ms).toBeLessThan(SOON_MS);
  });

  it("ends at the run's deadline even if no alarm rings", async () => {
    const { path, run } = await givenRun();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(run.callback.expiresAt) });
    const { answer, ms } = await wait(path, run.id, 60);
    expect(answer.body).toMatchObject({ status: "failed", completedAt: run.callback.expiresAt });
    expect(ms).toBeLessThan(SOON_MS);
  });

  it("of a minute makes several calls to the coordinator as one subscriber", async () => {
    const path = newRunsPath();
    const { callback: _, ...run } = await createRun(path);
    const calls: [key: string, maxMs: number][] = [];
    const from = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: from });
    const call = async (_: string, __: string, [id, { key }, { maxMs }]: [string, Subscriber, Wait]) => {
      calls.push([key, maxMs]);
      vi.setSystemTime(Date.now() + maxMs);
      return {
        ok: true,
        id,
        actionRun: JSON.stringify({ ...run, output: { calls: calls.length } }),
        isOver: calls.length === 9,
      };
    };
    // The platform's edge: an object that is waited for in no time.
    const COORDINATORS = { getByName: () => ({ call }) } as unknown as typeof env.COORDINATORS;
    const answer = await askWith(envWith({ COORDINATORS }), "GET", `${path}/${run.id}?wait=60`);
    expect(answer).toMatchObject({ status: 200, body: { output: { calls: 3 } } });
    expect(calls.map(([, maxMs]) => maxMs)).toEqual([25_000, 25_000, 10_000]);
    expect(new Set(calls.map(([key]) => key)).size).toBe(1);
    expect(Date.now() - from).toBe(60_000);
  });

  it.each(["down", "hang"] as const)("is answered without D1: %s", async (fault) => {
    const { path, id } = await givenAged();
    const { open } = breakD1(fault);
    const waiting = wait(path, id, 60);
    await scheduler.wait(20);
    const changing = change(path, id, { type: "cancelled" });
    const { answer, ms } = await waiting;
    expect(await changing).toMatchObject({ ok: true });
    open();
    expect(answer).toMatchObject({ status: 200, body: { status: "cancelled" } });
    expect(ms).toBeLessThan(SOON_MS);
  });

  it("goes on after the object restarts, and is answered at the end", async () => {
    const { path, run } = await givenRun();
    const waiting = wait(path, run.id, 60);
    await scheduler.wait(50);
    await abortAllDurableObjects();
    await scheduler.wait(50);
    await report(run, { status: "succeeded" });
    expect((await waiting).answer.body.status).toBe("succeeded");
  });

  it("is no longer than the client asked for if the object restarts", async () => {
    const { path, run } = await givenRun();
    const waiting = wait(path, run.id, 60);
    await scheduler.wait(50);
    const now = Date.now.bind(Date);
    vi.spyOn(Date, "now").mockImplementation(() => now() + 59_000);
    await abortAllDurableObjects();
    const { answer, ms } = await waiting;
    expect(answer.body.status).toBe("pending");
    expect(ms).toBeLessThan(SOON_MS);
  });

  it("asks neither D1 nor the object if the isolate remembers the ended run", async () => {
    const { run, runPath } = await givenRun();
    await report(run, { status: "succeeded" });
    const { body } = await ask("GET", runPath);
    const coordinators = untouchable<typeof env.COORDINATORS>("COORDINATORS");
    const calls = faults.calls;
    const guarded = envWith({ COORDINATORS: coordinators.binding });
    const answer = await askWith<ActionRun>(guarded, "GET", `${runPath}?wait=60`);
    expect([answer.status, answer.body]).toEqual([200, body]);
    expect([coordinators.uses, faults.calls]).toEqual([[], calls]);
  });

  it("ends for every one of many clients", async () => {
    const { run, runPath } = await givenRun();
    const { token: other } = await grantToken("/acme/shop", { role: "viewer" });
    const waits = Array.from({ length: 150 }, (_, n) =>
      ask("GET", `${runPath}?wait=60`, { token: n % 2 === 0 ? ROOT : other }),
    );
    await scheduler.wait(100);
    expect((await report(run, { status: "succeeded" })).status).toBe(200);
    for (const { status, body } of await Promise.all(waits)) {
      expect([status, body.status]).toEqual([200, "succeeded"]);
    }
  });
});

describe("a wait is refused", () => {
  it.each([
    ...["0", "61", "-1", "1.5", "", "abc", "1e1", "0x1", "+5", "%205", "5s", "100", "٣"].map(
      (value) => `wait=${value}`,
    ),
    "wait=5&wait=5",
    "wait=5&limit=1",
    "wat=5",
  ])("at once, with 400: ?%s", async (query) => {
    const { runPath } = await givenRun();
    const { answer, ms } = await timed(ask<Refusal>("GET", `${runPath}?${query}`));
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_query" } });
    expect(answer.body.error).toMatch(query.startsWith("wat") ? /wat/ : query.includes("limit") ? /limit/ : /wait/);
    expect(ms).toBeLessThan(SOON_MS);
  });

  it("at once, with 404, for a run that does not exist or belongs to someone else", async () => {
    const { path, run, runPath } = await givenRun();
    const { token } = await grantToken(newProject(), { role: "owner" });
    const refusals = await timed(
      Promise.all([
        ask("GET", `${path}/${crypto.randomUUID()}?wait=60`),
        ask("GET", `${path}/x?wait=60`),
        ask("GET", `${newRunsPath()}/${run.id}?wait=60`),
        ask("GET", `${path}/${await newIdIn(path, Date.now())}?wait=60`),
        ask("GET", `${runPath}?wait=60`, { token }),
      ]),
    );
    expect(refusals.answer.map(({ status }) => status)).toEqual(Array(5).fill(404));
    expect((await ask("GET", `${runPath}?wait=60`, { token: null })).status).toBe(401);
    expect(refusals.ms).toBeLessThan(SOON_MS);
  });

  it("with 404 and without waking an object if the id is made up", async () => {
    const path = newRunsPath();
    const coordinators = untouchable<typeof env.COORDINATORS>("COORDINATORS");
    const guarded = envWith({ COORDINATORS: coordinators.binding });
    const answer = await askWith<Refusal>(guarded, "GET", `${path}/${crypto.randomUUID()}?wait=60`);
    expect([answer.status, coordinators.uses]).toEqual([404, []]);
  });

  it("without waking an object for a made-up id, even if the client hangs up during the read of D1", async () => {
    const path = newRunsPath();
    const coordinators = untouchable<typeof env.COORDINATORS>("COORDINATORS");
    const guarded = envWith({ COORDINATORS: coordinators.binding, DB: faulty(env.DB) });
    const client = new AbortController();
    const request = new Request(`https://runs.example${path}/${crypto.randomUUID()}?wait=60`, {
      headers: { Authorization: `Bearer ${ROOT}` },
      signal: client.signal,
    });
    faults.readDelayMs = 200;
    const calls = faults.calls;
    const context = createExecutionContext();
    const answering = createApp().fetch(request, guarded, context);
    await until(async () => faults.calls > calls);
    client.abort();
    expect((await answering).status).toBe(404);
    await waitOnExecutionContext(context);
    expect(coordinators.uses).toEqual([]);
  });
});
