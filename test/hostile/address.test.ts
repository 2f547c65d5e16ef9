import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { ROUTES as ROUTES_OF_APP } from "../support/bindings.ts";
import { ask, type CreatedRun, createRun, newRunsPath, ROOT, report } from "../support/requests.ts";
import { everything } from "../support/rows.ts";

const runs = newRunsPath();
let run: CreatedRun;
beforeAll(async () => {
  run = await createRun(runs);
});

/** Values that are not a name of a path. */
const SEGMENTS = [
  "",
  ".",
  "..",
  "%2e",
  "%2e%2e",
  "%00",
  "a%00b",
  "%zz",
  "%",
  "a%2Fb",
  "..%2f..%2f..",
  "%c0%af",
  "a%0d%0aX-Evil:1",
  "A",
  "-a",
  "a_b",
  "a.b",
  "é",
  "__proto__",
  ":id",
  "a:b",
  "%27%20OR%201=1--",
  "a".repeat(64),
  "a".repeat(8000),
];
const ID = "0199d2a5-0000-8000-8000-000000000000";
/** Values that are not the id of a run or a token. */
const IDS = [
  ...SEGMENTS,
  "0",
  "-1",
  "constructor",
  ID.slice(1),
  `${ID}0`,
  `${ID}%00`,
  `%20${ID}`,
  ID.replaceAll("-", ""),
  ID.replace("0", "g"),
];

const RECOVERY = { since: "2026-01-31T12:00:00Z", include: "failed" };

const ROUTES = ROUTES_OF_APP.filter((route) => route.includes(":")).map((route) => {
  const [method = "", path = ""] = route.split(" ");
  return { method, path };
});

/** Values that are not the name of a definition or a concurrency group, which may have capital letters, dots and underscores. */
const DEFINITION_NAMES = SEGMENTS.filter((value) => !["A", "a_b", "a.b"].includes(value));

/** Every route's every parameter. */
const PLACES = ROUTES.flatMap(({ method, path }) =>
  [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => ({ method, path, name })),
);

function fill(path: string, name: string, value: string): string {
  const [, o = "", p = "", , envName = ""] = runs.split("/");
  const ids = { id: run.id, tokenId: ID, sessionId: ID, inboundId: "A".repeat(43) };
  const good: Record<string, string> = {
    o,
    p,
    envName,
    ...ids,
    name: "deploy",
    group: "prod",
    version: "1",
    database: "0",
  };
  return path.replace(/:(\w+)/g, (_, param: string) => (param === name ? value : (good[param] ?? "")));
}

describe("paths", () => {
  it.each(PLACES)("$method $path refuses an invalid $name", async ({ method, path, name }) => {
    const before = await everything();
    const isCallback = path.endsWith("/callback");
    const isWorkflows = isCallback || path.endsWith("/heartbeat");
    const takesEmpty =
      isWorkflows ||
      (method === "PUT" && !path.endsWith("/database")) ||
      /\/(cancel|approve|reject|release|retry|runs|rotate|rotate-secret|resend|test|sign-in-codes)$/.test(path);
    const full = path.endsWith("/recover") ? RECOVERY : path.endsWith("/erase") ? { reason: "a" } : { actionName: "a" };
    const other = path.endsWith("/database") ? { database: 0 } : full;
    const body = isCallback ? { status: "succeeded" } : takesEmpty ? {} : other;
    const all = /id$/i.test(name) ? IDS : /^(name|group)$/.test(name) ? DEFINITION_NAMES : SEGMENTS;
    // The same pattern reads a parameter wherever it has this name.
    const isFirst = PLACES.find((one) => one.name === name)?.path === path;
    // Without the segment before it, …/erase of a run or an environment is that of what it is in.
    const dots = path.endsWith("/erase") ? [] : [".."];
    const values = isFirst ? all : [...dots, "a%00b", "%27%20OR%201=1--"];
    const tryValue = async (value: string) => {
      const { status, body: answer } = await ask<unknown>(method, fill(path, name, value), {
        token: isWorkflows ? run.callback.token : ROOT,
        ...(method === "POST" || method === "PUT" ? { body } : {}),
      });
      expect({ value, answer }).toEqual({ value, answer: { error: expect.any(String), code: expect.any(String) } });
      expect({ value, status: [401, 404, 405].includes(status) ? "refused" : status }).toEqual({
        value,
        status: "refused",
      });
    };
    await Promise.all(values.map(tryValue));
    expect(await everything()).toEqual(before);
  });
});

