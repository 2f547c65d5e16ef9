import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { loadEndpoint } from "../../src/webhook-endpoints/stored-endpoint.ts";

import { askWith, envWith } from "../support/bindings.ts";
import { clockFromOne } from "../support/clock.ts";
import { ask } from "../support/requests.ts";
import { watchLog } from "../support/secrets.ts";
import {
  ENDPOINT,
  loaded,
  newEndpointsPath,
  OWN_SECRET,
  put,
  refOf,
  rotate,
  SHOWN,
  type Told,
  URL_A,
  URL_SECRET,
} from "./endpoints.ts";

const logged = watchLog();
clockFromOne();

const newPath = () => `${newEndpointsPath()}/chat`;
const secretsOf = async (path: string) => {
  const { definition, signingSecrets } = await loaded(path);
  const { url, headers, secrets } = definition;
  return { url, headers, secrets, signingSecrets };
};

describe("null", () => {
  it("keeps the URL, headers and secrets while the URL is kept, and other members change beside them", async () => {
    const path = newPath();
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
    const path = newPath();
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
    const path = newPath();
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
    const path = newPath();
    const { body } = await put(path);
    await put(path, { ...SHOWN, disabled: true });
    expect((await loaded(path)).signingSecrets).toEqual([body.signingSecret]);
    const shown = await put(path, { ...SHOWN, signingSecret: OWN_SECRET });
    expect(shown.body.signingSecret).toBeNull();
    expect((await loaded(path)).signingSecrets).toEqual([OWN_SECRET]);
  });
});

it("no secret reaches a response, a log, a row or an audit entry", async () => {
  const path = newPath();
  const created = await put(path);
  const rotated = await rotate(path);
  const answers = [
    await put(path),
    await ask<Told>("GET", path),
    await ask<Told>("GET", path.replace(/\/chat$/, "")),
    await put(path, { ...SHOWN, url: URL_A }),
    await ask<Told>("GET", `${path}/versions`),
    await ask<Told>("GET", `${path}/versions/1`),
    await put(path, { ...SHOWN, events: [] }),
    await put(path, { ...ENDPOINT, url: `${URL_A}/{{ secrets.token }}` }),
    await ask<Told>("GET", `${path.split("/").slice(0, 3).join("/")}/audit`),
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
    const path = newPath();
    await askWith(ring(OLD), "PUT", path, { body: ENDPOINT });
    expect(await loadEndpoint(ring(NEW), refOf(path))).toBe("secrets_lost");
    const kept = await askWith<Told>(ring(NEW), "PUT", path, { body: SHOWN });
    expect([kept.status, kept.body.code]).toEqual([422, "secret_required"]);
    const rotated = await askWith<Told>(ring(NEW), "POST", `${path}/rotate-secret`, { body: {} });
    expect([rotated.status, rotated.body.code]).toEqual([409, "endpoint_secrets_lost"]);
    const sent = { ...ENDPOINT, signingSecret: OWN_SECRET };
    expect((await askWith(ring(NEW), "PUT", path, { body: sent })).status).toBe(200);
    expect(await loadEndpoint(ring(NEW), refOf(path))).toMatchObject({ signingSecrets: [OWN_SECRET] });
  });
});
