/** GET …/{id}/events as Server-Sent Events: the events of the pages, as they happen, none missing and none twice. */

import { abortAllDurableObjects } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { alarmIn, beatMany, change, coordinator, direct, givenAged, restart } from "../../../support/direct.ts";
import { breakD1 } from "../../../support/faults.ts";
import { ask, type CreatedRun, createRun, givenRun, newRunsPath, report } from "../../../support/requests.ts";
import { beat, EVENT_STREAM, eventsOf, givenStarted, openStream } from "../../../support/runs/stream.ts";
import type { Refusal } from "../../../support/tokens.ts";

async function endedRun(path: string, beats = 2): Promise<{ run: CreatedRun; runPath: string }> {
  const run = await createRun(path);
  for (let n = 0; n < beats; n++) await beat(run, { message: `line ${n}\u2028\r\n\n data: x` });
  await report(run, { status: "succeeded" });
  return { run, runPath: `${path}/${run.id}` };
}

describe("content negotiation", () => {
  const JSON_TYPE = "application/json";
  const STREAM_TYPE = "text/event-stream; charset=utf-8";
  it.each([
    [undefined, JSON_TYPE],
    ["*/*", JSON_TYPE],
    ["", JSON_TYPE],
    ["text/html", JSON_TYPE],
    ["application/json", JSON_TYPE],
    ["text/event-stream", STREAM_TYPE],
    ["TEXT/Event-Stream", STREAM_TYPE],
    ["text/event-stream;charset=utf-8", STREAM_TYPE],
    ["text/event-stream, */*;q=0.1", STREAM_TYPE],
    ["text/event-stream, application/json;q=0.9", STREAM_TYPE],
    ["application/json;q=0.9, text/event-stream", STREAM_TYPE],
    ["application/json, text/event-stream;q=0.9", JSON_TYPE],
    ["text/event-stream;q=0.5, application/json;q=0.6", JSON_TYPE],
    ["text/event-stream;q=0", JSON_TYPE],
    ["text/event-stream;q=0, */*", JSON_TYPE],
  ])("answers Accept: %s as %s", async (accept, type) => {
    const { runPath } = await endedRun(newRunsPath(), 0);
    if (accept === undefined) {
      expect((await eventsOf(runPath)).headers.get("Content-Type")).toBe(type);
      return;
    }
    const stream = await openStream(runPath, { accept });
    expect([stream.status, stream.headers.get("Content-Type")]).toEqual([200, type]);
    expect(stream.headers.get("Vary")).toMatch(/\bAccept\b/i);
    // nginx must not hold the events back.
    expect(stream.headers.get("X-Accel-Buffering")).toBe(type === STREAM_TYPE ? "no" : null);
    await stream.cancel();
  });
});

