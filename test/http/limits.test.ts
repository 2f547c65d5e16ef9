import { describe, expect, it } from "vitest";
import { utf8Bytes } from "../../src/base/limits.ts";
import { type ActionRun, ask, type CreatedRun, createRun, newRunsPath } from "../support/requests.ts";
import { everything } from "../support/rows.ts";

interface Limit {
  readonly name: string;
  readonly route: "create" | "succeeded" | "failed" | "token" | "list" | "keyed";
  /** What is sent of a given size: a raw body, a query or a key. */
  readonly of: (size: number) => string;
  readonly max: number;
  readonly status?: number;
  /** More than that is shortened, because no length of a report may keep its run open. */
  readonly isShortened?: true;
  /** How the sentence names the limit and the size, if not by the plain number. */
  readonly said?: string;
}

const x = (length: number) => "x".repeat(length);
/** A JSON object of so many bytes. */
const object = (bytes: number) => `{"a":"${x(bytes - 8)}"}`;
/** The same, of characters that take three bytes each. */
const euros = (bytes: number) => `{"a":"${"€".repeat(Math.floor((bytes - 8) / 3))}${x((bytes - 8) % 3)}"}`;
const lists = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

const KIB = 1024;

const LIMITS: readonly Limit[] = [
  { name: "a body", route: "create", of: (bytes) => '{"actionName":"a"}'.padEnd(bytes), max: KIB * KIB, status: 413 },
  {
    name: "a callback's body",
    route: "succeeded",
    of: (bytes) => '{"status":"succeeded"}'.padEnd(bytes),
    max: 4 * KIB * KIB,
    status: 413,
  },
  {
    name: "parameters",
    route: "create",
    of: (bytes) => `{"actionName":"a","parameters":${object(bytes - 2)}}`,
    max: 256 * KIB,
  },
  {
    name: "recommendations",
    route: "create",
    of: (bytes) => `{"actionName":"a","recommendations":${euros(bytes - 2)}}`,
    max: 256 * KIB,
  },
  {
    name: "parameters and recommendations together",
    route: "create",
    of: (bytes) => `{"actionName":"a","parameters":${object(100_000)},"recommendations":${euros(bytes - 100_000)}}`,
    max: 256 * KIB,
  },
  {
    name: "the output of a success",
    route: "succeeded",
    of: (bytes) => `{"status":"succeeded","output":${euros(bytes)}}`,
    max: 256 * KIB,
    isShortened: true,
  },
  {
    name: "the output of a failure",
    route: "failed",
    of: (bytes) => `{"status":"failed","error":"e","output":${object(bytes)}}`,
    max: 256 * KIB,
    isShortened: true,
  },
  {
    name: "an error",
    route: "failed",
    of: (bytes) => `{"status":"failed","error":"${x(bytes - 2)}"}`,
    max: 8 * KIB,
    isShortened: true,
  },
  {
    name: "an error that JSON must escape",
    route: "failed",
    of: (bytes) => `{"status":"failed","error":"${'\\"'.repeat((bytes - 4) / 2 - 0.5)}${x(2 + (bytes % 2))}"}`,
    max: 8 * KIB,
    isShortened: true,
  },
  {
    name: "nesting",
    route: "create",
    of: (levels) => `{"actionName":"a","parameters":{"a":${lists(levels - 2)}}}`,
    max: 64,
  },
  {
    name: "an output's nesting",
    route: "succeeded",
    of: (levels) => `{"status":"succeeded","output":{"a":${lists(levels - 2)}}}`,
    max: 64,
    isShortened: true,
  },
  { name: "an action's name", route: "create", of: (length) => `{"actionName":"${x(length)}"}`, max: 255 },
  {
    name: "an action's name of characters outside the basic plane",
    route: "create",
    of: (length) => `{"actionName":"${"\u{1f680}".repeat(length)}"}`,
    max: 255,
  },
  { name: "a token's name", route: "token", of: (length) => `{"name":"${x(length)}","role":"viewer"}`, max: 255 },
  { name: "a timeout", route: "create", of: (timeout) => `{"actionName":"a","timeout":${timeout}}`, max: 43_200 },
  { name: "a page", route: "list", of: (limit) => `limit=${limit}`, max: 200 },
  { name: "a filter's name", route: "list", of: (length) => `actionName=${x(length)}`, max: 255 },
  { name: "an Idempotency-Key", route: "keyed", of: (length) => x(length), max: 255 },
];

