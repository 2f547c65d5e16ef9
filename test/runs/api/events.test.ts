/** GET …/{id}/events as pages: complete, in order, and only for callers who may read the run. */

import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { newUuidV7 } from "../../../src/base/ids.ts";

import { askWith, envWith, untouchable } from "../../support/bindings.ts";
import { alarmIn, beatMany, change, coordinator, givenAged, newIdIn, until } from "../../support/direct.ts";
import { faults } from "../../support/faults.ts";
import { ask, type CreatedRun, createRun, givenRun, newRunsPath, pagesOf, report } from "../../support/requests.ts";
import { beat, eventsOf, givenStarted, openStream, type WireEvent } from "../../support/runs/stream.ts";
import { givenProject, grantToken, newProject, type Refusal } from "../../support/tokens.ts";

/** A run with `n` entries, its end among them. */
async function runWith(path: string, n: number): Promise<CreatedRun> {
  const run = await createRun(path);
  for (let beats = 0; beats < n - 3; beats++) await beat(run, { message: `m${beats}` });
  await report(run, { status: "succeeded" });
  return run;
}

function encode(text: string): string {
  return btoa(text).replace(/=+$/, "");
}

describe("a timeline", () => {
  it("is a bare array, oldest first, that agrees with the run", async () => {
    const { run, runPath } = await givenRun();
    await beat(run, { message: "building", progress: 0.5, externalUrl: "https://ci.example/1" });
    const { body: ended } = await report(run, { status: "failed", error: "no", output: { a: 1 } });
    const { status, headers, body } = await eventsOf(runPath);
    expect([status, headers.get("Content-Type"), headers.get("Link")]).toEqual([200, "application/json", null]);
    expect(headers.get("Vary")).toMatch(/\bAccept\b/i);
    expect(body).toEqual([
      { seq: 1, type: "created", at: run.createdAt, by: "root" },
      { seq: 2, type: "started", at: ended.startedAt, cause: "heartbeat" },
      {
        seq: 3,
        type: "heartbeat",
        at: ended.startedAt,
        message: "building",
        progress: 0.5,
        externalUrl: "https://ci.example/1",
      },
      { seq: 4, type: "ended", at: ended.completedAt, status: "failed", cause: "callback" },
    ]);
  });

  it("never goes backwards, even if the clock does", async () => {
    const { run, runPath } = await givenRun();
    for (const ms of [9000, 2000, -60_000, 5000, 20_000, 1000]) {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(run.createdAt) + ms });
      await beat(run, { message: `${ms}` });
    }
    await report(run, { status: "succeeded" });
    const { body } = await eventsOf(runPath);
    expect(body.map(({ seq }) => seq)).toEqual(body.map((_, i) => i + 1));
    const instants = body.map(({ at }) => at);
    for (const at of instants) expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(instants).toEqual([...instants].sort());
  });

  it("ends when the run ended, though the clock was turned back after a heartbeat", async () => {
    const { run, runPath } = await givenStarted();
    for (const ms of [20_000, 1000]) {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(run.createdAt) + ms });
      await (ms === 1000 ? report(run, { status: "succeeded" }) : beat(run, { message: "m" }));
    }
    const { body } = await eventsOf(runPath);
    const { body: ended } = await ask("GET", runPath);
    expect(body.at(-1)).toMatchObject({ type: "ended", at: ended.completedAt });
  });

  it("names who created and who cancelled the run, and no one for other ends", async () => {
    const { project, path } = givenProject();
    const maker = await grantToken(project, { role: "member", name: "portal" });
    const ender = await grantToken(project, { role: "viewer", name: "a person" });
    const run = await createRun(path, { actionName: "deploy" }, { token: maker.token });
    expect((await ask("DELETE", `${path}/${run.id}`, { token: ender.token })).status).toBe(200);
    const { body } = await eventsOf(`${path}/${run.id}`, "", { token: ender.token });
    expect(body).toMatchObject([
      { type: "created", by: "portal" },
      { type: "ended", status: "cancelled", cause: "cancel", by: "a person" },
    ]);
  });

  it.each<[cause: string, end: (path: string, run: CreatedRun) => Promise<unknown>]>([
    ["callback", (_path, run) => report(run, { status: "succeeded" })],
    ["deadline", (path) => alarmIn(61 * 60_000, coordinator(path))],
    ["silence", (path) => alarmIn(31 * 60_000, coordinator(path))],
  ])("ends with the cause %s, once, and with nothing after it", async (cause, end) => {
    const { path, run, runPath } = await givenRun({
      actionName: "deploy",
      heartbeatTimeout: cause === "silence" ? 30 : 90,
    });
    await end(path, run);
    await beat(run, { message: "late" });
    await report(run, { status: "failed", error: "late" });
    await ask("DELETE", runPath);
    const { body } = await eventsOf(runPath);
    const { body: ended } = await ask("GET", runPath);
    expect(body.filter(({ type }) => type === "ended")).toEqual([
      { seq: body.length, type: "ended", at: ended.completedAt, status: ended.status, cause },
    ]);
  });

  it("ends with the cause delivery, without the receiver's answer", async () => {
    const { path, id, runPath } = await givenAged();
    await change(path, id, { type: "dispatch_failed", reason: "ci.example answered 404." });
    const { body } = await eventsOf(runPath);
    expect(body[1]).toEqual({ seq: 2, type: "ended", at: expect.any(String), status: "failed", cause: "delivery" });
  });

  it("applies a deadline that has passed unnoticed", async () => {
    const { run, runPath } = await givenRun();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(run.callback.expiresAt) + 5000 });
    const { body } = await eventsOf(runPath);
    expect(body.at(-1)).toMatchObject({ type: "ended", cause: "deadline", at: run.callback.expiresAt });
  });
});

