/** How many lines of the log an isolate writes: enough to see what goes on, never as many as a flood has requests. */

import { env } from "cloudflare:workers";
import { beforeEach, expect, it, vi } from "vitest";
import { createApp } from "../../src/app.ts";

const LINES_PER_SECOND = 100;
const SECOND_MS = 1000;
const NOON = Date.parse("2030-01-01T12:00:00Z");

const app = createApp();
let now: number;
let second = 0;
let lines: Record<string, unknown>[];

beforeEach(async () => {
  // Each in seconds that no other test has written in.
  now = NOON + ++second * 10 * SECOND_MS;
  lines = [];
  vi.spyOn(Date, "now").mockImplementation(() => now);
  vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(console, "log").mockImplementation((text: unknown) => {
    const line = JSON.parse(String(text));
    if (line.event === "request") lines.push(line);
  });
  // This line counts what tests before, also of other files, have left out.
  await flood(1);
  await fail();
  lines = [];
  now += SECOND_MS;
});

function send(path: string, environment: unknown = env): Promise<Response> {
  return Promise.resolve(app.fetch(new Request(`https://runs.example${path}`), environment as typeof env));
}

async function flood(requests: number): Promise<void> {
  for (let n = 0; n < requests; n++) expect((await send("/healthz")).status).toBe(200);
}

/** A request that fails on our side. */
async function fail(): Promise<void> {
  const broken = { limit: () => Promise.reject(new Error("out of order")) };
  const response = await app.fetch(
    new Request("https://runs.example/acme/shop/envs/prod/action-runs", {
      headers: { Authorization: `Bearer terr_${crypto.randomUUID().replaceAll("-", "").padEnd(43, "y")}` },
    }),
    { ...env, UNKNOWN_TOKEN_LIMIT: broken },
  );
  expect(response.status).toBe(500);
}

const leftOut = () => lines.map((line) => line.leftOut);

it("writes 100 lines a second, and the next line counts those left out", async () => {
  await flood(LINES_PER_SECOND + 37);
  expect(lines).toHaveLength(LINES_PER_SECOND);
  now += SECOND_MS;
  await flood(2);
  expect(lines).toHaveLength(LINES_PER_SECOND + 2);
  expect(lines.at(-2)).toHaveProperty("leftOut", 37);
  // The count is written once, and not at all if it is 0.
  const others = lines.toSpliced(-2, 1);
  expect(others.filter((line) => "leftOut" in line)).toEqual([]);
});

it("leaves nothing out at 100 requests a second", async () => {
  for (let n = 0; n < 3; n++, now += SECOND_MS) await flood(LINES_PER_SECOND);
  expect(lines).toHaveLength(3 * LINES_PER_SECOND);
  expect(lines.filter((line) => "leftOut" in line)).toEqual([]);
});

it("starts a new count with each second of the clock", async () => {
  await flood(LINES_PER_SECOND + 1);
  now += SECOND_MS - 1;
  await flood(1);
  expect(lines).toHaveLength(LINES_PER_SECOND);
  now += 1;
  await flood(LINES_PER_SECOND + 5);
  expect(lines).toHaveLength(2 * LINES_PER_SECOND);
  expect(leftOut().filter((n) => n !== undefined)).toEqual([2]);
  // After a second in which nothing was asked, too.
  now += 2 * SECOND_MS;
  await flood(1);
  expect(lines.at(-1)).toHaveProperty("leftOut", 5);
});

it("writes as many 5xx again, so that other requests don't push them out", async () => {
  await flood(LINES_PER_SECOND + 3);
  for (let n = 0; n < LINES_PER_SECOND + 20; n++) await fail();
  const failed = lines.slice(LINES_PER_SECOND);
  expect(failed.map(({ status, code }) => [status, code])).toEqual(
    Array.from({ length: LINES_PER_SECOND }, () => [500, "internal_error"]),
  );
  expect(leftOut().filter((n) => n !== undefined)).toEqual([]);
  now += SECOND_MS;
  await flood(1);
  expect(lines.at(-1)).toHaveProperty("leftOut", 3);
  await fail();
  expect(lines.at(-1)).toHaveProperty("leftOut", 20);
});

it("writes 100 causes of failures a second, and counts the others", async () => {
  const causes: Record<string, unknown>[] = [];
  vi.spyOn(console, "error").mockImplementation((text: unknown) => causes.push(JSON.parse(String(text))));
  for (let n = 0; n < LINES_PER_SECOND + 20; n++) await fail();
  expect(causes.map(({ event }) => event)).toEqual(Array(LINES_PER_SECOND).fill("request_failed"));
  now += SECOND_MS;
  await fail();
  expect(causes.at(-1)).toMatchObject({ leftOut: 20, cause: expect.stringContaining("out of order") });
});

it("limits the lines of 4xx responses like any other", async () => {
  for (let n = 0; n < LINES_PER_SECOND + 40; n++) {
    expect((await send("/acme/shop/envs/prod/action-runs")).status).toBe(401);
  }
  expect(lines).toHaveLength(LINES_PER_SECOND);
  now += SECOND_MS;
  await flood(1);
  expect(lines.at(-1)).toHaveProperty("leftOut", 40);
});

it("answers requests whose line is left out", async () => {
  await flood(LINES_PER_SECOND);
  const response = await send("/healthz");
  expect(response.status).toBe(200);
  expect(response.headers.get("X-Request-Id")).not.toBeNull();
  expect(lines).toHaveLength(LINES_PER_SECOND);
});
