/** The receiver does what its script says, as a client in the runtime meets it. */

import { describe, expect, it } from "vitest";
import type { Mode } from "../support/receiver/client.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering, untilNobodyWaits } from "./runs.ts";

await useSettings("development");

const SHORTLY_MS = 300;

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

describe("a receiver that answers in a way of its own", () => {
  it("echoes what it was sent", async () => {
    const playing = await answering({ mode: "echo", status: 202 });
    const response = await post(playing.url, "hello", { "X-One": "1" });
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ body: "hello", headers: { "x-one": "1" } });
  });

  it("redirects to elsewhere below its key, or to the Location of its script", async () => {
    const elsewhere = { Location: "https://example.com/there" };
    const playing = await answering({ mode: "redirect" }, { mode: "redirect", status: 307, headers: elsewhere });
    const first = await post(playing.url);
    expect([first.status, first.headers.get("Location")]).toEqual([302, `${new URL(playing.url).pathname}/elsewhere`]);
    const second = await post(playing.url);
    expect([second.status, second.headers.get("Location")]).toEqual([307, elsewhere.Location]);
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
    const playing = await answering({ mode });
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
    const sent = await untilNobodyWaits(playing);
    expect(sent).toBeGreaterThanOrEqual(before.bytesSent);
    await scheduler.wait(50);
    expect(await playing.open()).toEqual({ open: 0, bytesSent: sent });
  });

  it("hang_body sends the part of the body it was given", async () => {
    const playing = await answering({ mode: "hang_body", status: 500, body: "half a sent" });
    const response = await post(playing.url);
    expect([response.status, await readSome(response, 11)]).toEqual([500, 11]);
    await untilNobodyWaits(playing);
  });
});

describe("a receiver that sends too much", () => {
  it("enormous: stops when the client does, far from its 100 MB", async () => {
    const playing = await answering({ mode: "enormous" });
    const response = await post(playing.url);
    expect(response.headers.get("Content-Length")).toBe(String(100 * 1024 * 1024));
    expect(await readSome(response, 4096)).toBeLessThan(1024 * 1024);
    expect(await untilNobodyWaits(playing)).toBeLessThan(50 * 1024 * 1024);
  });

  it("bomb: little on the wire becomes 100 MB", async () => {
    const playing = await answering({ mode: "bomb" });
    expect(await readSome(await post(playing.url), Number.POSITIVE_INFINITY)).toBe(100 * 1024 * 1024);
    expect(await untilNobodyWaits(playing)).toBeLessThan(200 * 1024);
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
    const playing = await answering({ mode });
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
    await untilNobodyWaits(playing);
  });

  it("cut: sends half of what it promised", async () => {
    const playing = await answering({ mode: "cut", status: 503, body: "0123456789" });
    const response = await post(playing.url);
    expect([response.status, response.headers.get("Content-Length")]).toEqual([503, "10"]);
    expect(await readSome(response, 5)).toBe(5);
  });
});