describe("pages", () => {
  it.each([1, 2, 3, 6, 7, 8, 200])("of %i find every entry once, and the last has no next", async (limit) => {
    const path = newRunsPath();
    const runPath = `${path}/${(await runWith(path, 7)).id}`;
    const { body: whole } = await eventsOf(runPath);
    expect(whole).toHaveLength(7);
    const found = await pagesOf<WireEvent>(`${runPath}/events?limit=${limit}`);
    expect(found.flat()).toEqual(whole);
    expect(found).toHaveLength(Math.ceil(7 / limit));
  });

  it("have 50 entries by default", async () => {
    const path = newRunsPath();
    const run = await runWith(path, 53);
    const { body, headers } = await eventsOf(`${path}/${run.id}`);
    expect([body.length, headers.get("Link")]).toEqual([50, expect.stringContaining("cursor=")]);
  });

  it("continue after a handmade cursor of the last entry when new entries come", async () => {
    const { runPath } = await givenStarted();
    const after = await eventsOf(runPath, `?cursor=${encode("2")}`);
    expect(after.body.map(({ seq }) => seq)).toEqual([3]);
    expect((await eventsOf(runPath, `?cursor=${encode("3")}`)).body).toEqual([]);
  });

  it.each([
    ["limit", "limit=0"],
    ["limit", "limit=201"],
    ["limit", "limit=-1"],
    ["limit", "limit=1.5"],
    ["limit", "limit="],
    ["limit", "limit=5&limit=5"],
    ["cursor", "cursor="],
    ["cursor", "cursor=1"],
    ["cursor", `cursor=${encode("1")}%3D%3D`],
    ["cursor", `cursor=${encode("1")}&cursor=${encode("1")}`],
    ...["-1", "01", "1.5", "1e3", "x", "9".repeat(16), "019c0e5a-1800-8000-8000-000000000000"].map((text) => [
      "cursor",
      `cursor=${encode(text)}`,
    ]),
    ["after", "after=1"],
    ["status", "status=pending"],
    ["wait", "wait=5"],
  ])("refuse what is wrong and name it (%s): ?%s", async (place = "", query = "") => {
    const { runPath } = await givenRun();
    const answer = await ask<Refusal>("GET", `${runPath}/events?${query}`);
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_query" } });
    expect(answer.body.error).toContain(place);
  });
});

const WEBHOOK = {
  actionName: "deploy",
  trigger: { type: "webhook", url: "https://ci.example/hook", retry: { initialDelayMs: 60_000 } },
};

/** A run whose webhook was answered with 503, and whose next attempt is half a minute away. */
async function calledOnce(path: string): Promise<CreatedRun> {
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  const run = await createRun(path, WEBHOOK);
  await until(async () => (await eventsOf(`${path}/${run.id}`)).body.length === 3);
  return run;
}

