/** The keys of an issuer: fetched once for all who wait, remembered, and never from where a caller says. */

import { beforeEach, describe, expect, it, vi } from "vitest";
import { HOUR_MS } from "../../src/base/time.ts";
import { clockFrom } from "../support/clock.ts";
import { until } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { newProject } from "../support/tokens.ts";
import { newIssuer, type SigningIssuer } from "./issuer.ts";
import { audienceOf, exchange, grantTrust, setIssuers } from "./programs.ts";

const later = clockFrom(Math.ceil(Date.now() / HOUR_MS) * HOUR_MS);

/** What issuers answer, by URL. Null: nothing, until the request is given up. */
type Respond = (url: string) => Response | null;

let asked: string[] = [];

function answering(respond: Respond): void {
  asked = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const url = String(input);
    asked.push(url);
    expect(init?.redirect).toBe("manual");
    const response = respond(url);
    if (response !== null) return response;
    return new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(new Error("given up"))));
  });
}

/** The documents of the issuer, with others in their place. */
function documentsOf({ issuer, documents }: SigningIssuer, others: Readonly<Record<string, unknown>> = {}): Respond {
  const all: Readonly<Record<string, unknown>> = { ...documents, ...others };
  return (url) => {
    const found = url.startsWith(issuer) ? all[url.slice(issuer.length)] : undefined;
    if (found instanceof Response) return found.clone();
    return found === undefined ? new Response("none", { status: 404 }) : Response.json(found);
  };
}

/** Nobody waits 5 s for an issuer. */
function giveUpSoon(): void {
  const { setTimeout } = globalThis;
  const soon = (handler: () => void, ms?: number) => setTimeout(handler, ms === 5000 ? 50 : ms);
  vi.spyOn(globalThis, "setTimeout").mockImplementation(soon as unknown as typeof setTimeout);
}

let issuers = 0;
let issuer: SigningIssuer;
let project: string;
let tokenId: string;
beforeEach(async () => {
  // Another one for each test, because the isolate remembers.
  issuer = await newIssuer(`https://ci-${++issuers}.example.com`);
  setIssuers({ issuer: issuer.issuer, kind: "other" });
  project = newProject();
  tokenId = await grantTrust(project, { trust: { for: "programs", issuer: issuer.issuer, claims: { sub: "bot" } } });
});

async function tryProof(by = issuer) {
  return exchange(project, tokenId, await by.sign({ sub: "bot", aud: audienceOf(project) }));
}

/** Without its random parts. */
async function codeOf(by = issuer): Promise<string> {
  const { status, body } = await tryProof(by);
  return status === 200 ? "ok" : body.code;
}

it("are not fetched for a text that is no JSON Web Token", async () => {
  answering(documentsOf(issuer));
  const payload = btoa(JSON.stringify({ iss: issuer.issuer })).replaceAll("=", "");
  for (const text of [`x.${payload}.y`, `.${payload}.`, `${payload}`, `${btoa("{")}.${payload}.y`]) {
    expect((await exchange(project, tokenId, text)).body.error).toMatch(/it is not a JSON Web Token/);
  }
  expect(asked).toEqual([]);
});

it("are fetched once for all who wait, and then remembered for 10 minutes", async () => {
  answering(documentsOf(issuer));
  expect(await Promise.all(Array.from({ length: 8 }, () => codeOf()))).toEqual(Array(8).fill("ok"));
  expect(asked).toEqual([`${issuer.issuer}/.well-known/openid-configuration`, `${issuer.issuer}/keys`]);
  later(599_999);
  expect(await codeOf()).toBe("ok");
  expect(asked).toHaveLength(2);
  later(600_000);
  expect(await codeOf()).toBe("ok");
  expect(asked).toHaveLength(4);
});

it("are fetched again for a key that is new, at most each 30 s", async () => {
  answering(documentsOf(issuer));
  expect(await codeOf()).toBe("ok");
  const rotated = await newIssuer(issuer.issuer, "programs-2");
  const madeUp = await newIssuer(issuer.issuer, "made-up");
  answering(documentsOf(rotated));
  later(29_999);
  expect(await codeOf(rotated)).toBe("proof_invalid");
  expect(asked).toEqual([]);
  later(30_000);
  expect(await Promise.all([codeOf(rotated), codeOf(madeUp), codeOf(rotated)])).toEqual(["ok", "proof_invalid", "ok"]);
  expect(asked).toHaveLength(2);
  // Nobody's key, as often as it comes.
  for (let n = 0; n < 5; n++) expect(await codeOf(madeUp)).toBe("proof_invalid");
  expect(asked).toHaveLength(2);
  // The key before is not the issuer's any more.
  expect(await codeOf()).toBe("proof_invalid");
});

