/** How the console's page, scripts and styles are served, and what its addresses leave to others. */

import { execFile } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";
import { sharedServer } from "./installation.ts";

const { origin, token } = sharedServer("console");

const PROJECT = "/console/-/acme/shop";
const PAGES = [
  "/console",
  `${PROJECT}/prod/runs`,
  `${PROJECT}/prod/runs?status=failed&label=a%2Fb`,
  `${PROJECT}/prod/runs/01a212de-9b55-8003-a8a9-dd2c148ea617`,
  `${PROJECT}/prod/bulk-operations`,
  `${PROJECT}/prod/bulk-operations/01a212de-9b55-8003-a8a9-dd2c148ea617`,
  `${PROJECT}/prod/actions`,
  `${PROJECT}/prod/actions/Deploy_1.x`,
  `${PROJECT}/prod/approvals`,
  `${PROJECT}/prod/groups`,
  `${PROJECT}/prod/notifications`,
  `${PROJECT}/prod/notifications/Chat_1.x`,
  `${PROJECT}/tokens`,
  `${PROJECT}/audit`,
  "/console/-/console/assets/tokens/runs",
];
/** The whole policy, as the design has it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; " +
  "trusted-types 'none'";

describe.each(PAGES)("GET %s", (path) => {
  it("is the page, under its policy, revalidated each time", async () => {
    const { status, headers } = await fetch(`${origin}${path}`);
    expect([status, headers.get("Content-Type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(headers.get("Content-Security-Policy")).toBe(POLICY);
    expect(headers.get("Cross-Origin-Opener-Policy")).toBe("same-origin");
    expect(headers.get("Referrer-Policy")).toBe("no-referrer");
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.get("Cache-Control")).toBe("no-cache");
    const known = { "If-None-Match": headers.get("ETag") ?? "" };
    const again = await fetch(`${origin}${path}`, { headers: known });
    expect([again.status, again.headers.get("Content-Type")]).toEqual([304, null]);
    expect(again.headers.get("Content-Security-Policy")).toBe(POLICY);
  });
});

it.each([
  "/console/",
  "/console/page.html",
  "/console/runs",
  "/console/-/",
  "/console/-/acme",
  PROJECT,
  `${PROJECT}/`,
  `${PROJECT}/prod`,
  `${PROJECT}/runs`,
  `${PROJECT}/prod/runs/`,
  `${PROJECT}/prod/runs/x`,
  `${PROJECT}/prod/runs/01a212de-9b55-8003-a8a9-dd2c148ea617/cancel`,
  `${PROJECT}/prod/actions/`,
  `${PROJECT}/prod/actions/-x`,
  `${PROJECT}/prod/notifications/`,
  `${PROJECT}/notifications`,
  `${PROJECT}/prod/tokens`,
  `${PROJECT}/tokens/x`,
  `${PROJECT}/envs/prod/action-runs`,
  "/console/-/Acme/shop/prod/runs",
  "/console/-/acme/-shop/prod/runs",
  `/console/-/acme/${"a".repeat(64)}/prod/runs`,
  "/console/-/acme/shop/prod%2Fruns/x",
  "/Console",
])("%s is no page, for any method", async (path) => {
  for (const method of ["GET", "POST"]) {
    const answer = await fetch(`${origin}${path}`, { method });
    expect([method, answer.status, await answer.json()]).toEqual([
      method,
      404,
      expect.objectContaining({ code: "not_found" }),
    ]);
  }
});

it.each(["/console", `${PROJECT}/prod/runs`])("POST %s is 405", async (path) => {
  const answer = await fetch(`${origin}${path}`, { method: "POST" });
  expect([answer.status, answer.headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
});

describe("the files that the page names", () => {
  it("have names made of their content, and browsers can cache them forever", async () => {
    const page = await (await fetch(`${origin}/console`)).text();
    const files = [...page.matchAll(/(?:src|href)="(\/[^"]*|\.[^"]*)"/g)].map(([, path]) => path ?? "");
    expect(files.filter((path) => path !== "/openapi.json").map((path) => path.replace(/-[0-9a-f]{16}/, ""))).toEqual([
      "/console/assets/style.css",
      "/console/assets/main.js",
    ]);
    for (const [path, type] of [
      [files.find((path) => path.endsWith(".css")), "text/css; charset=utf-8"],
      [files.find((path) => path.endsWith(".js")), "text/javascript; charset=utf-8"],
    ]) {
      expect(path).toMatch(/-[0-9a-f]{16}\.(js|css)$/);
      const { status, headers } = await fetch(`${origin}${path}`);
      expect([status, headers.get("Content-Type")]).toEqual([200, type]);
      expect(headers.get("Cache-Control")).toBe("public, max-age=31536000, immutable");
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
      expect(headers.get("Cross-Origin-Resource-Policy")).toBe("same-origin");
    }
  });

  it.each(["main-0123456789abcdef.js", "style-0123456789abcdef.css", "other.js", "main.js"])(
    "are 404 if there is no such file, and nobody may cache that: %s",
    async (name) => {
      const { status, headers } = await fetch(`${origin}/console/assets/${name}`);
      expect(status).toBe(404);
      expect(headers.get("Cache-Control") ?? "no-store").toBe("no-store");
    },
  );
});

it("the build leaves files alone that are right, because a running server restarts when a file changes", async () => {
  const folder = join(ROOT, ".wrangler", "assets");
  const files = () =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .sort()
      .map((name) => [name, statSync(join(folder, name)).mtimeMs]);
  const before = files();
  // This process goes on meanwhile. Otherwise it would not notice that the server closes idle connections.
  await promisify(execFile)(process.execPath, [join(ROOT, "src/dev/assets.ts")]);
  expect(files()).toEqual(before);
});

describe.each(["console", "docs"])("an organization named %s", (org) => {
  // "assets" is also the folder of the scripts.
  it.each(["shop", "assets"])("works as every other, with its project %s", async (project) => {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const runs = `${origin}/${org}/${project}/envs/prod/action-runs`;
    const body = JSON.stringify({ actionName: "deploy" });
    const created = await fetch(runs, { method: "POST", headers, body });
    expect(created.status).toBe(201);
    const { id } = (await created.json()) as { id: string };
    expect(await (await fetch(`${runs}/${id}`, { headers })).json()).toMatchObject({ id });
    expect(await (await fetch(runs, { headers })).json()).toMatchObject([{ id }]);
    for (const list of ["tokens", "audit"]) {
      expect((await fetch(`${origin}/${org}/${project}/${list}`, { headers })).status).toBe(200);
    }
  });
});
