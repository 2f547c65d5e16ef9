/** Heartbeats: who may send one, what it may contain, its effect on a run, and its cost. */

import type { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Heartbeat } from "../../../src/runs/run-calls.ts";

import { changed, signAs } from "../../auth/forgeries.ts";
import { askWith, envWith, untouchable } from "../../support/bindings.ts";
import { alarmIn, change, coordinator, direct, givenAged, heartbeatCost, MINUTE_MS } from "../../support/direct.ts";
import { breakD1, faults } from "../../support/faults.ts";
import { replicated, replicatedRow } from "../../support/replicated.ts";
import {
  type ActionRun,
  type Answer,
  ask,
  type Beaten,
  type CreatedRun,
  createRun,
  givenRun,
  newRunsPath,
  ROOT,
  report,
} from "../../support/requests.ts";
import { beat, eventsOf } from "../../support/runs/stream.ts";
import { grantToken, type Refusal } from "../../support/tokens.ts";

async function typesOf(path: string, id: string): Promise<string[]> {
  return (await eventsOf(`${path}/${id}`)).body.map(({ type }) => type);
}

describe("the token", () => {
  const TOKENS: Readonly<Record<string, (run: CreatedRun, path: string) => string | Promise<string>>> = {
    "another run's": async (_run, path) => (await createRun(path)).callback.token,
    "an API token": async () => (await grantToken("/acme/shop", { role: "owner" })).token,
    "the operator's": () => ROOT,
    "forged in its last digit": (run) => changed(run.callback.token, -1),
    "made for another expiry": (run) => run.callback.token.replace(/:\d+:/, `:${Date.now() + MINUTE_MS}:`),
    "signed under a purpose of its own": async ({ id, callback }, path) => {
      const expiresAt = Date.parse(callback.expiresAt);
      const scope = path.slice(1).replace("/envs/", "/").replace("/action-runs", "");
      const text = `action-runs heartbeat v1\n${scope}\n${id}\n${expiresAt}`;
      return `${id}:${expiresAt}:${await signAs("callback-token", text)}`;
    },
    "no token at all": () => "x",
  };

  it.each(Object.entries(TOKENS))("%s is 401, touches no storage and changes nothing", async (_name, forge) => {
    const { path, run, runPath } = await givenRun();
    const token = await forge(run, path);
    const coordinators = untouchable<typeof env.COORDINATORS>("COORDINATORS");
    const db = untouchable<D1Database>("DB");
    const guarded = envWith({ COORDINATORS: coordinators.binding, DB: db.binding });
    // A body that is none either: the token comes first.
    const options = { token, body: { progress: 7 } };
    const answer = await askWith<Refusal>(guarded, "POST", `${runPath}/heartbeat`, options);
    expect(answer).toMatchObject({ status: 401, body: { code: "token_invalid" } });
    expect([...coordinators.uses, ...db.uses]).toEqual([]);
    expect((await beat(run, {}, token)).status).toBe(401);
    expect(await typesOf(path, run.id)).toEqual(["created"]);
  });

  it.each([{}, { "Idempotency-Key": "k" }, { "webhook-id": "k" }])(
    "an expired one is 401 without a call to the coordinator, also with the headers %j",
    async (headers) => {
      const { run, runPath } = await givenRun();
      vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(run.callback.expiresAt) });
      const coordinators = untouchable<typeof env.COORDINATORS>("COORDINATORS");
      const guarded = envWith({ COORDINATORS: coordinators.binding });
      const options = { token: run.callback.token, body: {}, headers };
      const answer = await askWith<Refusal>(guarded, "POST", `${runPath}/heartbeat`, options);
      expect(answer).toMatchObject({ status: 401, body: { code: "token_expired" } });
      expect(coordinators.uses).toEqual([]);
    },
  );
});

