/** What proves an event, what does not, and what a stranger costs and learns. */

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { inboundIdOf } from "../../src/actions/inbound.ts";
import { actionMemory } from "../../src/actions/kind.ts";
import { keyRing } from "../../src/settings/key-ring.ts";
import { hopsOf, watchHops } from "../support/api/hops.ts";
import { askWith, untouchableEnv } from "../support/bindings.ts";
import { later } from "../support/clock.ts";
import { journal } from "../support/direct.ts";
import { ask, newRunsPath, scopeOfPath } from "../support/requests.ts";
import { linesOf, watchLog } from "../support/secrets.ts";
import {
  bearer,
  type EventAnswer,
  github,
  givenInbound,
  hmac,
  OTHER_SECRET,
  type Proof,
  SECRET,
  send,
  standard,
} from "./events.ts";

const logged = watchLog();

const basic =
  (text: string): Proof =>
  () => ({ Authorization: `Basic ${btoa(text)}` });
const named =
  (headers: Record<string, string>): Proof =>
  () =>
    headers;
/** The headers of `proof`, changed. */
const but =
  (proof: Proof, change: (headers: Record<string, string>) => Record<string, string>): Proof =>
  async (raw) =>
    change(await proof(raw));
const unsigned = ({ "webhook-signature": signature = "", ...headers }: Record<string, string>) => ({
  signature,
  headers,
});

const GOOD: readonly (readonly [string, string, Proof])[] = [
  ["token", "a Bearer token", bearer()],
  ["token", "a Bearer token in another case", named({ Authorization: `bearer  ${SECRET}` })],
  ["token", "the password of Basic", basic(`anybody:${SECRET}`)],
  ["token", "the password of Basic without a user", basic(`:${SECRET}`)],
  ["token", "GitLab's header", named({ "X-Gitlab-Token": SECRET })],
  ["token", "GitLab's header beside another token", named({ "X-Gitlab-Token": SECRET, Authorization: "Bearer x" })],
  ["github", "GitHub's signature", github()],
  ["standard-webhooks", "a signature", standard()],
  ["standard-webhooks", "a signature of almost 5 minutes ago", standard({ ageMs: 299_000 })],
  ["standard-webhooks", "a signature of a clock that is ahead", standard({ ageMs: -299_000 })],
  [
    "standard-webhooks",
    "one of several signatures",
    but(standard(), (sent) => {
      const { signature, headers } = unsigned(sent);
      return { ...headers, "webhook-signature": `v1a,x v1,${btoa("x".repeat(32))} ${signature}` };
    }),
  ],
];

