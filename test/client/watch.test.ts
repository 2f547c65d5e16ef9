/** Follows a run over streams that are cut, silent, refused or ended: each event comes once. */

import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Schemas } from "../../src/client/index.ts";
import { type Answer, all, json, nothing, page, refusal, reset, type Stub, stream, stub, thrown } from "./stub.ts";

const EVENTS = [
  { seq: 1, type: "created", at: "2026-01-31T12:00:00.000Z", by: "root" },
  { seq: 2, type: "started", at: "2026-01-31T12:00:01.000Z", cause: "heartbeat" },
  { seq: 3, type: "heartbeat", at: "2026-01-31T12:00:01.000Z", message: "grüße 🚀\r\n\ndata: x" },
  { seq: 5, type: "ended", at: "2026-01-31T12:00:02.000Z", status: "succeeded", cause: "callback" },
] as const satisfies readonly Schemas["TimelineEvent"][];

const frame = (event: { seq: number }) => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`;
const START = "retry: 1\n\n";
const WHOLE = START + EVENTS.map(frame).join("");

/** Answers as the API does, with the events after Last-Event-ID, and cuts the stream after `bytes`. */
const resumable =
  (bytes: number): Answer =>
  (response, asked) => {
    const after = Number(asked.headers["last-event-id"] ?? 0);
    const rest = EVENTS.filter(({ seq }) => seq > after);
    if (rest.length === 0) return nothing(response, asked);
    const text = Buffer.from(START + rest.map(frame).join(""));
    return stream([text.subarray(0, bytes)], bytes < text.length ? "cut" : "end")(response, asked);
  };

const ENDLESS = Number.POSITIVE_INFINITY;
const watch = ({ client }: Stub, settings = {}) => client(settings).runs.watch("a-run");
const resumedFrom = ({ asked }: Stub) => asked.map(({ headers }) => headers["last-event-id"]);

describe("a watch", () => {
  it("is one stream if nothing fails, and ends with the run", async () => {
    const api = await stub(stream(WHOLE, "hang"));
    expect(await all(watch(api))).toEqual(EVENTS);
    expect(api.asked).toHaveLength(1);
    expect(api.asked[0]).toMatchObject({
      url: "/acme/shop/envs/prod/action-runs/a-run/events",
      headers: { accept: "text/event-stream" },
    });
    expect(resumedFrom(api)).toEqual([undefined]);
    await closed(api);
  });

  it("hands over the newest output of the job, and skips other events that have a name", async () => {
    const tail = { tail: "one\n\u2028two\n", at: "2026-01-31T12:00:01.000Z" };
    const named = [tail, null, 5, { tail: 1, at: tail.at }, { tail: "x" }].map(
      (data) => `event: tail\ndata: ${JSON.stringify(data)}\n\n`,
    );
    const frames = [...named, "event: tail\ndata: no JSON\n\n", "event: other\nid: 9\ndata: {}\n\n"];
    const [first = "", ...rest] = EVENTS.map(frame);
    const answer = stream([START, first, ...frames, ...rest], "hang");
    const onTail = vi.fn();
    const api = await stub(answer, answer);
    expect(await all(api.client().runs.watch("a-run", { onTail }))).toEqual(EVENTS);
    expect(onTail.mock.calls).toEqual([[tail]]);
    expect(await all(watch(api))).toEqual(EVENTS);
  });

  it("gives each event as it comes", async () => {
    const api = await stub(stream([START, ...EVENTS.slice(0, 2).map(frame)], "hang"));
    const events = watch(api)[Symbol.asyncIterator]();
    expect((await events.next()).value).toEqual(EVENTS[0]);
    expect((await events.next()).value).toEqual(EVENTS[1]);
    await events.return?.();
    await closed(api);
  });

  it("cut at any byte continues after the last whole event", async () => {
    const { length } = Buffer.from(WHOLE);
    const cuts = Array.from({ length: length + 1 }, (_, at) => at);
    for (let first = 0; first < cuts.length; first += 40) {
      await Promise.all(
        cuts.slice(first, first + 40).map(async (at) => {
          const api = await stub(resumable(at), resumable(ENDLESS));
          expect(await all(watch(api)), `cut at ${at}`).toEqual(EVENTS);
        }),
      );
    }
  });

  it.each([
    ["LF", "\n"],
    ["CR LF", "\r\n"],
    ["CR", "\r"],
  ])("reads lines that end with %s, byte by byte, and ignores what the standard ignores", async (_, end) => {
    const others = "\ufeff:\n\nevent: other\nid\nretry: 1e3\nDatax: x\n\n";
    const text = `${others}${WHOLE}:\n\n`.replaceAll("\n", end);
    const bytes = [...Buffer.from(text)].map((byte) => Uint8Array.of(byte));
    const api = await stub(stream(bytes, "hang"));
    expect(await all(watch(api))).toEqual(EVENTS);
    expect(api.asked).toHaveLength(1);
  });

  it("reads an event whose data is on several lines", async () => {
    const lines = JSON.stringify(EVENTS[3], null, 1).replaceAll(/^/gm, "data: ");
    const api = await stub(stream(`${START}${lines}\n\n`, "hang"));
    expect(await all(watch(api))).toEqual([EVENTS[3]]);
  });

  it("continues as often as streams end, if each brings an event", async () => {
    const api = await stub(resumable(Buffer.byteLength(START + frame(EVENTS[1]) + frame(EVENTS[2]).slice(0, 20))));
    expect(await all(watch(api, { retries: 1 }))).toEqual(EVENTS);
    expect(resumedFrom(api).slice(0, 3)).toEqual([undefined, "1", "2"]);
  });

  it("gives an event once if it comes twice", async () => {
    const first = START + EVENTS.slice(0, 3).map(frame).join("");
    const api = await stub(stream(first), stream(WHOLE));
    expect(await all(watch(api))).toEqual(EVENTS);
    expect(resumedFrom(api)).toEqual([undefined, "3"]);
  });

  it("starts after a given event, and is empty if none follows", async () => {
    const api = await stub(resumable(ENDLESS));
    expect(await all(api.client().runs.watch("a-run", { after: 2 }))).toEqual(EVENTS.slice(2));
    expect(await all(api.client().runs.watch("a-run", { after: 5 }))).toEqual([]);
    expect(resumedFrom(api)).toEqual(["2", "5"]);
  });

  it("survives transient refusals, resets, silence and streams with only comments", async () => {
    const quiet = stream([START, ":\n\n"]);
    const api = await stub(
      refusal(503, "too_many_watchers"),
      reset,
      stream(START, "hang"),
      page(502),
      ...Array<Answer>(6).fill(quiet),
      stream(WHOLE),
    );
    expect(await all(watch(api, { timeoutMs: 500, retries: 3 }))).toEqual(EVENTS);
    expect(api.asked).toHaveLength(11);
  });

  it("waits as long as the Retry-After of a 503 says", async () => {
    const api = await stub(refusal(503, "too_many_watchers", { "Retry-After": "1" }), stream(WHOLE));
    expect(await all(watch(api))).toEqual(EVENTS);
    expect((api.asked[1]?.at ?? 0) - (api.asked[0]?.at ?? 0)).toBeGreaterThan(950);
  });

  it("allows its caller more time for an event than a stream may be silent", async () => {
    const api = await stub(stream(EVENTS.map(frame), "hang"));
    const found: Schemas["TimelineEvent"][] = [];
    for await (const event of watch(api, { timeoutMs: 500 })) {
      found.push(event);
      if (found.length === 1) await delay(600);
    }
    expect(found).toEqual(EVENTS);
    expect(api.asked).toHaveLength(1);
  });
});

describe("a watch fails", () => {
  it.each([
    ["cut", stream(START, "cut")],
    ["ended", stream(START)],
    ["silent", stream(START, "hang")],
  ])("after several streams without an event: %s", async (_, answer) => {
    const api = await stub(answer);
    const error = await thrown(all(watch(api, { retries: 2, timeoutMs: 500 })));
    expect(error).toMatchObject({ status: null, code: "unreachable" });
    expect(api.asked).toHaveLength(3);
    await closed(api);
  });

  it.each([
    ["a line", "x".repeat(64 * 1024)],
    ["an event", `data: ${"x".repeat(64 * 1024)}\n`],
  ])("before %s that never ends fills the memory", async (_, piece) => {
    let sent = 0;
    function* pieces() {
      for (; sent < 1000; sent++) yield piece;
    }
    const api = await stub((response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      Readable.from(pieces()).pipe(response);
    });
    const error = await thrown(all(watch(api, { retries: 0, timeoutMs: 1000 })));
    expect(error).toMatchObject({ status: null, code: "unreachable" });
    expect(sent).toBeLessThan(500);
  });

  it.each([
    ["404", refusal(404, "run_not_found"), { status: 404, code: "run_not_found" }],
    ["401", refusal(401, "token_invalid"), { status: 401, code: "token_invalid" }],
    ["400", refusal(400, "invalid_last_event_id"), { status: 400, code: "invalid_last_event_id" }],
    ["a page", page(200), { status: 200, code: "unexpected_answer" }],
    ["the list instead", json(200, EVENTS), { status: 200, code: "unexpected_answer" }],
    ["no JSON", stream("data: {\n\n"), { status: 200, code: "unexpected_answer" }],
    ["null", stream("data: null\n\n"), { status: 200, code: "unexpected_answer" }],
    ["an event without a number", stream("data: {}\n\n"), { status: 200, code: "unexpected_answer" }],
  ])("at once for %s", async (_, answer, expected) => {
    const api = await stub(answer);
    expect(await thrown(all(watch(api)))).toMatchObject(expected);
    expect(api.asked).toHaveLength(1);
  });
});

describe("a watch that stops", () => {
  const reason = { any: "value" };

  it.each([
    ["while a stream is silent", stream(START, "hang")],
    ["between two streams", stream("retry: 30000\n\n")],
    ["while it waits to come back", refusal(503, "too_many_watchers", { "Retry-After": "30" })],
  ])("by an abort %s throws the signal's own reason and closes the connection", async (_, answer) => {
    // Otherwise one backoff in a hundred would be shorter than the delay below.
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    onTestFinished(() => void vi.restoreAllMocks());
    const api = await stub(answer);
    const aborter = new AbortController();
    const watching = thrown(all(api.client().runs.watch("a-run", { signal: aborter.signal })));
    await expect.poll(() => api.asked.length).toBe(1);
    await delay(100);
    aborter.abort(reason);
    expect(await watching).toBe(reason);
    expect(api.asked).toHaveLength(1);
    await closed(api);
  });

  it("by a break closes the connection", async () => {
    const api = await stub(stream(START + frame(EVENTS[0]), "hang"));
    for await (const event of watch(api)) {
      expect(event).toEqual(EVENTS[0]);
      break;
    }
    await closed(api);
  });
});

/** Resolves when the client holds no stream open. */
async function closed(api: Stub): Promise<void> {
  await expect.poll(() => api.open(), { timeout: 2000 }).toBe(0);
}