describe("a stream", () => {
  it("of an ended run has the same events as the page, each with its id, and then ends", async () => {
    const { runPath } = await endedRun(newRunsPath());
    const { body: page } = await eventsOf(runPath);
    const stream = await openStream(runPath);
    expect(stream.headers.get("Cache-Control")).toMatch(/no-store/);
    const first = await stream.next();
    expect(Number(first?.retry)).toBeGreaterThan(0);
    expect(first).toMatchObject({ id: null, data: null });
    for (const event of page) {
      const frame = await stream.next();
      expect([frame?.id, JSON.parse(frame?.data ?? "")]).toEqual([String(event.seq), event]);
    }
    expect(await stream.next()).toBeNull();
  });

  it("of an open run sends each event as it happens, and ends after the last one", async () => {
    const { run, runPath } = await givenRun();
    const stream = await openStream(runPath);
    expect((await stream.events(1)).map(({ type }) => type)).toEqual(["created"]);
    for (const message of ["a", "b", "c"]) {
      const coming = stream.events(message === "a" ? 2 : 1, 2000);
      await beat(run, { message });
      expect((await coming).at(-1)).toMatchObject({ type: "heartbeat", message });
    }
    // Nothing is said of a heartbeat without news.
    const end = stream.rest();
    await beat(run);
    await report(run, { status: "failed", error: "no" });
    expect(await end).toMatchObject([{ type: "ended", status: "failed" }]);
  });

  it.each(["alarm", "cancel"] as const)("ends by itself when the run is ended by: %s", async (how) => {
    const { path, runPath } = await givenRun();
    const stream = await openStream(runPath);
    await stream.events(1);
    const end = stream.rest();
    if (how === "alarm") await alarmIn(61 * 60_000, coordinator(path));
    else await ask("DELETE", runPath);
    expect(await end).toMatchObject([{ seq: 2, type: "ended" }]);
  });

  it("that needs several fetches has every event", async () => {
    const { path, id, runPath } = await givenAged();
    await beatMany(path, id, 340);
    await change(path, id, { type: "succeeded", output: null });
    const found = await (await openStream(runPath)).rest();
    expect(found.map(({ seq }) => seq)).toEqual(Array.from({ length: 343 }, (_, i) => i + 1));
  });

  it.each(["down", "hang"] as const)("goes on without D1: %s", async (fault) => {
    const { run, runPath } = await givenRun();
    const { open } = breakD1(fault);
    const stream = await openStream(runPath);
    await stream.events(1);
    const end = stream.rest();
    const reporting = report(run, { status: "succeeded" });
    expect((await end).map(({ type }) => type)).toEqual(["started", "ended"]);
    open();
    await reporting;
  });

  it("is refused with a status if the run can't be watched", async () => {
    const { run, runPath } = await givenRun();
    expect((await openStream(`${newRunsPath()}/${run.id}`)).status).toBe(404);
    expect((await openStream(runPath, { token: "x" })).status).toBe(401);
    const odd = await ask<Refusal>("GET", `${runPath}/events?x=1`, { headers: { Accept: EVENT_STREAM } });
    expect(odd).toMatchObject({ status: 400, body: { code: "invalid_query" } });
  });
});

describe("Last-Event-ID", () => {
  it("resumes an ended timeline after every event, with none missing and none twice", async () => {
    const { runPath } = await endedRun(newRunsPath(), 5);
    const { body: page } = await eventsOf(runPath);
    for (let seq = 0; seq < page.length; seq++) {
      const stream = await openStream(runPath, { lastEventId: seq });
      expect(await stream.rest()).toEqual(page.slice(seq));
    }
  });

  it("resumes a run in progress after every event", async () => {
    const { run, runPath } = await givenRun();
    const found = await (await openStream(runPath)).events(1);
    for (let n = 0; ; n++) {
      if (n === 6) await report(run, { status: "succeeded" });
      else await beat(run, { message: `m${n}` });
      const stream = await openStream(runPath, { lastEventId: found.at(-1)?.seq ?? 0 });
      // One at a time: the first heartbeat brings the start as well.
      found.push(...(await stream.events(1)));
      await stream.cancel();
      if (found.at(-1)?.type === "ended") break;
    }
    expect(found).toEqual((await eventsOf(runPath)).body);
  });

  it("with the newest event's id waits for the next event", async () => {
    const { run, runPath } = await givenRun();
    const stream = await openStream(runPath, { lastEventId: 1 });
    expect(await stream.next()).toMatchObject({ data: null });
    const coming = stream.events(1);
    await beat(run);
    expect(await coming).toMatchObject([{ seq: 2, type: "started" }]);
    await stream.cancel();
  });

  it("with the last event's id is 204, which stops an EventSource from reconnecting", async () => {
    const { runPath } = await endedRun(newRunsPath(), 0);
    const { length } = (await eventsOf(runPath)).body;
    const stream = await openStream(runPath, { lastEventId: length });
    expect([stream.status, await stream.next()]).toEqual([204, null]);
  });

  it.each(["", "abc", "-1", "+1", "1.5", "1e3", "01", "0x1", "1,1", "9".repeat(15), "9".repeat(400), "5"])(
    "%j is 400, of a run that goes on and of one that has ended",
    async (lastEventId) => {
      const path = newRunsPath();
      const open = await createRun(path);
      const { run: ended } = await endedRun(path, 0);
      for (const { id } of [open, ended]) {
        const headers = { Accept: EVENT_STREAM, "Last-Event-ID": lastEventId };
        const answer = await ask<Refusal>("GET", `${path}/${id}/events`, { headers });
        expect(answer).toMatchObject({ status: 400, body: { code: "invalid_last_event_id" } });
        expect(answer.headers.get("Content-Type")).toMatch(/^application\/json/);
      }
    },
  );

  it("with the id of a heartbeat that was thinned out resumes with the entry that counts it", async () => {
    const { path, id, runPath } = await givenAged();
    await beatMany(path, id, 1100);
    await change(path, id, { type: "succeeded", output: null });
    const whole = await (await openStream(runPath)).rest();
    for (const seq of [3, 50, 600]) {
      const resumed = await (await openStream(runPath, { lastEventId: seq })).rest();
      expect(resumed).toEqual(whole.filter((event) => event.seq > seq));
    }
  });
});