const BAD: readonly (readonly [string, string, Proof])[] = [
  ["token", "nothing", named({})],
  ["token", "another token", bearer(OTHER_SECRET)],
  ["token", "a part of the token", bearer(SECRET.slice(0, -1))],
  ["token", "the token and more", bearer(`${SECRET}x`)],
  ["token", "an empty Bearer", named({ Authorization: "Bearer " })],
  ["token", "the token of another scheme", named({ Authorization: `Token ${SECRET}` })],
  ["token", "the token as the user of Basic", basic(`${SECRET}:`)],
  ["token", "the token without a colon in Basic", basic(SECRET)],
  ["token", "Basic that is no base64", named({ Authorization: "Basic %%%" })],
  ["token", "an empty header of GitLab", named({ "X-Gitlab-Token": "" })],
  ["token", "the operator's token", bearer(env.ROOT_TOKEN)],
  ["token", "GitHub's signature", github()],
  ["github", "nothing", named({})],
  ["github", "the secret itself", bearer()],
  ["github", "a signature with another secret", github(OTHER_SECRET)],
  ["github", "the signature of another body", async () => github()('{"ref":"other"}')],
  [
    "github",
    "a signature in capitals",
    but(github(), (h) => ({ "X-Hub-Signature-256": (h["X-Hub-Signature-256"] ?? "").toUpperCase() })),
  ],
  [
    "github",
    "a signature that is cut",
    but(github(), (h) => ({ "X-Hub-Signature-256": (h["X-Hub-Signature-256"] ?? "").slice(0, -2) })),
  ],
  ["github", "the old signature of SHA-1", named({ "X-Hub-Signature": `sha1=${"0".repeat(40)}` })],
  ["standard-webhooks", "nothing", named({})],
  ["standard-webhooks", "the secret itself", bearer()],
  ["standard-webhooks", "a signature with another secret", standard({ secret: OTHER_SECRET })],
  ["standard-webhooks", "a signature of more than 5 minutes ago", standard({ ageMs: 301_000 })],
  ["standard-webhooks", "a signature of more than 5 minutes ahead", standard({ ageMs: -301_000 })],
  ["standard-webhooks", "another id", but(standard(), (h) => ({ ...h, "webhook-id": "msg_2" }))],
  [
    "standard-webhooks",
    "another time",
    but(standard(), (h) => ({ ...h, "webhook-timestamp": String(Number(h["webhook-timestamp"]) + 1) })),
  ],
  ["standard-webhooks", "a time that is no number", but(standard(), (h) => ({ ...h, "webhook-timestamp": "now" }))],
  ["standard-webhooks", "no id", standard({ id: "" })],
  ["standard-webhooks", "an id of 256 characters", standard({ id: "x".repeat(256) })],
  [
    "standard-webhooks",
    "a signature without its version",
    but(standard(), (h) => ({ ...h, "webhook-signature": (h["webhook-signature"] ?? "").slice(3) })),
  ],
  [
    "standard-webhooks",
    "a signature of another version",
    but(standard(), (h) => ({ ...h, "webhook-signature": (h["webhook-signature"] ?? "").replace("v1", "v2") })),
  ],
  [
    "standard-webhooks",
    "the bytes of the secret's text as the key",
    async (raw) => {
      const headers = await standard()(raw);
      const signature = await hmac(SECRET, `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${raw}`);
      return { ...headers, "webhook-signature": `v1,${signature.toBase64()}` };
    },
  ],
];

let minute = Date.UTC(2026, 10, 25, 12);
// Timestamps are whole seconds. An isolate logs and refuses so much in a minute, so each test has another one.
beforeEach(() => {
  minute += 120_000;
  vi.useFakeTimers({ toFake: ["Date"], now: minute });
});

describe.each(GOOD)("with %s, %s", (verify, _what, proof) => {
  it("proves an event", async () => {
    const { url } = await givenInbound({ verify } as Parameters<typeof givenInbound>[0]);
    expect((await send(url, { ref: "main" }, proof)).status).toBe(201);
  });
});

describe.each(BAD)("with %s, %s", (verify, _what, proof) => {
  it("proves nothing: 401, no run, and nothing of it in the log", async () => {
    const { runs, url } = await givenInbound({ verify } as Parameters<typeof givenInbound>[0]);
    logged.length = 0;
    const refused = await send(url, { ref: "main" }, proof);
    expect([refused.status, refused.body]).toEqual([401, { error: expect.any(String), code: "event_unverified" }]);
    const [line] = linesOf(logged, "request");
    // Who is not proven opens nothing, so the line names no environment.
    expect(line).toMatchObject({ status: 401, coordinator: 0, route: expect.stringContaining("/inbound/:inboundId") });
    expect(line).not.toHaveProperty("scope");
    const sent = Object.values(await proof('{"ref":"main"}')).filter((value) => value.length > 9);
    for (const secret of [...sent, SECRET, url.slice(-43)]) expect(logged.join()).not.toContain(secret);
    expect((await ask("GET", runs)).body).toEqual([]);
  });
});

