/** The receiver does what its script says, as a client in the runtime meets it. */

import { describe, expect, inject, it } from "vitest";
import { until } from "../support/direct.ts";
import { type Answer, type Mode, type Receiver, receiver } from "../support/receiver/client.ts";

const SHORTLY_MS = 300;

async function scripted(...answers: Answer[]): Promise<Receiver> {
  const playing = receiver();
  await playing.script(...answers);
  return playing;
}

function post(url: string, body = "{}", headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: "POST", body, headers, redirect: "manual" });
}

/** Bytes of the first chunks of a body, `atLeast` or all there are; the rest is cancelled. */
async function readSome(response: Response, atLeast: number): Promise<number> {
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes >= atLeast) break;
  }
  return bytes;
}

async function untilNobodyIsOpen(playing: Receiver): Promise<number> {
  await until(async () => (await playing.open()).open === 0);
  return (await playing.open()).bytesSent;
}

describe("an inbox", () => {
  it("notes a request as it was sent, also below its key, and answers 200 without a script", async () => {
    const playing = receiver();
    const sentAt = Date.now();
    const response = await post(`${playing.url}/hook/a%2Fb?x=1&x=2`, "snow ☃", { "X-Mixed-Case": "As Is" });
    expect([response.status, await response.text()]).toEqual([200, "ok"]);
    const [request, ...others] = await playing.inbox();
    expect(others).toEqual([]);
    const path = `${new URL(playing.url).pathname}/hook/a%2Fb?x=1&x=2`;
    expect(request).toMatchObject({ method: "POST", path, body: "snow ☃" });
    expect(request?.headers).toMatchObject({ "x-mixed-case": "As Is", "content-length": "8" });
    expect(request?.rawHeaders).toContain("As Is");
    expect(Math.abs((request?.at ?? 0) - sentAt)).toBeLessThan(60_000);
  });

  it("belongs to one key and keeps the first 1000 requests", async () => {
    const [busy, quiet] = [receiver(), receiver()];
    for (let batch = 0; batch < 21; batch++) {
      await Promise.all(Array.from({ length: 48 }, () => post(busy.url, String(batch)).then((r) => r.text())));
    }
    const bodies = (await busy.inbox()).map(({ body }) => body);
    expect([bodies.length, bodies[0], bodies[999]]).toEqual([1000, "0", "20"]);
    expect(await quiet.inbox()).toEqual([]);
    expect(await quiet.open()).toEqual({ open: 0, bytesSent: 0 });
  });

  it("can be waited for, and says how many came when the wait was for too many", async () => {
    const playing = receiver();
    const waiting = playing.untilInbox(2);
    for (const body of ["first", "second"]) await (await post(playing.url, body)).text();
    expect((await waiting).map(({ body }) => body)).toEqual(["first", "second"]);
    await expect(playing.untilInbox(3, 50)).rejects.toThrow("2 of 3 requests arrived within 50 ms.");
  });
});

describe("a script", () => {
  it("is played in order, and its last answer repeats", async () => {
    const playing = await scripted(
      { status: 503, headers: { "Retry-After": "7" }, body: "busy" },
      { status: 429 },
      { status: 201, body: "" },
    );
    const answers: unknown[] = [];
    for (let i = 0; i < 5; i++) {
      const response = await post(playing.url);
      answers.push([response.status, response.headers.get("Retry-After"), await response.text()]);
    }
    const last = [201, null, ""];
    expect(answers).toEqual([[503, "7", "busy"], [429, null, "ok"], last, last, last]);
  });

  it("begins again when it is replaced, and is 200 again when it is empty", async () => {
    const playing = await scripted({ status: 500 }, { status: 501 });
    const statusNow = async () => {
      const response = await post(playing.url);
      await response.text();
      return response.status;
    };
    expect([await statusNow(), await statusNow()]).toEqual([500, 501]);
    await playing.script({ status: 502 }, { status: 504 });
    expect(await statusNow()).toBe(502);
    await playing.script();
    expect(await statusNow()).toBe(200);
  });

  it("waits before it answers, and has noted the request by then", async () => {
    const playing = await scripted({ delayMs: 1000 });
    const askedAt = Date.now();
    const answered = post(playing.url);
    await playing.untilInbox(1);
    expect(await playing.open()).toEqual({ open: 1, bytesSent: 0 });
    expect((await answered).status).toBe(200);
    expect(Date.now() - askedAt).toBeGreaterThanOrEqual(980);
  });

  it.each([
    ["an unknown mode", '[{"mode":"sulk"}]'],
    ["a misspelt field", '[{"delay":5}]'],
    ["a status that no response can have", '[{"status":1000}]'],
    ["a header that can't be sent", '[{"headers":{"X-Bad":"a\\nb"}}]'],
    ["one answer outside a list", '{"status":200}'],
    ["no JSON", "[{"],
  ])("is refused for %s, and the one before it stays", async (_what, body) => {
    const playing = await scripted({ status: 418 });
    const path = `/_script/${new URL(playing.url).pathname.slice(1)}`;
    const refused = await fetch(`${inject("receiverUrl")}${path}`, { method: "PUT", body });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain("This script can't be played");
    expect((await post(playing.url)).status).toBe(418);
  });
});