describe("the object restarts while it is watched", () => {
  it("and no event is missed, whether the stream goes on or has to be resumed", async () => {
    const { run, runPath } = await givenRun();
    let stream = await openStream(runPath);
    const found = await stream.events(1);
    for (let n = 0; n < 6; n++) {
      const coming = n % 2 === 0 ? stream.events(1) : null;
      await abortAllDurableObjects();
      await beat(run, { message: `m${n}` });
      const got = await (coming ?? stream.events(1));
      found.push(...got);
      if (got.length === 0) stream = await openStream(runPath, { lastEventId: found.at(-1)?.seq ?? 0 });
    }
    await report(run, { status: "succeeded" });
    found.push(...(await stream.rest()));
    if (found.at(-1)?.type !== "ended") {
      found.push(...(await (await openStream(runPath, { lastEventId: found.at(-1)?.seq ?? 0 })).rest()));
    }
    expect(found).toEqual((await eventsOf(runPath)).body);
  });

  it("and a stream resumes after a restart without subscribers", async () => {
    const { path, runPath } = await givenStarted();
    await restart(path);
    const stream = await openStream(runPath, { lastEventId: 1 });
    expect((await stream.events(2)).map(({ seq }) => seq)).toEqual([2, 3]);
    await stream.cancel();
  });
});

describe("without news", () => {
  it("a stream ends after 5 minutes, at the next event, and can be resumed from there", async () => {
    const { run, runPath } = await givenRun({ actionName: "deploy", timeout: 600 });
    const stream = await openStream(runPath);
    await stream.events(1);
    const coming = stream.events(1);
    await beat(run);
    expect(await coming).toMatchObject([{ seq: 2 }]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5 * 60_000 });
    // The call that was under way brings its event; nothing is asked after that.
    await report(run, { status: "succeeded" });
    const found = await stream.rest();
    const resumed = await openStream(runPath, { lastEventId: found.at(-1)?.seq ?? 2 });
    found.push(...(resumed.status === 204 ? [] : await resumed.rest()));
    expect([1, 2, ...found.map(({ seq }) => seq)]).toEqual([1, 2, 3, 4]);
  });

  it("a stream ends after 5 minutes although the run goes on", async () => {
    const { path, run, runPath } = await givenRun({ actionName: "deploy", timeout: 600 });
    const stream = await openStream(runPath);
    await stream.events(1);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5 * 60_000 });
    const coming = stream.rest();
    await beat(run, { message: "the call under way brings this" });
    const found = await coming;
    expect(await stream.next()).toBeNull();
    expect(found.some(({ type }) => type === "ended")).toBe(false);
    const page = await direct(path).watches.events(run.id, { after: 0, limit: 100 });
    expect(page.ok && page.isOver).toBe(false);
  });
});

it.each(["limit=1", "cursor=MQ"])("refuses %s on a stream, which it would only ignore", async (query) => {
  const { runPath } = await givenRun();
  const headers = { Accept: "text/event-stream" };
  const answer = await ask<{ code: string }>("GET", `${runPath}/events?${query}`, { headers });
  expect(answer).toMatchObject({ status: 400, body: { code: "invalid_query" } });
});