describe("the body", () => {
  it.each<[place: string, body: unknown]>([
    ["message", { message: "a".repeat(1025) }],
    ["message", { message: "é".repeat(513) }],
    ["message", { message: 1 }],
    ["message", { message: null }],
    ["progress", { progress: -0.001 }],
    ["progress", { progress: 1.001 }],
    ["progress", { progress: "0.5" }],
    ["progress", { progress: null }],
    ["externalUrl", { externalUrl: "javascript:alert(1)" }],
    ["externalUrl", { externalUrl: "data:text/html,x" }],
    ["externalUrl", { externalUrl: "ftp://ci.example/1" }],
    ["externalUrl", { externalUrl: "/jobs/1" }],
    ["externalUrl", { externalUrl: "" }],
    ["externalUrl", { externalUrl: `https://ci.example/${"a".repeat(2048)}` }],
    ["externalUrl", { externalUrl: 5 }],
    ["percent", { percent: 5 }],
    ["status", { status: "succeeded" }],
    ["send a JSON object", []],
    ["send a JSON object", null],
    ["send a JSON object", "hello"],
  ])("that is invalid is 400, names the place (%s) and changes nothing: %j", async (place, body) => {
    const { path, run, runPath } = await givenRun();
    const answer = await beat<Refusal>(run, body);
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_body" } });
    expect(answer.body.error).toContain(place);
    expect((await ask("GET", runPath)).body.status).toBe("pending");
    expect(await typesOf(path, run.id)).toEqual(["created"]);
  });

  it.each<[body: unknown, event: object]>([
    [{}, {}],
    [{ message: "é".repeat(512) }, { message: "é".repeat(512) }],
    [{ message: "" }, { message: "" }],
    [{ message: "a\nb\u001b[31m\0" }, { message: "a b [31m " }],
    [{ progress: 0 }, { progress: 0 }],
    [{ progress: 1 }, { progress: 1 }],
    [
      { externalUrl: "http://ci.example/1" },
      { externalUrl: "http://ci.example/1", externalUrlRefused: expect.stringMatching(/not an https URL\. Send/) },
    ],
    [
      { message: "m", progress: 0.25, externalUrl: "https://ci.example/1" },
      { message: "m", progress: 0.25, externalUrl: "https://ci.example/1" },
    ],
  ])("%j is accepted and shown in the timeline", async (body, event) => {
    const { run, runPath } = await givenRun();
    const answer = await beat(run, body);
    expect(answer).toMatchObject({ status: 200, body: { status: "running" } });
    const { body: events } = await eventsOf(runPath);
    expect(events[2]).toEqual({ seq: 3, type: "heartbeat", at: expect.any(String), ...event });
  });
});

describe("the answer", () => {
  it("has only the run's status, its deadline and a request to stop, because a callback token must not read inputs", async () => {
    const path = newRunsPath();
    const run = await createRun(path, {
      actionName: "deploy",
      parameters: { password: "hunter2" },
      recommendations: { also: "hunter2" },
      timeout: 30,
    });
    for (const body of [{}, { message: "again" }]) {
      const answer = await beat(run, body);
      expect(answer.body).toEqual({ status: "running", deadlineAt: run.callback.expiresAt, cancel: null });
      expect(answer.headers.get("Content-Type")).toBe("application/json");
    }
  });
});