async function beaten(path: string, n: number): Promise<CreatedRun> {
  const run = await createRun(path);
  await beatMany(path, run.id, n);
  return run;
}

const CALLED = ["attempt_started", "attempt_answered"];
const SUCCEEDED = { status: "succeeded" };

describe("a timeline is the same in every page and stream, whichever of its events the run tells itself", () => {
  it.each<[name: string, types: readonly string[], make: (path: string) => Promise<CreatedRun>]>([
    ["a new run", [], createRun],
    ["a webhook that is retried", CALLED, calledOnce],
    ["a report", ["started", "ended"], (path) => ended(createRun(path), (run) => report(run, SUCCEEDED))],
    [
      "a failure",
      ["started", "ended"],
      (path) => ended(createRun(path), (run) => report(run, { status: "failed", error: "no" })),
    ],
    [
      "a webhook and a report",
      [...CALLED, "started", "ended"],
      (path) => ended(calledOnce(path), (run) => report(run, SUCCEEDED)),
    ],
    [
      "a webhook, a heartbeat and a report",
      [...CALLED, "started", "heartbeat", "ended"],
      (path) =>
        ended(calledOnce(path), async (run) => {
          await beat(run);
          await report(run, SUCCEEDED);
        }),
    ],
    [
      "heartbeats and a report",
      ["started", "heartbeat", "heartbeat", "ended"],
      (path) => ended(beaten(path, 2), (run) => report(run, SUCCEEDED)),
    ],
    ["a cancel", ["ended"], (path) => ended(createRun(path), (run) => ask("DELETE", `${path}/${run.id}`))],
    [
      "a webhook and a cancel",
      [...CALLED, "ended"],
      (path) => ended(calledOnce(path), (run) => ask("DELETE", `${path}/${run.id}`)),
    ],
    ["a timeout", ["ended"], (path) => ended(createRun(path), () => alarmIn(61 * 60_000, coordinator(path)))],
    [
      "a webhook that is given up",
      [...CALLED, "ended"],
      (path) => ended(calledOnce(path), (run) => change(path, run.id, { type: "dispatch_failed", reason: "no." })),
    ],
    [
      "so many heartbeats that some are thinned, and a report",
      ["started", "heartbeats_thinned", ...Array(899).fill("heartbeat"), "ended"],
      (path) => ended(beaten(path, 1000), (run) => report(run, SUCCEEDED)),
    ],
  ])("for %s, from each cursor and with each limit", async (_name, types, make) => {
    const path = newRunsPath();
    const run = await make(path);
    const runPath = `${path}/${run.id}`;
    const whole = await allEvents(runPath, 200);
    expect(whole.map(({ type }) => type)).toEqual(["created", ...types]);
    expect(whole[0]).toEqual({ seq: 1, type: "created", at: run.createdAt, by: "root" });
    const { body: read } = await ask("GET", runPath);
    const byReport = types.includes("started") && !types.includes("heartbeat");
    const start = { seq: expect.any(Number), type: "started", at: read.startedAt };
    const starts = whole.filter(({ type }) => type === "started");
    if (byReport) expect(starts).toEqual([{ ...start, cause: "callback" }]);
    const isThinned = types.includes("heartbeats_thinned");
    if (!isThinned) expect(whole.map(({ seq }) => seq)).toEqual(whole.map((_, i) => i + 1));

    const n = whole.length;
    for (const limit of isThinned ? [199] : [1, 2, 3, n - 1, n]) {
      if (limit > 0) expect([limit, await allEvents(runPath, limit)]).toEqual([limit, whole]);
    }
    const seqs = isThinned ? [1, 2, 3, 102, 103, 998, 999, 1000, 1001, 1002] : whole.map(({ seq }) => seq);
    for (const after of seqs) {
      const rest = whole.filter(({ seq }) => seq > after);
      const page = await eventsOf(runPath, `?limit=200&cursor=${encode(`${after}`)}`);
      expect([after, page.body]).toEqual([after, rest.slice(0, 200)]);
      const stream = await openStream(runPath, { lastEventId: after });
      if (rest.length > 0) expect([after, await stream.events(rest.length)]).toEqual([after, rest]);
      else expect(stream.status).toBe(read.completedAt === null ? 200 : 204);
      await stream.cancel();
    }
  });
});

async function ended(making: Promise<CreatedRun>, end: (run: CreatedRun) => Promise<unknown>) {
  const run = await making;
  await end(run);
  return run;
}