it("still count for everybody while a made-up key is looked for, also if the issuer fails", async () => {
  answering(documentsOf(issuer));
  expect(await codeOf()).toBe("ok");
  const madeUp = await newIssuer(issuer.issuer, "made-up");
  later(60_000);
  giveUpSoon();
  let hangs = true;
  answering(() => (hangs ? null : new Response("", { status: 500 })));
  const guess = codeOf(madeUp);
  await until(async () => asked.length === 1);
  expect(await codeOf()).toBe("ok");
  expect(await guess).toBe("issuer_unavailable");
  hangs = false;
  for (let n = 0; n < 3; n++) {
    expect([await codeOf(), await codeOf(madeUp)]).toEqual(["ok", "issuer_unavailable"]);
  }
  expect(asked).toHaveLength(1);
});

const BAD: Readonly<Record<string, (one: SigningIssuer) => Respond>> = {
  "answers with an error": () => () => new Response("", { status: 500 }),
  "redirects its document": () => () => Response.redirect("https://elsewhere.example.com/", 302),
  "redirects its keys": (one) =>
    documentsOf(one, { "/keys": Response.redirect("https://elsewhere.example.com/", 302) }),
  "is no JSON": () => () => new Response("<html>"),
  "sends more than 64 KiB": (one) => documentsOf(one, { "/keys": new Response(`{"keys":[]${" ".repeat(65_536)}}`) }),
  "has the document of another issuer": (one) =>
    documentsOf(one, {
      "/.well-known/openid-configuration": { issuer: `${one.issuer}/`, jwks_uri: `${one.issuer}/keys` },
    }),
  "has keys without TLS": (one) =>
    documentsOf(one, {
      "/.well-known/openid-configuration": { issuer: one.issuer, jwks_uri: "http://ci.example.com/keys" },
    }),
  "has keys on this machine": (one) =>
    documentsOf(one, {
      "/.well-known/openid-configuration": { issuer: one.issuer, jwks_uri: "http://localhost/keys" },
    }),
  "has no keys": (one) => documentsOf(one, { "/keys": {} }),
  "has a key that is none": (one) => documentsOf(one, { "/keys": { keys: ["x"] } }),
  "has a broken key": (one) =>
    documentsOf(one, { "/keys": { keys: [{ kty: "RSA", kid: "programs-1", n: "", e: "" }] } }),
  "does not answer": () => () => null,
};

describe("an issuer is unavailable for a moment if it", () => {
  it.each(Object.entries(BAD))("%s", async (_, respond) => {
    answering(respond(issuer));
    giveUpSoon();
    const calls = faults.calls;
    const { status, headers, body } = await tryProof();
    expect([status, body.code, headers.get("Retry-After")]).toEqual([503, "issuer_unavailable", "5"]);
    expect(JSON.stringify(body)).not.toMatch(/http|500|redirect|JSON/);
    expect(faults.calls).toBe(calls);
    const { length } = asked;
    expect(asked.filter((url) => !url.startsWith(issuer.issuer))).toEqual([]);
    if (length === 1) {
      expect(await codeOf()).toBe("issuer_unavailable");
      expect(asked).toHaveLength(length);
    }
    // It can be good again after 5 s.
    answering(documentsOf(issuer));
    later(600_000);
    expect(await codeOf()).toBe("ok");
  });
});

it("nothing is fetched for an issuer that nobody set, wherever a proof says that its keys are", async () => {
  const stranger = await newIssuer("https://stranger.example.com");
  answering(documentsOf(stranger));
  const jku = { jku: "https://stranger.example.com/keys", x5u: "https://stranger.example.com/x" };
  for (const proof of [
    await stranger.sign({ sub: "bot", aud: audienceOf(project) }),
    await stranger.sign({ sub: "bot", aud: audienceOf(project) }, jku),
  ]) {
    expect((await exchange(project, tokenId, proof)).body.code).toBe("proof_invalid");
  }
  expect(asked).toEqual([]);
});

it("only the algorithms of the issuer's document count", async () => {
  const elliptic = await newIssuer(issuer.issuer, "programs-1", "ES256");
  const about = { ...(elliptic.documents["/.well-known/openid-configuration"] as object) };
  answering(
    documentsOf(elliptic, {
      "/.well-known/openid-configuration": { ...about, id_token_signing_alg_values_supported: ["RS256"] },
    }),
  );
  expect(await codeOf(elliptic)).toBe("proof_invalid");
  answering(documentsOf(elliptic));
  later(600_000);
  expect(await codeOf(elliptic)).toBe("ok");
});

it.each(["PS256", "EdDSA"])("%s counts", async (algorithm) => {
  const one = await newIssuer(issuer.issuer, "programs-1", algorithm);
  answering(documentsOf(one));
  expect(await codeOf(one)).toBe("ok");
});
