/** The secrets of an endpoint: which ones a change keeps, how its signing secret rotates, and that nobody sees them. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { disableDefinition } from "../../src/definitions/store.ts";
import { ENDPOINT_KIND, loadEndpoint } from "../../src/webhook-endpoints/kind.ts";

import { askWith, envWith } from "../support/bindings.ts";
import { clockFromOne } from "../support/clock.ts";
import { DAY_MS, hurryTimers } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { ask } from "../support/requests.ts";
import { watchLog } from "../support/secrets.ts";
import { grantToken } from "../support/tokens.ts";
import {
  audited,
  ENDPOINT,
  type EndpointOnWire,
  loaded,
  newEndpointPath,
  OWN_SECRET,
  put,
  refOf,
  rotate,
  SHOWN,
  URL_A,
  URL_SECRET,
} from "./endpoints.ts";

const logged = watchLog();
const later = clockFromOne();

const at = (ms: number) => new Date(1 + ms).toISOString();
const signing = async (path: string) => (await loaded(path)).signingSecrets;
const secretsOf = async (path: string) => {
  const { definition, signingSecrets } = await loaded(path);
  const { url, headers, secrets } = definition;
  return { url, headers, secrets, signingSecrets };
};

describe("null", () => {
  it("keeps the URL, headers and secrets while the URL is kept, and other members change beside them", async () => {
    const path = newEndpointPath();
    await put(path);
    const before = await secretsOf(path);
    expect(before).toMatchObject({ url: URL_A, headers: ENDPOINT.headers, secrets: ENDPOINT.secrets });
    const changed = await put(path, { ...SHOWN, payload: { other: "{{ secrets.token }}" }, onlyOnChange: true });
    expect(changed.status).toBe(200);
    expect(await secretsOf(path)).toEqual(before);
    const beside = { headers: { Authorization: null, "X-New": "one" }, secrets: { token: "another-8842" } };
    expect((await put(path, { ...SHOWN, ...beside })).body).toMatchObject({
      headers: { Authorization: null, "X-New": null },
    });
    expect(await secretsOf(path)).toMatchObject({
      url: URL_A,
      secrets: { token: "another-8842" },
      headers: { Authorization: ENDPOINT.headers.Authorization, "X-New": "one" },
    });
  });

  it.each([
    ["the same URL", URL_A],
    ["another path of the host", "https://hooks.example.com/services/another-customer"],
    ["another host", "https://evil.example.net/"],
  ])("keeps no header and no secret beside %s that is sent", async (_what, url) => {
    const path = newEndpointPath();
    await put(path);
    const before = await secretsOf(path);
    const { headers, secrets } = ENDPOINT;
    const kept = [
      [{ ...SHOWN, url, secrets }, "/headers/Authorization"],
      [{ ...SHOWN, url, headers }, "/secrets/token"],
    ] as const;
    for (const [body, pointer] of kept) {
      const refused = await put(path, body);
      expect([refused.status, refused.body.code]).toEqual([422, "secret_required"]);
      expect(refused.body).toMatchObject({ pointer });
    }
    expect(await secretsOf(path)).toEqual(before);
    // The signing secret is never sent, so it stays whatever the URL is.
    expect((await put(path, { ...SHOWN, url, headers, secrets })).status).toBe(200);
    expect(await secretsOf(path)).toEqual({ ...before, url });
  });

  it("keeps nothing that is not stored", async () => {
    const path = newEndpointPath();
    const refused = await put(path, { ...ENDPOINT, url: null });
    expect([refused.status, refused.body.code]).toEqual([422, "secret_required"]);
    expect(refused.body).toMatchObject({ pointer: "/url" });
    await put(path);
    for (const headers of [{ "X-Other": null }, { "Content-Type": null }]) {
      expect((await put(path, { ...SHOWN, headers })).body.code).toBe("secret_required");
    }
    await ask("DELETE", path);
    expect((await put(path, SHOWN)).body.code).toBe("secret_required");
  });

  it("keeps the signing secret until another one is sent", async () => {
    const path = newEndpointPath();
    const { body } = await put(path);
    await put(path, { ...SHOWN, disabled: true });
    expect((await loaded(path)).signingSecrets).toEqual([body.signingSecret]);
    const shown = await put(path, { ...SHOWN, signingSecret: OWN_SECRET });
    expect(shown.body.signingSecret).toBeNull();
    expect((await loaded(path)).signingSecrets).toEqual([OWN_SECRET]);
  });
});

it("no secret reaches a response, a log, a row or an audit entry", async () => {
  const path = newEndpointPath();
  const created = await put(path);
  const rotated = await rotate(path);
  const answers = [
    await put(path),
    await ask<EndpointOnWire>("GET", path),
    await ask<EndpointOnWire>("GET", path.replace(/\/chat$/, "")),
    await put(path, { ...SHOWN, url: URL_A }),
    await ask<EndpointOnWire>("GET", `${path}/versions`),
    await ask<EndpointOnWire>("GET", `${path}/versions/1`),
    await put(path, { ...SHOWN, events: [] }),
    await put(path, { ...ENDPOINT, url: `${URL_A}/{{ secrets.token }}` }),
    await ask<EndpointOnWire>("GET", `${path.split("/").slice(0, 3).join("/")}/audit`),
  ];
  const { scope } = refOf(path);
  const rows = await env.DB.batch([
    env.DB.prepare("SELECT * FROM definitions WHERE scope = ?").bind(scope),
    env.DB.prepare("SELECT * FROM definition_versions WHERE scope = ?").bind(scope),
    env.DB.prepare("SELECT * FROM audit WHERE project = ?").bind(scope.split("/").slice(0, 2).join("/")),
  ]);
  const secrets = [
    URL_SECRET,
    "the-header-secret-7731",
    "the-named-secret-8842",
    ...[created.body.signingSecret, rotated.body.signingSecret].map((secret) => String(secret).slice(6)),
  ];
  const texts = { answers: answers.map(({ body }) => body), rows: rows.map(({ results }) => results), logged };
  for (const [name, text] of Object.entries(texts)) {
    for (const secret of secrets) expect([name, JSON.stringify(text).includes(secret)]).toEqual([name, false]);
  }
  expect(secrets.every((secret) => secret.length > 10)).toBe(true);
});

describe("the signing keys of the service", () => {
  const OLD = "the-old-signing-key-of-32-bytes-and-more";
  const NEW = "the-new-signing-key-of-32-bytes-and-more";
  const ring = (...keys: string[]) => envWith({ CALLBACK_SIGNING_KEYS: keys.join(",") });

  it("that are lost are said: an attempt gets no endpoint, and a change asks for its secrets", async () => {
    const path = newEndpointPath();
    await askWith(ring(OLD), "PUT", path, { body: ENDPOINT });
    expect(await loadEndpoint(ring(NEW), refOf(path))).toBe("secrets_lost");
    const kept = await askWith<EndpointOnWire>(ring(NEW), "PUT", path, { body: SHOWN });
    expect([kept.status, kept.body.code]).toEqual([422, "secret_required"]);
    const rotated = await askWith<EndpointOnWire>(ring(NEW), "POST", `${path}/rotate-secret`, { body: {} });
    expect([rotated.status, rotated.body.code]).toEqual([409, "endpoint_secrets_lost"]);
    const sent = { ...ENDPOINT, signingSecret: OWN_SECRET };
    expect((await askWith(ring(NEW), "PUT", path, { body: sent })).status).toBe(200);
    expect(await loadEndpoint(ring(NEW), refOf(path))).toMatchObject({ signingSecrets: [OWN_SECRET] });
  });
});

/** An endpoint with the secrets of this many rotations, the newest first. */
async function rotatedTimes(path: string, times: number, body = {}): Promise<readonly unknown[]> {
  const secrets = [(await put(path)).body.signingSecret];
  for (let n = 0; n < times; n++) {
    const { status, body: rotated } = await rotate(path, body);
    expect(status).toBe(200);
    secrets.unshift(rotated.signingSecret);
  }
  return secrets;
}