describe("a heartbeat", () => {
  it("starts a pending run, which the next read and the next list show, and D1 has it soon", async () => {
    const { path, run, runPath } = await givenRun();
    expect((await beat(run, { message: "on it" })).body.status).toBe("running");
    const { body: read } = await ask("GET", runPath);
    expect((await ask("GET", path)).body).toEqual([read]);
    const row = await replicatedRow(path, run.id);
    const stored: ActionRun = JSON.parse(row?.body ?? "");
    expect([row?.version, stored]).toMatchObject([2, { status: "running", completedAt: null }]);
    expect(stored).toEqual(read);
    expect(Date.parse(stored.startedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(run.createdAt));
    expect(await typesOf(path, run.id)).toEqual(["created", "started", "heartbeat"]);
  });

  it("after the first makes no new version and no write to D1, and is in the timeline only if it has news", async () => {
    const { path, run, runPath } = await givenRun();
    const first = await beat(run, { progress: 0.1 });
    await replicated(path);
    const calls = faults.calls;
    for (const body of [{ progress: 0.1 }, {}, { progress: 0.2 }, { progress: 0.2 }, { message: "m" }, {}]) {
      expect(await beat(run, body)).toMatchObject({ status: 200, body: first.body });
    }
    expect(faults.calls).toBe(calls);
    expect((await replicatedRow(path, run.id))?.version).toBe(2);
    const { body: events } = await eventsOf(runPath);
    expect(events.slice(2).map(({ progress, message }) => progress ?? message)).toEqual([0.1, 0.2, "m"]);
  });

  it("costs the journal one row without news and two with news", async () => {
    const { path, run } = await givenRun();
    await beat(run, { message: "m" });
    const costOf = async (heartbeat: Heartbeat) => (await heartbeatCost(path, run.id, heartbeat)).rows;
    expect(await costOf({})).toBe(1);
    expect(await costOf({ message: "m" })).toBe(1);
    expect(await costOf({ message: "n" })).toBe(2);
  });

  it.each(["down", "hang"] as const)("is answered while D1 is %s", async (fault) => {
    const { path, run } = await givenRun();
    breakD1(fault);
    for (let n = 0; n < 2; n++) expect(await beat(run)).toMatchObject({ status: 200, body: { status: "running" } });
    expect(await typesOf(path, run.id)).toEqual(["created", "started", "heartbeat"]);
  });
});

describe("a heartbeat after the end is 409 with the code", () => {
  const ENDS: Readonly<Record<string, (run: CreatedRun, path: string) => Promise<unknown>>> = {
    run_succeeded: (run) => report(run, { status: "succeeded" }),
    run_failed: (run) => report(run, { status: "failed", error: "[timeout] says the workflow" }),
    run_cancelled: (run, path) => ask("DELETE", `${path}/${run.id}`),
    run_timed_out: (_run, path) => alarmIn(61_000, coordinator(path)),
    delivery_failed: async () => {},
  };

  it.each(Object.entries(ENDS).filter(([code]) => code !== "delivery_failed"))(
    "%s, each time, and changes nothing",
    async (code, end) => {
      const { path, run, runPath } = await givenRun({ actionName: "deploy", heartbeatTimeout: 1 });
      await end(run, path);
      const ended = await ask("GET", runPath);
      const events = await typesOf(path, run.id);
      for (let n = 0; n < 2; n++) {
        expect(await beat<Refusal>(run, { message: "still here" })).toMatchObject({ status: 409, body: { code } });
      }
      expect((await ask("GET", runPath)).body).toEqual(ended.body);
      expect(await typesOf(path, run.id)).toEqual(events);
    },
  );

  it("delivery_failed", async () => {
    const { path, id } = await givenAged();
    await change(path, id, { type: "dispatch_failed", reason: "ci.example answered 404." });
    expect(await direct(path).runs.heartbeat(id, {})).toMatchObject({ ok: false, reason: "delivery_failed" });
  });
});

describe("races", () => {
  it("many first heartbeats make one start, and each gets a response", async () => {
    const { path, run } = await givenRun();
    const beats = await Promise.all(Array.from({ length: 40 }, (_, n) => beat(run, { message: `m${n}` })));
    const told = { status: "running", deadlineAt: run.callback.expiresAt, cancel: null };
    expect(beats.map(({ status, body }) => [status, body])).toEqual(Array(40).fill([200, told]));
    expect((await replicatedRow(path, run.id))?.version).toBe(2);
    const types = await typesOf(path, run.id);
    expect(types).toEqual(["created", "started", ...Array(40).fill("heartbeat")]);
  });

  it.each([
    ["heartbeat", "callback", "cancel"],
    ["heartbeat", "cancel", "callback"],
    ["callback", "heartbeat", "cancel"],
    ["cancel", "heartbeat", "callback"],
  ])("%s, %s and %s at once: one end, and every answer and the timeline agree with it", async (...order) => {
    const { path, run, runPath } = await givenRun();
    const go: Record<string, () => Promise<Answer<ActionRun | Beaten>>> = {
      heartbeat: () => beat(run, { message: "m" }),
      callback: () => report(run, { status: "succeeded" }),
      cancel: () => ask("DELETE", runPath),
    };
    const answers = await Promise.all(order.map((name) => go[name]?.()));
    const of = (name: string) => answers[order.indexOf(name)];
    const { body } = await ask("GET", runPath);
    const cancelled = of("cancel")?.status === 200;
    expect(body.status).toBe(cancelled ? "cancelled" : "succeeded");
    expect(of("callback")?.status).toBe(cancelled ? 409 : 200);
    const types = await typesOf(path, run.id);
    expect(types.filter((type) => type === "ended")).toHaveLength(1);
    expect(types.at(-1)).toBe("ended");
    expect(types.includes("started")).toBe(body.startedAt !== null);
    expect(types.includes("heartbeat")).toBe(of("heartbeat")?.status === 200);
    if (cancelled) expect(of("heartbeat")).toMatchObject({ status: 409, body: { code: "run_cancelled" } });
  });
});

describe("a heartbeat without news", () => {
  it("needs no body and no Content-Type", async () => {
    const run = await createRun(newRunsPath());
    const url = run.callback.url.replace(/callback$/, "heartbeat");
    const answer = await ask("POST", url, { token: run.callback.token });
    expect(answer).toMatchObject({ status: 200, body: { status: "running" } });
  });

  it("is refused if it has a body without a Content-Type", async () => {
    const run = await createRun(newRunsPath());
    const url = run.callback.url.replace(/callback$/, "heartbeat");
    const raw = new Blob(["{}"]);
    const answer = await ask("POST", url, { token: run.callback.token, raw, headers: { "Content-Type": "" } });
    expect(answer.status).toBe(415);
    expect((await ask("GET", `${run.callback.url.replace(/\/callback$/, "")}`)).body.status).toBe("pending");
  });
});
