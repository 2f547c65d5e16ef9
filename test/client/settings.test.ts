/** A client's settings, and what no message may contain. */

import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { type ClientSettings, callback, createClient } from "../../src/client/index.ts";
import { all, CREATED, hang, json, page, RUN, refusal, reset, stub, TOKEN, thrown } from "./stub.ts";

const SETTINGS = { baseUrl: "https://runs.example.com", token: TOKEN, org: "acme", project: "shop", env: "prod" };

describe("an invalid setting throws a TypeError that names it", () => {
  it.each<readonly [string, Partial<ClientSettings>]>([
    ["baseUrl", { baseUrl: "" }],
    ["baseUrl", { baseUrl: "runs.example.com" }],
    ["baseUrl", { baseUrl: "ftp://runs.example.com" }],
    ["baseUrl", { baseUrl: `https://user:${TOKEN}@runs.example.com` }],
    ["token", { token: "" }],
    ["token", { token: `${TOKEN}\n` }],
    ["token", { token: `${TOKEN} ` }],
    ["token", { token: `${TOKEN}\u2026` }],
    ["onBehalfOf", { onBehalfOf: "" }],
    ["onBehalfOf", { onBehalfOf: "Ada Lovelace" }],
    ["onBehalfOf", { onBehalfOf: `a\r\nAuthorization: ${TOKEN}` }],
    ["onBehalfOf", { onBehalfOf: "a".repeat(256) }],
    ["org", { org: "" }],
    ["org", { org: ".." }],
    ["project", { project: "a/b" }],
    ["env", { env: "Prod" }],
    ["retries", { retries: -1 }],
    ["retries", { retries: 1.5 }],
    ["retryDelayMs", { retryDelayMs: Number.NaN }],
    ["timeoutMs", { timeoutMs: Number.POSITIVE_INFINITY }],
  ])("%s: %j", (name, setting) => {
    let error: unknown;
    try {
      createClient({ ...SETTINGS, ...setting });
    } catch (refused) {
      error = refused;
    }
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toMatch(new RegExp(`^TypeError: ${name} .*Use `));
    expect(inspect(error)).not.toContain(TOKEN);
  });

  it("an id is always one step of the path", async () => {
    const { client, asked } = await stub(json(200, RUN));
    await client().runs.get("a/../b?c#d");
    expect(asked[0]?.url).toBe("/acme/shop/envs/prod/action-runs/a%2F..%2Fb%3Fc%23d");
  });
});

it("a client for a person names the person with each call, whatever proves who asks", async () => {
  const { client, asked } = await stub(json(200, RUN));
  const onBehalfOf = "ada@acme.example";
  await client({ onBehalfOf }).runs.cancel(RUN.id);
  await client({ onBehalfOf: "Ada@Acme.example", pageKey: "k" }).runs.cancel(RUN.id);
  await client().runs.cancel(RUN.id);
  expect(asked.map(({ headers }) => headers["on-behalf-of"])).toEqual([onBehalfOf, onBehalfOf, undefined]);
});

describe("the token", () => {
  it("is sent with every call, also if baseUrl ends with a slash", async () => {
    const { client, asked, url } = await stub(json(200, [RUN]));
    await all(client({ baseUrl: `${url}/` }).runs.list());
    expect(asked[0]?.url).toBe("/acme/shop/envs/prod/action-runs");
    expect(asked[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
  });

  it.each([
    ["refusal", refusal(403, "forbidden")],
    ["page that repeats the request", page(500, `Authorization: Bearer ${TOKEN}`)],
    ["success that repeats the request", page(200, `Authorization: Bearer ${TOKEN}`)],
    ["reset", reset],
    ["time-out", hang],
  ])("is in no error and no cause: %s", async (_, answer) => {
    const { client, url } = await stub(answer);
    const settings = { timeoutMs: 50, retries: 0 };
    const made = client(settings);
    const errors = [
      await thrown(made.runs.get(RUN.id)),
      await thrown(made.runs.create({ actionName: "deploy" })),
      await thrown(all(made.runs.watch(RUN.id))),
      await thrown(callback(`${url}/x/callback`, TOKEN, settings).succeed()),
    ];
    for (const error of errors) expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(TOKEN);
  });

  it("is not shown by printing the client", async () => {
    const { client, url } = await stub(hang);
    expect(inspect(client(), { depth: 10 })).not.toContain(TOKEN);
    expect(inspect(callback(`${url}/x/callback`, TOKEN), { depth: 10 })).not.toContain(TOKEN);
  });
});

it("a custom fetch gets a Request and no `this`", async () => {
  const asked: unknown[] = [];
  const fetch = async function (this: unknown, input: unknown) {
    asked.push(this, input);
    return Response.json(CREATED, { status: 201 });
  };
  const made = createClient({ ...SETTINGS, fetch: fetch as typeof globalThis.fetch });
  expect(await made.runs.create({ actionName: "deploy" })).toEqual(CREATED);
  await made.api.GET("/{o}/{p}/tokens", { params: { path: { o: "acme", p: "shop" } } });
  expect([asked[0], asked[2]]).toEqual([undefined, undefined]);
  expect(asked[1]).toBeInstanceOf(Request);
  expect(asked[3]).toBeInstanceOf(Request);
});

it("the raw client returns errors as values, and tries once", async () => {
  const { client, asked } = await stub(refusal(503, "not_ready"));
  const answer = await client().api.GET("/{o}/{p}/tokens", { params: { path: { o: "acme", p: "shop" } } });
  expect(answer.error).toEqual({ error: "Sentence of not_ready.", code: "not_ready" });
  expect(asked).toHaveLength(1);
});
