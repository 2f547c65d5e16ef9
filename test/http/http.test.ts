import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp } from "../../src/app.ts";
import { ApiError } from "../../src/http/errors.ts";
import { ROUTES } from "../support/bindings.ts";
import { type Answer, type Ask, ask, createRun, newRunsPath, scopeOfPath } from "../support/requests.ts";
import { linesOf, watchLog } from "../support/secrets.ts";
import { grantToken } from "../support/tokens.ts";
import { CASES, type Case, SECRET } from "./http-cases.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const lines = watchLog();
let seconds = 0;

beforeEach(() => {
  // Each test has a second of its own, because the log writes a bounded number of lines a second.
  const now = Date.now();
  seconds++;
  vi.spyOn(Date, "now").mockImplementation(() => now + seconds * 1000);
});

const requestLines = () => linesOf(lines, "request");

async function play(example: Case, requestId?: string): Promise<Answer<unknown>> {
  const runs = newRunsPath();
  const run = await createRun(runs);
  example.given?.();
  lines.length = 0;
  const options = example.ask?.(run) ?? {};
  const headers = { ...options.headers, ...(requestId === undefined ? {} : { "X-Request-Id": requestId }) };
  return ask<unknown>(example.method, example.path(runs, run), { ...options, headers });
}

/** What is the same for everybody may be kept. */
const CACHED: Readonly<Record<string, string>> = {
  "/": "public, max-age=300",
  "/openapi.json": "no-cache",
  "/docs": "no-cache",
  "/console": "no-cache",
  "/console/-/*": "no-cache",
  "/console/sign-in": "no-cache",
  "/console/cli": "no-cache",
};

/** Refused before anybody asked who it is: 405 and 508. */
function asksByApiToken({ route, status }: Case): boolean {
  const isOpen =
    !/^\/(:o\/|databases|whoami$|places$|session$)/.test(route) ||
    /\/(callback(\/token)?|heartbeat|:inboundId|exchange)$/.test(route);
  return !isOpen && ![401, 405, 508].includes(status);
}

/** Whether the log may name the environment or the project: the credential has opened it. */
function opens(example: Case): boolean {
  const { name, route, status } = example;
  // Refused for its person, before anybody looked at the path.
  if (!route.startsWith("/:o/") || /may not act for/.test(name)) return false;
  return asksByApiToken(example) || (/\/(callback|heartbeat)$/.test(route) && ![401, 405, 503, 508].includes(status));
}

describe.each(CASES)("$name, a $status", (example) => {
  it("has X-Request-Id and Cache-Control, and an error body if it is an error", async () => {
    const { status, headers, body } = await play(example);
    expect(status).toBe(example.status);
    expect(headers.get("X-Request-Id")).toMatch(UUID);
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.get("Cache-Control")).toBe(CACHED[example.route] ?? "no-store");
    const isPage = /^\/(docs|console)/.test(example.route);
    const isText = example.route.endsWith("/metrics");
    expect(headers.get("Content-Type")).toMatch(
      isPage ? /^text\/html/ : isText ? /^text\/plain/ : /^application\/json/,
    );
    const { code, pointer } = example;
    if (status >= 400) expect(body).toEqual({ error: expect.stringMatching(/.{10,}/), code, pointer });
    expect(headers.get("WWW-Authenticate")).toBe(status === 401 ? "Bearer" : null);
    if (status === 503) expect(headers.get("Retry-After")).toMatch(/^\d+$/);
  });

  it("writes one log line with the request id and nothing else that the caller sent", async () => {
    const { headers } = await play(example, "ticket_42=a-b");
    expect(headers.get("X-Request-Id")).toBe("ticket_42=a-b");
    const [{ scope, run, ...line } = {}, ...more] = requestLines();
    expect(more).toEqual([]);
    expect([typeof scope, run === undefined || opens(example)]).toEqual([
      opens(example) ? "string" : "undefined",
      true,
    ]);
    expect(line).toEqual({
      level: "info",
      event: "request",
      requestId: "ticket_42=a-b",
      ...(asksByApiToken(example) ? { token: "root" } : {}),
      method: example.method,
      route: example.route,
      status: example.status,
      durationMs: expect.any(Number),
      d1: expect.any(Number),
      coordinator: expect.any(Number),
      ...(example.code === undefined ? {} : { code: example.code }),
    });
    for (const secret of [SECRET, "a-root-token-for-tests", "Bearer"]) {
      expect(lines.filter((text) => text.includes(secret))).toEqual([]);
    }
  });
});