describe("a rotation", () => {
  it("shows a new secret once, and the old one signs beside it for a day", async () => {
    const path = newEndpointPath();
    const old = (await put(path)).body.signingSecret;
    const { status, headers, body } = await rotate(path);
    expect([status, headers.get("ETag")]).toEqual([200, '"2"']);
    expect(body).toEqual({ signingSecret: expect.stringMatching(/^whsec_/), graceEndsAt: at(DAY_MS) });
    expect(await signing(path)).toEqual([body.signingSecret, old]);
    expect((await ask("GET", path)).body).toEqual(SHOWN);
    later(DAY_MS - 1);
    expect(await signing(path)).toEqual([body.signingSecret, old]);
    later(DAY_MS);
    expect(await signing(path)).toEqual([body.signingSecret]);
    expect(await audited(path)).toEqual(["webhook_endpoint_put", "webhook_endpoint_secret_rotated"]);
  });

  it("with gracePeriodSeconds 0 leaves only the new secret", async () => {
    const path = newEndpointPath();
    await rotatedTimes(path, 2);
    const { body } = await rotate(path, { gracePeriodSeconds: 0 });
    expect(body.graceEndsAt).toBeNull();
    expect(await signing(path)).toEqual([body.signingSecret]);
  });

  it("leaves the older secrets their end, unless it says a shorter one", async () => {
    const path = newEndpointPath();
    const [, first] = await rotatedTimes(path, 1, { gracePeriodSeconds: 604_800 });
    const second = await rotate(path);
    expect(second.body.graceEndsAt).toBe(at(7 * DAY_MS));
    later(2 * DAY_MS);
    expect(await signing(path)).toEqual([second.body.signingSecret, first]);
    const third = await rotate(path, { gracePeriodSeconds: 60 });
    expect(third.body.graceEndsAt).toBe(at(2 * DAY_MS + 60_000));
    later(2 * DAY_MS + 60_000);
    expect(await signing(path)).toEqual([third.body.signingSecret]);
  });

  it("that needs a fourth secret is refused until one ends, so that no receiver loses its secret", async () => {
    const path = newEndpointPath();
    const secrets = await rotatedTimes(path, 2);
    for (const body of [{}, { gracePeriodSeconds: 604_800 }, { gracePeriodSeconds: 1 }]) {
      const refused = await rotate(path, body);
      expect([refused.status, refused.body.code]).toEqual([409, "too_many_signing_secrets"]);
      expect(refused.body.error).toContain(`after ${at(DAY_MS)}`);
    }
    expect(await signing(path)).toEqual(secrets);
    later(DAY_MS);
    expect((await rotate(path)).status).toBe(200);
  });

  it("is refused for a grace period of more than a week", async () => {
    const path = newEndpointPath();
    await put(path);
    for (const gracePeriodSeconds of [604_801, -1, 1.5, null]) {
      expect((await rotate(path, { gracePeriodSeconds })).body.code).toBe("invalid_body");
    }
    expect((await rotate(`${path}-missing`)).body.code).toBe("webhook_endpoint_not_found");
    // Its body is optional.
    expect((await ask("POST", `${path}/rotate-secret`, { headers: { "Content-Type": "" } })).status).toBe(200);
  });

  it("that races with another one leaves all secrets that were shown", async () => {
    const path = newEndpointPath();
    const { body } = await put(path);
    const both = await Promise.all([rotate(path), rotate(path)]);
    const shown = both.map((answer) => answer.body.signingSecret);
    expect((await signing(path)).toSorted()).toEqual([...shown, body.signingSecret].map(String).toSorted());
  });

  it("that races with a PUT is kept by it", async () => {
    const path = newEndpointPath();
    await put(path);
    const [rotated] = await Promise.all([rotate(path), put(path, { ...SHOWN, onlyOnChange: true })]);
    expect(await signing(path)).toHaveLength(2);
    expect((await signing(path))[0]).toBe(rotated.body.signingSecret);
    expect((await loaded(path)).definition.onlyOnChange).toBe(true);
  });

  it("survives later PUTs, also one with a secret of its own: the older one signs until its end", async () => {
    const path = newEndpointPath();
    const [newest, old] = await rotatedTimes(path, 1);
    await put(path, { ...SHOWN, onlyOnChange: true });
    expect(await signing(path)).toEqual([newest, old]);
    await put(path, { ...SHOWN, signingSecret: OWN_SECRET });
    expect(await signing(path)).toEqual([OWN_SECRET, old]);
  });

  it("whose answer from D1 was lost is tried again, and makes one secret", async () => {
    const path = newEndpointPath();
    const { body } = await put(path);
    hurryTimers();
    faults.writes = "committed_then_silence";
    const rotated = await rotate(path);
    expect(rotated.status).toBe(200);
    expect(await signing(path)).toEqual([rotated.body.signingSecret, body.signingSecret]);
    expect(await audited(path)).toEqual(["webhook_endpoint_put", "webhook_endpoint_secret_rotated"]);
  });

  it("leaves an endpoint disabled that the service has disabled", async () => {
    const path = newEndpointPath();
    await put(path);
    const why = { ...refOf(path), version: 1, reason: "It answered 410.", at: Date.now() };
    expect(await disableDefinition(env.DB, ENDPOINT_KIND, why)).toBe(true);
    await rotate(path);
    expect(await loaded(path)).toMatchObject({ version: 2, disabledReason: "It answered 410." });
  });
});

