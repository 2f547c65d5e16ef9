import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createApp } from "../../src/app.ts";
import type { Env } from "../../src/settings/env.ts";
import { until } from "../support/direct.ts";
import { faults, faulty } from "../support/faults.ts";
import { ask } from "../support/requests.ts";

let ahead = 0;

/** A minute on, when nothing is remembered any more. */
function later(ms = 60_000): void {
  ahead += ms;
}

beforeEach(() => {
  const now = Date.now.bind(Date);
  vi.spyOn(Date, "now").mockImplementation(() => now() + ahead);
  later();
  vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(console, "error").mockImplementation(() => {});
});

const app = createApp();
const KEY = "a-signing-key-of-32-bytes-it-is.";

async function readyWith(settings: Partial<Env>, origin = "https://runs.example") {
  const response = await app.fetch(new Request(`${origin}/readyz`), { ...env, ...settings });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const notReady = (sentence: RegExp) => ({ error: expect.stringMatching(sentence), code: "not_ready" });

it("is ready without a token if D1 is migrated and the signing key is long enough", async () => {
  const { status, body } = await ask<unknown>("GET", "/readyz", { token: null });
  expect(status).toBe(200);
  expect(body).toEqual({ status: "ready", secretsUnderOlderKeys: 0, waitingRunsUnderOlderKeys: 0, warnings: [] });
});

it.each<[string, Partial<Env>, RegExp]>([
  ["the signing key is empty", { CALLBACK_SIGNING_KEYS: "" }, /CALLBACK_SIGNING_KEYS is not set/],
  ["the signing key has 31 bytes", { CALLBACK_SIGNING_KEYS: "k".repeat(31) }, /31 bytes; at least 32/],
  ["an older key of the ring is short", { CALLBACK_SIGNING_KEYS: `${KEY},short` }, /Key 2 .* 5 bytes; at least 32/],
  ["there are five keys", { CALLBACK_SIGNING_KEYS: Array(5).fill(KEY).join() }, /5 keys; at most 4/],
  ["RETENTION_DAYS makes no sense", { RETENTION_DAYS: "0" }, /RETENTION_DAYS/],
  ["PUBLIC_URL is no URL", { PUBLIC_URL: "runs.example" }, /PUBLIC_URL is not a plain http or https URL/],
  ["PUBLIC_URL is missing where the service has a name", { PUBLIC_URL: "" }, /PUBLIC_URL is not set/],
  ["JURISDICTION is none that the service knows", { JURISDICTION: "de" }, /JURISDICTION must be eu/],
  ["WEBHOOK_PORTS holds no port", { WEBHOOK_PORTS: "8443,https" }, /WEBHOOK_PORTS/],
  ["WEBHOOK_PORTS holds a port too many digits long", { WEBHOOK_PORTS: "65536" }, /WEBHOOK_PORTS/],
  ["WEBHOOK_HOSTS holds an address", { WEBHOOK_HOSTS: "https://ci.example.com" }, /WEBHOOK_HOSTS/],
  ["WEBHOOK_HOSTS opens everything", { WEBHOOK_HOSTS: "*" }, /WEBHOOK_HOSTS/],
  ["WEBHOOK_HOSTS has an empty entry", { WEBHOOK_HOSTS: "ci.example.com,," }, /WEBHOOK_HOSTS/],
  [
    "ALLOW_INSECURE_WEBHOOKS is set where the service has a name",
    { ALLOW_INSECURE_WEBHOOKS: "true" },
    /ALLOW_INSECURE_WEBHOOKS is for development/,
  ],
])("is not ready when %s, and says what to set but never a key", async (_, settings, sentence) => {
  const { status, headers, body } = await readyWith(settings);
  expect(status).toBe(503);
  expect(body).toEqual(notReady(sentence));
  for (const shown of ["kkk", KEY]) expect(JSON.stringify(body)).not.toContain(shown);
  expect(headers.get("Retry-After")).toMatch(/^\d+$/);
});

it.each(["http://localhost:8787", "http://127.0.0.1:8787", "http://[::1]:8787"])(
  "is ready with ALLOW_INSECURE_WEBHOOKS and without PUBLIC_URL at %s, but not if PUBLIC_URL is public",
  async (origin) => {
    const insecure = { ALLOW_INSECURE_WEBHOOKS: "true", PUBLIC_URL: "" };
    expect((await readyWith(insecure, origin)).status).toBe(200);
    expect((await readyWith({ ...insecure, PUBLIC_URL: "http://localhost:8787" }, origin)).status).toBe(200);
    const named = await readyWith({ ...insecure, PUBLIC_URL: "https://runs.example" }, origin);
    expect([named.status, named.body]).toEqual([503, notReady(/ALLOW_INSECURE_WEBHOOKS/)]);
  },
);

it("is ready with valid ports and hosts, with spaces around them, and without any", async () => {
  const settings = { WEBHOOK_PORTS: " 8443, 8080 ", WEBHOOK_HOSTS: " ci.example.com , *.Example.org" };
  expect((await readyWith(settings)).status).toBe(200);
  expect((await readyWith({ WEBHOOK_PORTS: " ", WEBHOOK_HOSTS: "" })).status).toBe(200);
  expect((await readyWith({ ALLOW_INSECURE_WEBHOOKS: "false" })).status).toBe(200);
});

it("reports every invalid setting at once", async () => {
  const settings = { CALLBACK_SIGNING_KEYS: "", RETENTION_DAYS: "0", WEBHOOK_PORTS: "x", PUBLIC_URL: "x" };
  const { body } = await readyWith(settings);
  for (const name of Object.keys(settings)) expect(body).toEqual(notReady(new RegExp(name)));
});

it("counts bytes of a key, not characters", async () => {
  expect((await readyWith({ CALLBACK_SIGNING_KEYS: "éàèùâêîôûëïüöäçñ" })).status).toBe(200);
  expect((await readyWith({ CALLBACK_SIGNING_KEYS: KEY })).status).toBe(200);
});

it("is not ready while D1 does not answer, but still alive", async () => {
  faults.reads = "down";
  const { status, body } = await ask<unknown>("GET", "/readyz");
  expect(status).toBe(503);
  expect(body).toEqual(notReady(/database does not answer/));
  expect(await ask("GET", "/healthz", { token: null })).toMatchObject({ status: 200, body: { status: "alive" } });
});

describe("D1's answer", () => {
  const ready = () => ask<{ code?: string }>("GET", "/readyz", { token: null });
  async function callsOf(go: () => Promise<unknown>): Promise<number> {
    const before = faults.calls;
    await go();
    return faults.calls - before;
  }

  it.each([
    { said: "that all is well", reads: null, status: 200 },
    { said: "nothing", reads: "down" as const, status: 503 },
  ])("is remembered for 5 s: $said", async ({ reads, status }) => {
    faults.reads = reads;
    expect(await callsOf(async () => expect((await ready()).status).toBe(status))).toBe(1);
    faults.reads = reads === null ? "down" : null;
    for (let n = 0; n < 20; n++) {
      expect(await callsOf(async () => expect((await ready()).status).toBe(status))).toBe(0);
    }
    later(5000);
    expect(await callsOf(async () => expect((await ready()).status).toBe(status === 200 ? 503 : 200))).toBe(1);
  });

  it("is fetched once for simultaneous requests", async () => {
    faults.readDelayMs = 200;
    const calls = await callsOf(async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, ready));
      expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    });
    expect(calls).toBe(1);
  });

  it("is used while another request asks D1 again", async () => {
    expect((await ready()).status).toBe(200);
    later(6000);
    faults.readDelayMs = 1000;
    const before = faults.calls;
    let isAsking = true;
    const asking = ready().finally(() => {
      isAsking = false;
    });
    await until(async () => faults.calls > before);
    expect((await ready()).status).toBe(200);
    expect(isAsking).toBe(true);
    expect((await asking).status).toBe(200);
  });

  it("is fetched again after a cancelled check", async () => {
    faults.reads = "hang";
    const before = faults.calls;
    void app.fetch(new Request("https://runs.example/readyz"), { ...env, DB: faulty(env.DB) });
    await until(async () => faults.calls > before);
    faults.reads = null;
    later(11_000);
    expect((await ready()).status).toBe(200);
  });

  it("is forgotten when the clock steps back", async () => {
    expect((await ready()).status).toBe(200);
    later(-3_600_000);
    expect(await callsOf(ready)).toBe(1);
  });

  it("is logged once, with the request that asked D1", async () => {
    const errors = vi.spyOn(console, "error");
    faults.reads = "down";
    for (let n = 0; n < 5; n++) expect((await ready()).status).toBe(503);
    expect(errors.mock.calls.filter(([line]) => String(line).includes("request_failed"))).toHaveLength(1);
  });

  it("is not fetched if a setting is invalid", async () => {
    expect((await ready()).status).toBe(200);
    expect((await readyWith({ RETENTION_DAYS: "0" })).status).toBe(503);
  });

  it("distinguishes a full database from one that does not answer", async () => {
    faults.databaseBytes = 9_899_999_999;
    expect((await ready()).status).toBe(200);
    later();
    faults.databaseBytes = 9_900_000_000;
    const { status, headers, body } = await ready();
    expect([status, body]).toEqual([503, { error: expect.stringMatching(/is full/), code: "storage_full" }]);
    expect(Number(headers.get("Retry-After"))).toBeGreaterThan(0);
  });
});

it("is alive without any settings", async () => {
  const nothing = { CALLBACK_SIGNING_KEYS: "", ROOT_TOKEN: "", PUBLIC_URL: "nonsense" };
  const response = await app.fetch(new Request("https://runs.example/healthz"), { ...env, ...nothing });
  expect(response.status).toBe(200);
});

it("is not ready if any of its tables is missing, and says to migrate", async () => {
  const { results } = await env.DB.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*' AND name <> 'd1_migrations'",
  ).all<{ name: string }>();
  expect(results.length).toBeGreaterThan(9);
  for (const { name } of results) {
    await env.DB.prepare(`ALTER TABLE ${name} RENAME TO away`).run();
    later();
    const { status, headers, body } = await readyWith({});
    expect([name, status]).toEqual([name, 503]);
    expect(headers.has("Retry-After")).toBe(true);
    expect(body).toEqual(notReady(/not migrated/));
    expect(JSON.stringify(body)).not.toMatch(/no such|SQL/);
    await env.DB.prepare(`ALTER TABLE away RENAME TO ${name}`).run();
    later();
    expect((await readyWith({})).status).toBe(200);
  }
});