describe("a log line names the environment and the run", () => {
  const named = async (method: string, path: string, options: Ask = {}) => {
    lines.length = 0;
    const { status } = await ask(method, path, options);
    const [line = {}] = requestLines();
    return [status, line.scope, line.run];
  };

  it("of a request whose token opens them, also if its role does not, and of a callback", async () => {
    const path = newRunsPath();
    const scope = scopeOfPath(path);
    const [o, p, envName = ""] = scope.split("/");
    const viewer = await grantToken(`/${o}/${p}`, { role: "viewer", envName, name: "looks" });
    lines.length = 0;
    const run = await createRun(path);
    expect(requestLines()).toMatchObject([{ scope, run: run.id }]);
    const of = `${path}/${run.id}`;
    expect(await named("GET", `${path}/${run.id.toUpperCase()}`)).toEqual([200, scope, run.id]);
    expect(await named("POST", `${of}/cancel`, { token: viewer.token })).toEqual([403, scope, run.id]);
    const callback = { token: run.callback.token, body: { status: "failed", error: "no" } };
    expect(await named("POST", `${of}/callback`, callback)).toEqual([200, scope, run.id]);
    expect(await named("GET", of, { token: run.callback.token })).toEqual([200, scope, run.id]);
    const [status, , retry] = await named("POST", `${of}/retry`, { body: {} });
    expect([status, retry]).toEqual([201, expect.stringMatching(UUID)]);
    expect(retry).not.toBe(run.id);
    expect(await named("GET", `/${o}/${p}/tokens`)).toEqual([200, `${o}/${p}`, undefined]);
    expect(await named("GET", `${path.replace(/action-runs$/, "bulk-operations")}/${run.id}`)).toEqual([
      404,
      scope,
      undefined,
    ]);
  });

  it("and never of a path that somebody only typed", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    const { token } = await grantToken("/acme/other", { role: "owner", name: "elsewhere" });
    const of = `${path}/${run.id}`;
    for (const options of [{ token: null }, { token: `terr_${"x".repeat(43)}` }]) {
      expect(await named("GET", of, options)).toEqual([401, undefined, undefined]);
    }
    expect(await named("GET", of, { token })).toEqual([404, undefined, undefined]);
    expect(await named("PUT", `${path.replace(/action-runs$/, "database")}`, { token, body: {} })).toEqual([
      403,
      undefined,
      undefined,
    ]);
    const other = await createRun(path);
    const body = { status: "succeeded" };
    expect(await named("POST", `${of}/callback`, { token: other.callback.token, body })).toEqual([
      401,
      undefined,
      undefined,
    ]);
  });
});

it("has an example of every route", () => {
  const examples = new Set(CASES.map(({ method, route }) => `${method} ${route}`));
  expect(ROUTES.filter((route) => !examples.has(route))).toEqual([]);
});

it.each([
  ["empty", ""],
  ["with a space", "a b"],
  ["with a quote", 'a"b'],
  ["with a colon, as a callback token has", "a:b"],
  ["not ASCII", "é"],
  ["of 256 characters", "a".repeat(256)],
])("an X-Request-Id %s is replaced, in the answer and in the log", async (_, sent) => {
  const { headers } = await ask("GET", "/healthz", { headers: { "X-Request-Id": sent } });
  expect(headers.get("X-Request-Id")).toMatch(UUID);
  expect(requestLines().map((line) => line.requestId)).toEqual([headers.get("X-Request-Id")]);
});

it("an X-Request-Id of 255 characters is kept", async () => {
  const sent = "a".repeat(255);
  const { headers } = await ask("GET", "/healthz", { headers: { "X-Request-Id": sent } });
  expect(headers.get("X-Request-Id")).toBe(sent);
});

it("an internal error is 500 without details, which are in the log under the request id", async () => {
  const broken = { limit: () => Promise.reject(new Error("SQL and stacks")) };
  const request = new Request(`https://runs.example${newRunsPath()}`, {
    headers: { Authorization: `Bearer terr_${"y".repeat(43)}` },
  });
  const response = await createApp().fetch(request, { ...env, UNKNOWN_TOKEN_LIMIT: broken });
  expect(response.status).toBe(500);
  const text = await response.text();
  expect(JSON.parse(text)).toEqual({ error: expect.any(String), code: "internal_error" });
  expect(text).not.toContain("SQL");
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  const requestId = response.headers.get("X-Request-Id");
  const [failed] = linesOf(lines, "request_failed");
  expect(failed).toMatchObject({ level: "error", requestId, code: "internal_error" });
  expect(failed?.cause).toContain("SQL and stacks");
  expect(requestLines()).toMatchObject([{ requestId, status: 500, code: "internal_error" }]);
});

describe("the stack of an error", () => {
  const limit = Error.stackTraceLimit;
  afterEach(() => {
    Error.stackTraceLimit = limit;
  });

  const frames = (error: Error) => (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));

  it.each([limit, 0, 3, 100])("is missing for an ApiError, and other errors keep %i frames", (kept) => {
    Error.stackTraceLimit = kept;
    const before = frames(new Error("a fault")).length;
    for (const refusal of [new ApiError("not_found", "Nothing is here."), new ApiError("unauthorized")]) {
      expect(frames(refusal)).toEqual([]);
      expect(refusal).toBeInstanceOf(Error);
      expect(refusal.message).toMatch(/\.$/);
    }
    expect(Error.stackTraceLimit).toBe(kept);
    expect(frames(new Error("a fault"))).toHaveLength(before);
    if (kept > 0) expect(before).toBeGreaterThan(0);
  });

  it("is kept for the cause of an ApiError, because the log needs it", () => {
    const cause = new Error("D1 is down");
    const refusal = new ApiError("database_unavailable", "Try again later.", { cause });
    expect(refusal.cause).toBe(cause);
    expect(frames(cause).length).toBeGreaterThan(0);
  });
});