async function send(limit: Limit, runs: string, run: CreatedRun, size: number) {
  const sent = limit.of(size);
  switch (limit.route) {
    case "create":
      return ask<unknown>("POST", runs, { raw: sent });
    case "keyed":
      return ask<unknown>("POST", runs, { body: { actionName: "a" }, headers: { "Idempotency-Key": sent } });
    case "list":
      return ask<unknown>("GET", `${runs}?${sent}`);
    case "token":
      return ask<unknown>("POST", "/acme/shop/tokens", { raw: sent });
    case "succeeded":
    case "failed":
      return ask<unknown>("POST", run.callback.url, { token: run.callback.token, raw: sent });
  }
}

describe.each(LIMITS)("$name, at most $max", (limit) => {
  it.runIf(limit.isShortened)("accepts one more, and keeps no more than that", async () => {
    const runs = newRunsPath();
    const { status, body } = await send(limit, runs, await createRun(runs), limit.max + 1);
    expect(status).toBe(200);
    const { id, error, output, truncated } = body as ActionRun & { readonly truncated?: readonly string[] };
    expect(truncated).toHaveLength(1);
    for (const kept of [error, output].filter((one) => one !== null && limit.max > 64))
      expect(utf8Bytes(JSON.stringify(kept))).toBeLessThanOrEqual(limit.max);
    expect((await ask("GET", `${runs}/${id}`)).body).toMatchObject({ error, output, completedAt: expect.any(String) });
  });

  it.skipIf(limit.isShortened)(
    "refuses one more, and the sentence names the limit, and the size if no secret can be part of it",
    async () => {
      const runs = newRunsPath();
      const run = await createRun(runs);
      const before = await everything();
      const answer = await send(limit, runs, run, limit.max + 1);
      const { status } = answer;
      const { pointer: _, ...body } = answer.body as { readonly pointer?: string };
      const size = status === 413 ? "" : `\\b${limit.max + 1}\\b.*`;
      expect(body).toEqual({
        error: expect.stringMatching(new RegExp(`${size}\\b${limit.max}\\b`)),
        code: expect.any(String),
      });
      expect(status).toBe(limit.status ?? 400);
      expect(await everything()).toEqual(before);
    },
  );

  it("accepts exactly that and stores all of it", async () => {
    const runs = newRunsPath();
    const run = await createRun(runs);
    const { status, body } = await send(limit, runs, run, limit.max);
    expect(body).not.toHaveProperty("code");
    expect([200, 201]).toContain(status);
    if (limit.route === "list" || limit.route === "token") return;
    const { id } = body as { id: string };
    const { callback: _, ...told } = body as CreatedRun;
    expect((await ask("GET", `${runs}/${id}`)).body).toEqual(told);
  });
});

it("accepts the smallest value of everything", async () => {
  const runs = newRunsPath();
  const run = await createRun(runs, { actionName: "a", timeout: 1, parameters: {}, recommendations: {} });
  expect(Date.parse(run.callback.expiresAt) - Date.parse(run.createdAt)).toBe(60_000);
  expect((await ask("GET", `${runs}?limit=1`)).status).toBe(200);
});

it("stores and lists a run at all of its limits at once", async () => {
  const runs = newRunsPath();
  const half = (128 * KIB - 30) / 6;
  const quotes = { a: '"'.repeat(half * 3 - 10) };
  const run = await createRun(runs, {
    actionName: "\u{1f680}".repeat(255),
    parameters: quotes,
    recommendations: { a: "\u0001".repeat(half) },
  });
  const reported = await ask("POST", run.callback.url, {
    token: run.callback.token,
    body: { status: "failed", error: "\u0001".repeat(1365), output: { a: "\\".repeat(128 * KIB - 4) } },
  });
  expect(reported.status).toBe(200);
  expect((await ask("GET", `${runs}/${run.id}`)).body).toEqual(reported.body);
  expect((await ask<unknown>("GET", runs)).body).toEqual([reported.body]);
});