describe("a receiver that answers in a way of its own", () => {
  it("echoes what it was sent", async () => {
    const playing = await scripted({ mode: "echo", status: 202 });
    const response = await post(playing.url, "hello", { "X-One": "1" });
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ body: "hello", headers: { "x-one": "1" } });
  });

  it("redirects to elsewhere below its key, or to where it is told", async () => {
    const told = { Location: "https://example.com/there" };
    const playing = await scripted({ mode: "redirect" }, { mode: "redirect", status: 307, headers: told });
    const first = await post(playing.url);
    expect([first.status, first.headers.get("Location")]).toEqual([302, `${new URL(playing.url).pathname}/elsewhere`]);
    const second = await post(playing.url);
    expect([second.status, second.headers.get("Location")]).toEqual([307, told.Location]);
  });
});

describe("a receiver that never finishes", () => {
  // What the client sees within a moment, and whether bytes were sent by then.
  const NEVER: readonly [Mode, "no head" | "no end", "silent" | "sends"][] = [
    ["hang", "no head", "silent"],
    ["trickle", "no head", "sends"],
    ["hang_body", "no end", "sends"],
    ["endless", "no end", "sends"],
  ];

  it.each(NEVER)("%s: %s, %s, until the client goes", async (mode, seen, bytes) => {
    const playing = await scripted({ mode });
    const leave = new AbortController();
    const response = fetch(playing.url, { method: "POST", body: "{}", signal: leave.signal });
    const end = response.then((r) => r.text());
    const isStillWaiting = (promise: Promise<unknown>) =>
      Promise.race([promise.then(() => false), scheduler.wait(SHORTLY_MS).then(() => true)]);
    if (seen === "no head") {
      await playing.untilInbox(1);
      expect(await isStillWaiting(response)).toBe(true);
    } else await response;
    expect(await isStillWaiting(end)).toBe(true);
    const before = await playing.open();
    expect([before.open, before.bytesSent > 0]).toEqual([1, bytes === "sends"]);
    leave.abort();
    await expect(end).rejects.toThrow();
    const sent = await untilNobodyIsOpen(playing);
    expect(sent).toBeGreaterThanOrEqual(before.bytesSent);
    await scheduler.wait(50);
    expect(await playing.open()).toEqual({ open: 0, bytesSent: sent });
  });
});

describe("a receiver that sends too much", () => {
  it("enormous: stops when the client does, far from its 100 MB", async () => {
    const playing = await scripted({ mode: "enormous" });
    const response = await post(playing.url);
    expect(response.headers.get("Content-Length")).toBe(String(100 * 1024 * 1024));
    expect(await readSome(response, 4096)).toBeLessThan(1024 * 1024);
    expect(await untilNobodyIsOpen(playing)).toBeLessThan(50 * 1024 * 1024);
  });

  it("bomb: little on the wire becomes 100 MB", async () => {
    const playing = await scripted({ mode: "bomb" });
    expect(await readSome(await post(playing.url), Number.POSITIVE_INFINITY)).toBe(100 * 1024 * 1024);
    expect(await untilNobodyIsOpen(playing)).toBeLessThan(200 * 1024);
  });
});

describe("a receiver that breaks", () => {
  // Where the client notices.
  const BROKEN: readonly [Mode, "head" | "body"][] = [
    ["reset", "head"],
    ["not_http", "head"],
    ["cut", "body"],
    ["bad_gzip", "body"],
  ];

  it.each(BROKEN)("%s: the client fails at the %s, and the request was noted once", async (mode, at) => {
    const playing = await scripted({ mode });
    const outcome = await post(playing.url).then(
      (response) =>
        response.text().then(
          () => "nowhere",
          () => "body",
        ),
      () => "head",
    );
    expect(outcome).toBe(at);
    expect(await playing.inbox()).toHaveLength(1);
    await untilNobodyIsOpen(playing);
  });
});
