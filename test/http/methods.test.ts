/** Methods, addresses and the front page. test/openapi/every-operation.test.ts refuses the other methods of each operation. */

import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { ask, createRun, newRunsPath, ROOT } from "../support/requests.ts";

const ENV = "/acme/shop/envs/e1";
const ID = "0199d2a5-0000-8000-8000-000000000000";

function fetchRaw(method: string, path: string): Promise<Response> {
  const headers = { Authorization: `Bearer ${ROOT}` };
  return exports.default.fetch(`https://runs.example${path}`, { method, headers });
}

describe("methods", () => {
  it.each([
    ["PATCH", `${ENV}/action-runs`, "GET, HEAD, POST"],
    ["HEAD", `${ENV}/resync`, "POST"],
    ["POST", "/console/-/acme/shop/e1/runs", "GET, HEAD"],
  ])("%s %s is 405 with the allowed methods, also without a token", async (method, path, allow) => {
    const response = await exports.default.fetch(`https://runs.example${path}`, { method });
    expect([response.status, response.headers.get("Allow")]).toEqual([405, allow]);
    const text = await response.text();
    if (method === "HEAD") expect(text).toBe("");
    else expect(JSON.parse(text)).toEqual({ error: expect.stringContaining(allow), code: "method_not_allowed" });
  });
});

describe("HEAD", () => {
  /** What differs between any two answers, and what a reader of headers alone can't be given. */
  const OWN = ["x-request-id", "content-length"];
  const headersOf = (response: Response) =>
    Object.fromEntries([...response.headers].filter(([name]) => !OWN.includes(name)));

  it.each([
    ["what this is", () => "/"],
    ["health", () => "/healthz"],
    ["readiness", () => "/readyz"],
    ["tokens", () => "/acme/shop/tokens"],
    ["the audit", () => "/acme/shop/audit"],
    ["a list with a next page", (runs: string) => `${runs}?limit=1`],
    ["a summary", (runs: string) => `${runs}/summary`],
    ["metrics", (runs: string) => runs.replace(/action-runs$/, "metrics")],
    ["a run", (runs: string, id: string) => `${runs}/${id}`],
    ["an ended run that is waited for", (runs: string, _: string, ended: string) => `${runs}/${ended}?wait=1`],
    ["a timeline", (runs: string, id: string) => `${runs}/${id}/events`],
    ["a timeline with a next page", (runs: string, _: string, ended: string) => `${runs}/${ended}/events?limit=1`],
    ["an unknown run's timeline", (runs: string) => `${runs}/${ID}/events`],
    ["an unknown run", (runs: string) => `${runs}/${ID}`],
    ["a bad filter", (runs: string) => `${runs}?limit=0`],
    ["an unknown address", () => "/nothing/here"],
  ])("of %s answers like GET, without a body", async (_, pathOf) => {
    const runs = newRunsPath();
    const { id } = await createRun(runs);
    const ended = await createRun(runs);
    await ask("DELETE", `${runs}/${ended.id}`);
    const path = pathOf(runs, id, ended.id);
    const get = await fetchRaw("GET", path);
    const head = await fetchRaw("HEAD", path);
    expect(await head.text()).toBe("");
    expect((await get.text()).length).toBeGreaterThan(0);
    expect(head.status).toBe(get.status);
    expect(headersOf(head)).toEqual(headersOf(get));
  });

  it("requires a token, as GET does", async () => {
    const { status } = await ask("HEAD", newRunsPath(), { token: null });
    expect(status).toBe(401);
  });
});

describe("addresses", () => {
  it.each([
    "/favicon.ico",
    "/acme",
    "/acme/shop",
    "/acme/shop/envs",
    ENV,
    `${ENV}/action-runs/`,
    `${ENV}/action-runs/${ID}/`,
    `${ENV}/action-runs/${ID}/callback/more`,
    `${ENV}/action-runs/${ID}/heartbeat/`,
    `${ENV}/action-runs/${ID}/events/`,
    `${ENV}/action-runs/${ID}/events/1`,
    `${ENV}/action-runs/summary/`,
    `${ENV}/action-runs/summary/more`,
    `${ENV}/action-runs/${ID}/cancel/`,
    `${ENV}/action-runs/${ID}/retry/1`,
    `${ENV}//action-runs`,
    "/ACME/shop/tokens",
    "/-acme/shop/tokens",
    `/${"a".repeat(64)}/shop/tokens`,
    "/acme/shop/envs/E1/action-runs",
    `/acme/shop/envs/${"e".repeat(64)}/action-runs`,
  ])("%s is nothing: 404 for every method", async (path) => {
    for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
      const { status, body } = await ask<unknown>(method, path);
      expect({ method, status, body }).toEqual({
        method,
        status: 404,
        body: { error: expect.any(String), code: "not_found" },
      });
    }
  });

  it("accepts names of 63 characters", async () => {
    const name = "a".repeat(63);
    const { status } = await ask("GET", `/${name}/${name}/envs/${name}/action-runs`);
    expect(status).toBe(200);
  });
});

describe("GET /", () => {
  /** What Chromium sends when a person types an address. */
  const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

  it.each([
    ["GET", BROWSER],
    ["HEAD", BROWSER],
    ["GET", "text/html"],
  ])("leads a browser to the console: %s with Accept %s", async (method, accept) => {
    const { status, headers } = await ask(method, "/", { token: null, headers: { Accept: accept } });
    expect([status, headers.get("Location")]).toEqual([302, "/console"]);
    // A cache must not hand this response to a program.
    expect([headers.get("Vary"), headers.get("Cache-Control")]).toEqual(["Accept", "no-store"]);
  });

  it.each(["*/*", "application/json", "application/json, text/html;q=0.9", "image/png", ""])(
    "lists the endpoints for a program with Accept %j",
    async (accept) => {
      const { status, headers, body } = await ask<unknown>("GET", "/", { token: null, headers: { Accept: accept } });
      expect([status, headers.get("Vary")]).toEqual([200, "Accept"]);
      expect(body).toMatchObject({ name: "action-runs", console: "/console" });
    },
  );
});