/** Every event of a run, in pages of this size. */
async function allEvents(runPath: string, limit: number): Promise<WireEvent[]> {
  const pages = await pagesOf<WireEvent>(`${runPath}/events?limit=${limit}`);
  for (const page of pages) expect(page.length).toBeLessThanOrEqual(limit);
  return pages.flat();
}

describe("a timeline may be read", () => {
  it("by every role that may read, and by no one else", async () => {
    const { project, path } = givenProject();
    const run = await createRun(path);
    const runPath = `${path}/${run.id}`;
    for (const role of ["owner", "admin", "member", "viewer"] as const) {
      const { token } = await grantToken(project, { role });
      expect((await eventsOf(runPath, "", { token })).status).toBe(200);
    }
    const strangers = [
      await grantToken(newProject(), { role: "owner" }),
      await grantToken(project, { role: "admin", envName: "dev" }),
    ];
    for (const { token } of strangers) expect((await eventsOf(runPath, "", { token })).status).toBe(404);
    expect((await eventsOf(runPath, "", { token: null })).status).toBe(401);
    expect((await eventsOf(runPath, "", { token: run.callback.token })).status).toBe(401);
  });

  it("only under its own tenant's path, even with ROOT_TOKEN", async () => {
    const { path, run } = await givenRun();
    for (const other of [newRunsPath(), path.replace("/shop/", "/shop2/"), path.replace("/acme/", "/acme2/")]) {
      expect(await ask<Refusal>("GET", `${other}/${run.id}/events`)).toMatchObject({
        status: 404,
        body: { code: "run_not_found" },
      });
    }
  });
});

it.each<[name: string, make: (path: string) => string | Promise<string>]>([
  ["no uuid", () => "x"],
  ["one of version 4", () => crypto.randomUUID()],
  ["one of version 7", () => newUuidV7(Date.now())],
  ["one with a wrong tag", async (path) => changedLast(await newIdIn(path, Date.now()))],
  ["a real run's of another environment", async () => (await createRun(newRunsPath())).id],
])("an id that is made up wakes no object and is 404: %s", async (_name, make) => {
  const path = newRunsPath();
  const id = await make(path);
  const before = (await listDurableObjectIds(env.COORDINATORS)).map(String).sort();
  const coordinators = untouchable<typeof env.COORDINATORS>("COORDINATORS");
  for (const headers of [{}, { Accept: "text/event-stream" }]) {
    const address = `${path}/${id}/events`;
    expect(await ask<Refusal>("GET", address, { headers })).toMatchObject({
      status: 404,
      body: { code: "run_not_found" },
    });
    const watched = await askWith(envWith({ COORDINATORS: coordinators.binding }), "GET", address, { headers });
    expect(watched.status).toBe(404);
  }
  expect(coordinators.uses).toEqual([]);
  expect((await listDurableObjectIds(env.COORDINATORS)).map(String).sort()).toEqual(before);
});

function changedLast(id: string): string {
  return id.slice(0, -1) + (id.endsWith("0") ? "1" : "0");
}

it("a genuine id of a run that was never created is 404", async () => {
  const path = newRunsPath();
  expect((await eventsOf(`${path}/${await newIdIn(path, Date.now())}`)).status).toBe(404);
});

it.each(["down", "hang"] as const)("needs no D1: it is answered at once while D1 is %s", async (fault) => {
  const path = newRunsPath();
  const run = await runWith(path, 4);
  faults.reads = fault;
  faults.writes = fault;
  const calls = faults.calls;
  expect((await eventsOf(`${path}/${run.id.toUpperCase()}`)).body).toHaveLength(4);
  expect(faults.calls).toBe(calls);
});

it("HEAD has the headers of GET, and other methods are 405", async () => {
  const { runPath } = await givenRun();
  const address = `${runPath}/events`;
  for (const [Accept, type] of [
    ["*/*", "application/json"],
    ["text/event-stream", "text/event-stream; charset=utf-8"],
  ] as const) {
    const head = await ask("HEAD", address, { headers: { Accept } });
    expect([head.status, head.headers.get("Content-Type"), head.body]).toEqual([200, type, null]);
  }
  const posted = await ask("POST", `${runPath}/events`, { body: {} });
  expect([posted.status, posted.headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
});
