import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { newRunsPath, ROOT } from "../support/requests.ts";

const PORTAL = "https://portal.example";
const app = createApp();

async function send(origins: string | undefined, path: string, init: RequestInit = {}, origin = PORTAL) {
  const headers = new Headers(init.headers);
  headers.set("Origin", origin);
  const bindings = origins === undefined ? env : { ...env, CORS_ORIGINS: origins };
  return app.fetch(new Request(`https://runs.example${path}`, { ...init, headers }), bindings);
}

const authorized = { headers: { Authorization: `Bearer ${ROOT}` } };
const preflight = {
  method: "OPTIONS",
  headers: {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, idempotency-key, on-behalf-of, traceparent",
  },
};

function corsHeaders(response: Response): string[] {
  return [...response.headers.keys()].filter((name) => name.startsWith("access-control-"));
}

describe("CORS is off", () => {
  it.each([
    ["unset", undefined],
    ["empty", ""],
    ["nothing but commas", " , "],
  ])("while CORS_ORIGINS is %s", async (_, origins) => {
    const path = newRunsPath();
    expect(corsHeaders(await send(origins, path, authorized))).toEqual([]);
    const refused = await send(origins, path, preflight);
    expect(refused.status).toBe(405);
    expect(corsHeaders(refused)).toEqual([]);
  });

  it("for an origin that CORS_ORIGINS does not list", async () => {
    for (const origin of ["https://evil.example", "https://portal.example.evil", "http://portal.example", "null"]) {
      const response = await send(PORTAL, newRunsPath(), authorized, origin);
      expect(response.status).toBe(200);
      expect(response.headers.get("Access-Control-Allow-Origin")).toBeNull();
      expect(response.headers.get("Vary")).toContain("Origin");
      const refused = await send(PORTAL, newRunsPath(), preflight, origin);
      expect(refused.headers.get("Access-Control-Allow-Origin")).toBeNull();
    }
  });
});

describe("CORS is on for the listed origins", () => {
  const origins = `https://other.example, ${PORTAL}`;

  it("lets a browser read the response and its headers", async () => {
    const response = await send(origins, newRunsPath(), authorized);
    expect(response.status).toBe(200);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(PORTAL);
    expect(response.headers.get("Vary")).toContain("Origin");
    const exposed = response.headers.get("Access-Control-Expose-Headers")?.toLowerCase().split(",") ?? [];
    for (const name of [
      "action-runs-stale",
      "link",
      "location",
      "retry-after",
      "idempotent-replayed",
      "x-request-id",
    ]) {
      expect(exposed).toContain(name);
    }
    expect(response.headers.has("Access-Control-Allow-Credentials")).toBe(false);
  });

  it("answers a preflight without a token and allows the request headers", async () => {
    const response = await send(origins, newRunsPath(), preflight);
    expect(response.status).toBe(204);
    expect(await response.text()).toBe("");
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(PORTAL);
    const methods = response.headers.get("Access-Control-Allow-Methods")?.split(",") ?? [];
    for (const method of ["GET", "HEAD", "POST", "DELETE"]) expect(methods).toContain(method);
    const allowed = response.headers.get("Access-Control-Allow-Headers")?.toLowerCase() ?? "";
    for (const name of ["authorization", "content-type", "idempotency-key", "on-behalf-of", "traceparent"])
      expect(allowed).toContain(name);
    expect(response.headers.get("Access-Control-Max-Age")).toBe("600");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(response.headers.has("X-Request-Id")).toBe(true);
  });

  it.each([
    ["401", "GET", newRunsPath(), {}, 401],
    ["400", "GET", `${newRunsPath()}?limit=0`, authorized, 400],
    ["404", "GET", "/nothing", authorized, 404],
    ["405", "PUT", newRunsPath(), authorized, 405],
    ["415", "POST", newRunsPath(), { ...authorized, body: "x" }, 415],
  ])("a refusal with %s may be read as well", async (_, method, path, init, status) => {
    const response = await send(origins, path, { ...init, method });
    expect(response.status).toBe(status);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe(PORTAL);
    expect(response.headers.get("Access-Control-Expose-Headers")).toContain("X-Request-Id");
    expect(await response.json()).toMatchObject({ error: expect.any(String), code: expect.any(String) });
  });
});