describe("a rotation that repeats its Idempotency-Key", () => {
  it("makes no secret and shows null, also after other changes and other rotations", async () => {
    const path = newEndpointPath();
    await put(path);
    const first = await rotate(path, {}, "monthly");
    const before = await signing(path);
    const again = await rotate(path, {}, "monthly");
    expect([again.status, again.headers.get("Idempotent-Replayed")]).toEqual([200, "true"]);
    expect(again.body).toEqual({ signingSecret: null, graceEndsAt: at(DAY_MS) });
    expect(first.headers.get("Idempotent-Replayed")).toBeNull();
    await put(path, { ...SHOWN, signingSecret: OWN_SECRET });
    await rotate(path, {}, "another");
    const after = await signing(path);
    expect((await rotate(path, {}, "monthly")).body.signingSecret).toBeNull();
    expect(await signing(path)).toEqual(after);
    expect(before).toHaveLength(2);
    expect((await audited(path)).filter((action) => action.endsWith("rotated"))).toHaveLength(2);
  });

  it("makes no secret if it is the newest of many", async () => {
    const path = newEndpointPath();
    await put(path);
    for (let n = 1; n <= 12; n++) await rotate(path, { gracePeriodSeconds: 0 }, `rotation-${n}`);
    const before = await signing(path);
    expect((await rotate(path, { gracePeriodSeconds: 0 }, "rotation-12")).body.signingSecret).toBeNull();
    expect(await signing(path)).toEqual(before);
  });

  it("at the same time makes one", async () => {
    const path = newEndpointPath();
    await put(path);
    const answers = await Promise.all([rotate(path, {}, "once"), rotate(path, {}, "once")]);
    expect(answers.filter(({ body }) => body.signingSecret === null)).toHaveLength(1);
    expect(await signing(path)).toHaveLength(2);
  });

  it("with another body is refused", async () => {
    const path = newEndpointPath();
    await put(path);
    await rotate(path, {}, "monthly");
    const refused = await rotate(path, { gracePeriodSeconds: 60 }, "monthly");
    expect([refused.status, refused.body.code]).toEqual([422, "idempotency_key_reused"]);
  });

  it("counts for the token that sent it, and for no other", async () => {
    const path = newEndpointPath();
    await put(path);
    await rotate(path, {}, "monthly");
    const { token } = await grantToken(path.split("/").slice(0, 3).join("/"), { role: "admin" });
    const other = await ask<EndpointOnWire>("POST", `${path}/rotate-secret`, {
      token,
      body: {},
      headers: { "Idempotency-Key": "monthly" },
    });
    expect(other.body.signingSecret).toMatch(/^whsec_/);
  });

  it("makes one for a new endpoint of this name", async () => {
    const path = newEndpointPath();
    await put(path);
    await rotate(path, {}, "monthly");
    await ask("DELETE", path);
    await put(path);
    expect((await rotate(path, {}, "monthly")).body.signingSecret).toMatch(/^whsec_/);
    expect(await signing(path)).toHaveLength(2);
  });
});
