import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { ask, createRun, newRunsPath, ROOT } from "../support/requests.ts";

const ENV = "/acme/shop/envs/e1";
const ID = "0199d2a5-0000-8000-8000-000000000000";

/** Every address there is, and what it takes. */
const ALLOW: Readonly<Record<string, string>> = {
  "/": "GET, HEAD",
  "/healthz": "GET, HEAD",
  "/readyz": "GET, HEAD",
  "/openapi.json": "GET, HEAD",
  "/docs": "GET, HEAD",
  "/console": "GET, HEAD",
  "/console/-/acme/shop/e1/runs": "GET, HEAD",
  "/whoami": "GET, HEAD",
  "/places": "GET, HEAD",
  "/databases": "GET, HEAD",
  "/databases/0/environments": "GET, HEAD",
  "/databases/0/resync": "POST",
  "/session": "DELETE, POST",
  "/session/renew": "POST",
  "/acme/shop/tokens": "GET, HEAD, POST",
  [`/acme/shop/tokens/${ID}`]: "DELETE",
  [`/acme/shop/tokens/${ID}/rotate`]: "POST",
  "/acme/shop/sessions": "GET, HEAD",
  [`/acme/shop/sessions/${ID}`]: "DELETE",
  "/acme/shop/sign-in-codes": "POST",
  "/acme/shop/audit": "GET, HEAD",
  [`${ENV}/actions`]: "GET, HEAD",
  [`${ENV}/actions/deploy`]: "DELETE, GET, HEAD, PUT",
  [`${ENV}/actions/deploy/versions`]: "GET, HEAD",
  [`${ENV}/actions/deploy/versions/1`]: "DELETE, GET, HEAD",
  [`${ENV}/actions/deploy/runs`]: "POST",
  [`${ENV}/webhook-endpoints`]: "GET, HEAD",
  [`${ENV}/webhook-endpoints/deploy`]: "DELETE, GET, HEAD, PUT",
  [`${ENV}/webhook-endpoints/deploy/versions`]: "GET, HEAD",
  [`${ENV}/webhook-endpoints/deploy/versions/1`]: "DELETE, GET, HEAD",
  [`${ENV}/webhook-endpoints/deploy/status`]: "GET, HEAD",
  [`${ENV}/webhook-endpoints/deploy/test`]: "POST",
  [`${ENV}/webhook-endpoints/deploy/deliveries`]: "GET, HEAD",
  [`${ENV}/webhook-endpoints/deploy/deliveries/${ID}/resend`]: "POST",
  [`${ENV}/webhook-endpoints/deploy/recover`]: "POST",
  [`${ENV}/webhook-endpoints/deploy/enable`]: "POST",
  [`${ENV}/webhook-endpoints/deploy/rotate-secret`]: "POST",
  [`${ENV}/action-runs`]: "GET, HEAD, POST",
  [`${ENV}/action-runs/summary`]: "GET, HEAD",
  [`${ENV}/action-runs/facets`]: "GET, HEAD",
  [`${ENV}/action-runs/changes`]: "GET, HEAD",
  [`${ENV}/action-runs/${ID}`]: "DELETE, GET, HEAD",
  [`${ENV}/action-runs/${ID}/cancel`]: "POST",
  [`${ENV}/action-runs/${ID}/retry`]: "POST",
  [`${ENV}/action-runs/${ID}/callback`]: "POST",
  [`${ENV}/action-runs/${ID}/heartbeat`]: "POST",
  [`${ENV}/action-runs/${ID}/events`]: "GET, HEAD",
  [`${ENV}/action-runs/${ID}/approve`]: "POST",
  [`${ENV}/action-runs/${ID}/reject`]: "POST",
  [`${ENV}/action-runs/${ID}/release`]: "POST",
  [`${ENV}/action-runs/${ID}/approval`]: "GET, HEAD",
  [`${ENV}/concurrency-groups`]: "GET, HEAD",
  [`${ENV}/pauses`]: "GET, HEAD",
  [`${ENV}/pauses/prod`]: "DELETE, PUT",
  [`${ENV}/bulk-operations`]: "GET, HEAD, POST",
  [`${ENV}/bulk-operations/${ID}`]: "GET, HEAD",
  [`${ENV}/bulk-operations/${ID}/items`]: "GET, HEAD",
  [`${ENV}/bulk-operations/${ID}/cancel`]: "POST",
  [`${ENV}/metrics`]: "GET, HEAD",
  [`${ENV}/resync`]: "POST",
  [`${ENV}/database`]: "GET, HEAD, PUT",
};
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];

const REFUSED = Object.entries(ALLOW).flatMap(([path, allow]) =>
  METHODS.filter((method) => !allow.split(", ").includes(method)).map((method) => ({ method, path, allow })),
);

function fetchRaw(method: string, path: string): Promise<Response> {
  const headers = { Authorization: `Bearer ${ROOT}` };
  return exports.default.fetch(`https://runs.example${path}`, { method, headers });
}

describe("methods", () => {
  it("covers every path of the service", () => {
    const addresses = createApp()
      .routes.filter(({ method }) => method !== "ALL")
      .map(({ path }) =>
        path
          .replace("/*", "/acme/shop/e1/runs")
          .replaceAll("{[a-z0-9][a-z0-9-]{0,62}}", "")
          .replace(":database{[0-9]{1,2}}", "0")
          .replace(":o", "acme")
          .replace(":p", "shop")
          .replace(":envName", "e1")
          .replace(":name{[A-Za-z0-9][A-Za-z0-9._-]{0,62}}", "deploy")
          .replace(":group{[A-Za-z0-9-][A-Za-z0-9._-]{0,62}}", "prod")
          .replace(":version{[1-9][0-9]{0,14}}", "1")
          .replace(/:(id|tokenId|sessionId)/, ID),
      );
    expect([...new Set(addresses)].sort()).toEqual(Object.keys(ALLOW).sort());
  });

  it.each(REFUSED)("$method $path is 405 with the allowed methods", async ({ method, path, allow }) => {
    const response = await fetchRaw(method, path);
    expect(response.status).toBe(405);
    expect(response.headers.get("Allow")).toBe(allow);
    const text = await response.text();
    if (method === "HEAD") expect(text).toBe("");
    else expect(JSON.parse(text)).toEqual({ error: expect.stringContaining(allow), code: "method_not_allowed" });
  });

  it("405 does not require a token", async () => {
    const { status } = await ask("PATCH", newRunsPath(), { token: null });
    expect(status).toBe(405);
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

  it("GET / describes the service and links to /docs and /console", async () => {
    const { status, body } = await ask<Record<string, unknown>>("GET", "/", { token: null });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      name: "action-runs",
      description: expect.any(String),
      runs: "/{o}/{p}/envs/{envName}/action-runs",
      actions: "/{o}/{p}/envs/{envName}/actions",
      webhookEndpoints: "/{o}/{p}/envs/{envName}/webhook-endpoints",
      tokens: "/{o}/{p}/tokens",
      whoami: "/whoami",
      explorer: "/docs",
      console: "/console",
      next: expect.any(String),
    });
  });
});