describe("a stranger", () => {
  const ringOf = () => {
    const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
    if (!ring.ok) throw new Error(ring.error);
    return ring.value;
  };
  const idOf = async (runs: string, name: string) => inboundIdOf(ringOf(), scopeOfPath(runs), name);

  it.each<[string, (url: string, runs: string) => string | Promise<string>]>([
    ["an id that nobody made", (url) => url.slice(0, -43) + "A".repeat(43)],
    ["an id with another last character", (url) => url.slice(0, -2) + (url.at(-2) === "A" ? "B" : "A") + url.at(-1)],
    ["another action's id", async (url, runs) => url.slice(0, -43) + (await idOf(runs, "other"))],
    ["another environment's id", async (url) => url.slice(0, -43) + (await idOf(newRunsPath(), "deploy"))],
    [
      "another project's id",
      async (url, runs) => url.slice(0, -43) + (await idOf(runs.replace("/shop/", "/web/"), "deploy")),
    ],
    [
      "the id of an action with a part of the name",
      async (url, runs) => url.slice(0, -43) + (await idOf(runs, "deplo")),
    ],
  ])("with %s gets the 404 of an unknown endpoint, and nothing is asked", async (_what, change) => {
    const { runs, url } = await givenInbound();
    const { environment, uses } = untouchableEnv();
    const headers = { Authorization: `Bearer ${SECRET}` };
    const wrong = await change(url, runs);
    expect(wrong).not.toBe(url);
    const refused = await askWith<EventAnswer>(environment, "POST", wrong, { token: null, body: {}, headers });
    const unknown = await askWith<EventAnswer>(environment, "POST", "/nothing/here", { token: null, body: {} });
    expect([refused.status, refused.body]).toEqual([404, unknown.body]);
    expect(uses()).toEqual([]);
  });

  it("learns nothing about an action that is missing: its URL is the same 404", async () => {
    const runs = newRunsPath();
    const url = `${runs.replace(/action-runs$/, "actions")}/deploy/inbound/${await idOf(runs, "deploy")}`;
    expect((await send(url)).body.code).toBe("not_found");
    expect((await send(url, {}, named({}), { "Content-Type": "text/plain" })).status).toBe(415);
  });

  it("who knows the URL causes no read while the action is remembered, and never asks the coordinator", async () => {
    watchHops();
    const { runs, url } = await givenInbound();
    await send(url, {}, named({}));
    const { lines, calls } = await hopsOf(() => send(url, {}, named({})));
    expect(lines).toEqual([{ status: 401, d1: 0, coordinator: 0 }]);
    expect(calls).toBe(0);
    expect(await journal(runs, "SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'")).toEqual(
      [],
    );
  });

  it("reads D1 for an action that takes no events 5 times in 5 s, and holds up genuine events no longer", async () => {
    const runs = newRunsPath();
    const url = `${runs.replace(/action-runs$/, "actions")}/deploy/inbound/${await idOf(runs, "deploy")}`;
    watchHops();
    for (let n = 0; n < 5; n++) expect((await send(url)).status).toBe(404);
    const { lines } = await hopsOf(() => send(url));
    expect(lines).toEqual([{ status: 429, d1: 0, coordinator: 0 }]);
    await givenInbound(undefined, {}, { runs });
    later(5000);
    expect((await send(url)).status).toBe(201);
  });
});

describe("the charge", () => {
  it("of 60 bad events a minute is 429 from then on, and never for one that is proven", async () => {
    const { url } = await givenInbound();
    const other = await givenInbound();
    for (let n = 0; n < 60; n++) expect((await send(url, {}, bearer("wrong"))).status).toBe(401);
    later(20_000);
    const refused = await send(url, {}, bearer("wrong"));
    expect([refused.status, refused.body.code, refused.headers.get("Retry-After")]).toEqual([
      429,
      "too_many_requests",
      "40",
    ]);
    expect((await send(url, { n: 1 })).status).toBe(201);
    // Another action has its own.
    expect((await send(other.url, {}, bearer("wrong"))).status).toBe(401);
    later(40_000);
    expect((await send(url, {}, bearer("wrong"))).status).toBe(401);
  });

  it("counts no event that is proven, whatever becomes of it", async () => {
    const { url } = await givenInbound({ verify: "token", when: [{ exists: "body.ref" }] });
    for (let n = 0; n < 70; n++) expect((await send(url, {})).status).toBe(202);
    expect((await send(url, {}, bearer("wrong"))).status).toBe(401);
  });
});

it("an event is proven while D1 is down, by what the isolate remembers", async () => {
  const { runs, action, url } = await givenInbound();
  expect((await send(url, { n: 1 })).status).toBe(201);
  const { environment } = untouchableEnv({ COORDINATORS: env.COORDINATORS });
  const headers = { Authorization: `Bearer ${SECRET}` };
  const sent = () => askWith<EventAnswer>(environment, "POST", url, { token: null, body: { n: 2 }, headers });
  expect((await sent()).status).toBe(201);
  actionMemory.forget({ scope: scopeOfPath(runs), name: action.split("/").at(-1) ?? "" });
  expect((await sent()).body.code).toBe("database_unavailable");
});