describe("headers", () => {
  const AUTHORIZATIONS = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer a b",
    `Basic ${btoa("root:root")}`,
    `Token ${ROOT}`,
    ROOT,
    `Bearer ${ROOT}x`,
    `Bearer ${ROOT.toUpperCase()}`,
    `Bearer Bearer ${ROOT}`,
    "Bearer terr_",
    `Bearer terr_${"a".repeat(10_000)}`,
    `Bearer ${"x".repeat(10_000)}`,
    "Bearer __proto__",
  ];

  it.each(AUTHORIZATIONS)("Authorization: %.40s is 401 on every route", async (Authorization) => {
    const before = await everything();
    // An address may send only some unknown tokens a minute.
    const tryRoute = async ({ method, path }: (typeof ROUTES)[number], n: number) => {
      const from = { "CF-Connecting-IP": `198.51.${n % 2}.${AUTHORIZATIONS.indexOf(Authorization)}` };
      const url = new URL(fill(path, "", ""), "https://runs.example").href;
      const init = { method, headers: { ...from, Authorization, "Content-Type": "application/json" } };
      const response = await exports.default.fetch(url, method === "POST" ? { ...init, body: "{}" } : init);
      expect(response.status).toBe(401);
      expect(await response.json()).toEqual({ error: expect.any(String), code: expect.any(String) });
    };
    // An event and a proof have no token of ours, and are refused as if there were no such endpoint.
    await Promise.all(
      ROUTES.filter(({ path }) => !/\/(:inboundId|exchange|callback\/token)$/.test(path)).map(tryRoute),
    );
    expect(await everything()).toEqual(before);
  });

  it.each(["", "é", "a".repeat(256), "a\tb"])(
    "Idempotency-Key: %.20s is 400 on the routes that read it",
    async (key) => {
      const before = await everything();
      const headers = { "Idempotency-Key": key };
      const answers = [
        await ask<unknown>("POST", runs, { body: { actionName: "a" }, headers }),
        await ask<unknown>("DELETE", `${runs}/${run.id}`, { headers }),
        await ask<unknown>("POST", `${runs}/${run.id}/cancel`, { headers }),
        await ask<unknown>("POST", `${runs}/${run.id}/retry`, { headers }),
        await ask<unknown>("POST", `${runs.replace(/action-runs$/, "actions")}/deploy/runs`, { body: {}, headers }),
        await report(run, { status: "succeeded" }, { headers }),
        await report(run, { status: "succeeded" }, { headers: { "webhook-id": key } }),
      ];
      for (const { status, body } of answers) {
        expect(body).toEqual({ error: expect.any(String), code: "invalid_idempotency_key" });
        expect(status).toBe(400);
      }
      expect(await everything()).toEqual(before);
    },
  );

  it.each([
    ",",
    "1",
    '"01"',
    '"1',
    '"2"',
    'w/"1"',
    'W/W/"1"',
    '"1";x',
    "**",
    "'; DROP TABLE actions; --",
    '"\u00e9"',
    `"${"1".repeat(10_000)}"`,
    "1,".repeat(5000),
  ])("If-Match: %.20s names no version, so nothing changes", async (match) => {
    const path = `${runs.replace(/action-runs$/, "actions")}/kept`;
    await ask("PUT", path, { body: { timeout: 1 }, headers: { "If-None-Match": "*" } });
    const before = await everything();
    const headers = { "If-Match": match };
    for (const answer of [
      await ask<unknown>("PUT", path, { body: { timeout: 2 }, headers }),
      await ask<unknown>("DELETE", path, { headers }),
    ]) {
      expect(answer.body).toEqual({ error: expect.any(String), code: "precondition_failed" });
      expect(answer.status).toBe(412);
    }
    expect(await everything()).toEqual(before);
  });
});

it("the run is still pending, and its token opens it", async () => {
  expect((await ask("GET", `${runs}/${run.id}`)).body.status).toBe("pending");
  expect((await report(run, { status: "succeeded" })).status).toBe(200);
});
