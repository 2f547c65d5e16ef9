/** Proofs that open nothing: each is refused with the rule that it breaks, and before a read of D1. */

import { exportSPKI, generateKeyPair, importJWK, SignJWT } from "jose";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { hopsOf, watchHops } from "../support/api/hops.ts";
import { ask } from "../support/requests.ts";
import { everything } from "../support/rows.ts";
import { newAddress, newProject } from "../support/tokens.ts";
import { newIssuer, type SigningIssuer } from "./issuer.ts";
import {
  audienceOf,
  CLAIMS,
  type Exchanged,
  exchange,
  GITHUB,
  grantTrust,
  mint,
  setIssuers,
  TRUST,
  useGithub,
} from "./programs.ts";

const github = useGithub();
let other: SigningIssuer;
beforeAll(async () => {
  other = await newIssuer("https://ci.example.com", "other-1");
});
beforeEach(() => {
  setIssuers(
    { issuer: GITHUB, kind: "github", jwks: github().jwks },
    { issuer: other.issuer, kind: "other", jwks: other.jwks },
    { issuer: "https://elsewhere.example.com", kind: "other", projects: "acme/elsewhere", jwks: other.jwks },
  );
  watchHops();
});

const base64url = (value: unknown) =>
  btoa(JSON.stringify(value)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;
const DAY = 86_400;

/** What a proof of the repository says, for the token's project. */
interface Said {
  readonly aud: string;
  readonly [claim: string]: unknown;
}

/** Claims signed by hand: what jose would refuse to sign. */
async function signedAs(header: object, payload: string): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
  const text = `${base64url({ alg: "RS256", kid: "by-hand", ...header })}.${payload}`;
  setIssuers({
    issuer: GITHUB,
    kind: "github",
    jwks: { keys: [{ ...(await crypto.subtle.exportKey("jwk", publicKey as CryptoKey)), kid: "by-hand" }] },
  });
  const signature = await crypto.subtle.sign(
    "RSASSA-PKCS1-v1_5",
    privateKey as CryptoKey,
    new TextEncoder().encode(text),
  );
  return `${text}.${new Uint8Array(signature).toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

async function withPublicKeyAsSecret(said: Said): Promise<string> {
  const [jwk] = github().jwks.keys;
  const key = await importJWK(jwk ?? {}, "RS256", { extractable: true });
  const secret = new TextEncoder().encode(await exportSPKI(key as CryptoKey));
  const claims = { ...said, iss: GITHUB, iat: inSeconds(0), exp: inSeconds(600) };
  return new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: "programs-1" }).sign(secret);
}

type Make = (said: Said) => Promise<string> | string;

const with_ =
  (claims: object): Make =>
  (said) =>
    github().sign({ ...said, ...claims });

const FORM = /it is not a JSON Web Token/;
const ISSUER = /this project can.t trust its issuer/;
const SIGNATURE = /its signature is not one of the issuer's/;
const AUDIENCE = /its audience is not the expected one.*: https:\/\/runs\.example\/acme\/[a-z0-9-]+\.$/;
const TIME = /it has expired, is not valid yet, or is older than a day/;
const SUBJECT = /it has no subject that can be shown/;

const PROOFS: Readonly<Record<string, readonly [RegExp, Make]>> = {
  "no JSON Web Token": [FORM, () => "x"],
  "three parts of nothing": [FORM, () => ".."],
  "a list as its claims": [FORM, () => `${base64url({ alg: "RS256" })}.${base64url([1])}.AAAA`],
  "a token in a token": [FORM, async (said) => signedAs({ cty: "JWT" }, base64url(await github().sign({ ...said })))],
  "an encrypted token": [FORM, () => `${base64url({ alg: "dir", enc: "A256GCM" })}..AAAA.AAAA.AAAA`],
  "a payload that is not encoded": [
    FORM,
    (said) => signedAs({ b64: false, crit: ["b64"] }, base64url({ ...said, iss: GITHUB, exp: inSeconds(60) })),
  ],
  "an extension that nobody knows": [
    SIGNATURE,
    (said) =>
      signedAs({ crit: ["x"], x: 1 }, base64url({ ...said, iss: GITHUB, iat: inSeconds(0), exp: inSeconds(60) })),
  ],
  "no signature, as alg none": [
    SIGNATURE,
    (said) => `${base64url({ alg: "none" })}.${base64url({ ...said, iss: GITHUB, exp: inSeconds(60) })}.`,
  ],
  "HS256 with the public key": [SIGNATURE, withPublicKeyAsSecret],
  "the signature of another token": [
    SIGNATURE,
    async (said) => {
      const [a = "", , c = ""] = (await github().sign(said)).split(".");
      return [a, (await github().sign({ ...said, environment: "x" })).split(".")[1], c].join(".");
    },
  ],
  "the right key id and another key": [
    SIGNATURE,
    async (said) => (await newIssuer(GITHUB, "programs-1", "RS256", generateKeyPair("RS256"))).sign(said),
  ],
  "a key id that the issuer does not have": [
    SIGNATURE,
    async (said) => (await newIssuer(GITHUB, "made-up")).sign(said),
  ],
  "the key of another issuer": [SIGNATURE, (said) => other.sign({ ...said, iss: GITHUB })],
  "an issuer that the setting does not have": [
    ISSUER,
    async (said) => (await newIssuer("https://ci.example.org")).sign(said),
  ],
  "an issuer with one slash more": [ISSUER, with_({ iss: `${GITHUB}/` })],
  "an issuer in capitals": [ISSUER, with_({ iss: GITHUB.toUpperCase() })],
  "a list of issuers": [ISSUER, with_({ iss: [GITHUB] })],
  "no issuer": [ISSUER, with_({ iss: undefined })],
  "an issuer that this project may not trust": [
    ISSUER,
    (said) => other.sign({ ...said, iss: "https://elsewhere.example.com" }),
  ],
  "two audiences": [AUDIENCE, (said) => github().sign({ ...said, aud: [said.aud, "https://other.example"] })],
  "its audience twice": [AUDIENCE, (said) => github().sign({ ...said, aud: [said.aud, said.aud] })],
  "the audience of another project": [AUDIENCE, with_({ aud: "https://runs.example/acme/another" })],
  "the audience with one slash more": [AUDIENCE, (said) => github().sign({ ...said, aud: `${said.aud}/` })],
  "the audience of the service": [AUDIENCE, with_({ aud: "https://runs.example" })],
  "the audience of another service": [
    AUDIENCE,
    (said) => github().sign({ ...said, aud: said.aud.replace("runs.example", "runs.example.org") }),
  ],
  "no audience": [AUDIENCE, with_({ aud: undefined })],
  "an end a second ago": [TIME, (said) => github().sign({ ...said, exp: inSeconds(-1) })],
  "no end": [TIME, with_({ exp: undefined })],
  "a text as its end": [TIME, with_({ exp: "2099-01-01" })],
  "a beginning in a minute": [TIME, (said) => github().sign({ ...said, nbf: inSeconds(60) })],
  "a time of issue in a minute": [TIME, (said) => github().sign({ ...said, iat: inSeconds(60) })],
  "no time of issue": [TIME, with_({ iat: undefined })],
  "an age of more than a day": [TIME, (said) => github().sign({ ...said, iat: inSeconds(-DAY - 60) })],
  "no subject": [SUBJECT, with_({ sub: undefined })],
  "an empty subject": [SUBJECT, with_({ sub: "" })],
  "an object as its subject": [SUBJECT, with_({ sub: { a: 1 } })],
  "a subject of two lines": [SUBJECT, with_({ sub: "a\nb" })],
  "a subject that can't be seen": [SUBJECT, with_({ sub: "repo\u200b" })],
  "a subject of 501 characters": [SUBJECT, with_({ sub: "a".repeat(501) })],
  "the operator's name as its subject": [SUBJECT, with_({ sub: "R00t" })],
};

/** Nothing of what a proof said may be in a response. */
function expectSilence({ body }: Exchanged): void {
  expect(JSON.stringify(body)).not.toMatch(/74|production|acme@65|another"|other\.example|x"/);
}

describe("a proof is refused before D1 is read, for", () => {
  it.each(Object.entries(PROOFS))("%s", async (_, [reason, make]) => {
    const project = newProject();
    const id = await grantTrust(project);
    const proof = await make({ ...CLAIMS, aud: audienceOf(project) });
    let answer: Exchanged | null = null;
    const { lines, calls } = await hopsOf(async () => {
      answer = await exchange(project, id, proof);
    });
    expect(answer).toMatchObject({
      status: 401,
      body: { code: "proof_invalid", error: expect.stringMatching(reason) },
    });
    expect(lines).toEqual([{ status: 401, d1: 0, coordinator: 0 }]);
    expect(calls).toBe(0);
  });

  it.each([
    ["16 KiB and one character", 16_384],
    ["a megabyte", 1_000_000],
  ])("%s", async (_, length) => {
    const project = newProject();
    const { status, body } = await exchange(project, crypto.randomUUID(), "x".repeat(length));
    expect([status, body.code]).toEqual([413, "body_too_large"]);
  });

  it.each([[""], [1], [null], [["x"]], [{ a: "x" }]])("%j in place of a proof", async (proof) => {
    const { status, body } = await exchange(newProject(), crypto.randomUUID(), proof);
    expect([status, body.code]).toEqual([400, "invalid_body"]);
  });
});

const UNMET: Readonly<Record<string, readonly [claim: string | null, claims: object]>> = {
  "another environment": ["environment", { environment: "staging" }],
  "no environment": ["environment", { environment: undefined }],
  "letters that look alike": ["environment", { environment: "prоduction" }],
  "the same letters in capitals": ["environment", { environment: "Production" }],
  "a space more": ["environment", { environment: "production " }],
  "an object with the value": ["environment", { environment: { production: "production" } }],
  "a list in a list": ["environment", { environment: [["production"]] }],
  null: ["environment", { environment: null }],
  "another repository": [null, { repository_id: "75" }],
  "an object as the repository": [null, { repository_id: { 74: "74" } }],
  "a number with a fraction": [null, { repository_id: 74.5 }],
  "another repository and environment": [null, { repository_id: "75", environment: "staging" }],
};

describe("a genuine proof opens nothing with", () => {
  it.each(Object.entries(UNMET))(
    "%s, and only who has the anchor learns which claim it is",
    async (_, [claim, claims]) => {
      const project = newProject();
      const id = await grantTrust(project);
      const before = await everything();
      const proof = await github().sign({ ...CLAIMS, aud: audienceOf(project), ...claims });
      const answer = await exchange(project, id, proof);
      expect([answer.status, answer.body.code]).toEqual([403, "trust_unmet"]);
      expect(answer.body.error).toMatch(
        claim === null ? /^This proof opens no such token\./ : `the claim ${claim} differs`,
      );
      expectSilence(answer);
      expect(await everything()).toEqual(before);
    },
  );

  it.each([
    ["a list with the value", { environment: ["staging", "production"] }],
    ["a number with the same JSON text", { repository_id: 74 }],
  ])("not %s", async (_, claims) => {
    const project = newProject();
    const proof = await github().sign({ ...CLAIMS, aud: audienceOf(project), ...claims });
    expect((await exchange(project, await grantTrust(project), proof)).status).toBe(200);
  });

  it("a list of its one audience is the audience", async () => {
    const project = newProject();
    const proof = await github().sign({ ...CLAIMS, aud: [audienceOf(project)] });
    expect((await exchange(project, await grantTrust(project), proof)).status).toBe(200);
  });

  it("an address that is verified as a text is none", async () => {
    const project = newProject();
    const trust = { for: "programs", issuer: other.issuer, claims: { sub: "bot", email: "bot@example.com" } } as const;
    const id = await grantTrust(project, { trust });
    const sign = (claims: object) =>
      other.sign({ sub: "bot", email: "bot@example.com", aud: audienceOf(project), ...claims });
    const unverified = await exchange(project, id, await sign({ email_verified: "true" }));
    expect(unverified).toMatchObject({
      status: 403,
      body: { error: expect.stringMatching(/the claim email differs/) },
    });
    expect((await exchange(project, id, await sign({ email_verified: true }))).status).toBe(200);
  });
});

it("an unknown token, one without trust, one for people and one of another issuer are one answer", async () => {
  const project = newProject();
  setIssuers(
    { issuer: GITHUB, kind: "github", jwks: github().jwks },
    { issuer: other.issuer, kind: "people", clientId: "runs", projects: "acme/*" },
  );
  const secret = await mint(project, { trust: null });
  const people = await mint(project, { trust: { for: "people", issuer: other.issuer, claims: { sub: "ada" } } });
  const ofAnother = await mint(project, { trust: { ...TRUST, issuer: other.issuer, claims: { sub: CLAIMS.sub } } });
  const elsewhere = await grantTrust(newProject());
  const ids = [secret.body.id, people.body.id, ofAnother.body.id, elsewhere, crypto.randomUUID(), "x"];
  const proof = await github().sign({ ...CLAIMS, aud: audienceOf(project) });
  const answers = await Promise.all(ids.map((id) => exchange(project, id, proof)));
  const told = answers.map(({ status, body }) => [status, body.code, body.error]);
  expect(told).toEqual(
    Array(ids.length).fill([403, "trust_unmet", expect.stringMatching(/^This proof opens no such token/)]),
  );
  expect(new Set(told.map(String)).size).toBe(1);
});

it("a token for people exchanges nothing, also if its trust accepts the proof", async () => {
  const project = newProject();
  setIssuers({ issuer: other.issuer, kind: "people", clientId: "runs", projects: "acme/*" });
  const { issuer, documents } = other;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (url) =>
    Response.json(documents[String(url).slice(issuer.length)]),
  );
  const claims = { sub: "ada" };
  const proof = await other.sign({ ...claims, aud: audienceOf(project) });
  const statusOf = async (whom: "people" | "programs") => {
    const { body } = await mint(project, { trust: { for: whom, issuer: other.issuer, claims } });
    return (await exchange(project, body.id, proof)).status;
  };
  expect([await statusOf("people"), await statusOf("programs")]).toEqual([403, 200]);
});

it("a number that is too large for a double is no value, not even its neighbour's", async () => {
  const project = newProject();
  const near = { repository_id: "74", environment: "9007199254740992" };
  const id = await grantTrust(project, { trust: { ...TRUST, claims: near } });
  const proof = await github().sign({ ...CLAIMS, aud: audienceOf(project), environment: 2 ** 53 });
  expect((await exchange(project, id, proof)).status).toBe(403);
});

it("whatever id a proof does not open, each try is charged, so nobody learns which ids are tokens of programs", async () => {
  const project = newProject();
  const { id: secret } = (await mint(project, { trust: null })).body;
  const ofAnother = await grantTrust(project, {
    trust: { for: "programs", issuer: other.issuer, claims: { sub: "bot" } },
  });
  const proof = await github().sign({ ...CLAIMS, aud: audienceOf(project) });
  for (const id of [secret, ofAnother, crypto.randomUUID(), "x"]) {
    const address = newAddress();
    let tries = 0;
    while (tries < 150 && (await exchange(project, id, proof, address)).status !== 429) tries++;
    // wrangler.toml allows 60 a minute, and the minute can change meanwhile.
    expect([id, tries < 150]).toEqual([id, true]);
  }
});

it("failures are charged as unknown tokens are, and good proofs of the same address still count", async () => {
  const project = newProject();
  const id = await grantTrust(project);
  const address = newAddress();
  const good = await github().sign({ ...CLAIMS, aud: audienceOf(project) });
  const bad = [
    "x",
    await github().sign({ ...CLAIMS, aud: "https://other.example" }),
    await github().sign({ ...CLAIMS, aud: audienceOf(project), repository_id: "75" }),
  ];
  // wrangler.toml allows 60 a minute, and the minute can change meanwhile.
  let charged = 0;
  while (charged < 150 && (await exchange(project, id, bad[charged % 3], address)).status !== 429) charged++;
  expect([charged >= 60, charged < 150]).toEqual([true, true]);
  expect((await exchange(project, id, good, address)).status).toBe(200);
});

it("without OIDC_ISSUERS there is no such endpoint, and nobody is charged", async () => {
  const project = newProject();
  const id = await grantTrust(project);
  setIssuers();
  const address = newAddress();
  const before = await everything();
  const { lines, calls } = await hopsOf(async () => {
    for (let n = 0; n < 70; n++) {
      const { status, body } = await exchange(project, id, "x", address);
      expect([status, body.code, body.error]).toEqual([
        404,
        "not_found",
        expect.stringMatching(/OIDC_ISSUERS is not set/),
      ]);
    }
  });
  expect(new Set(lines.map((line) => JSON.stringify(line)))).toEqual(
    new Set([JSON.stringify({ status: 404, d1: 0, coordinator: 0 })]),
  );
  expect(calls).toBe(0);
  expect(await everything()).toEqual(before);
});

it("says what is wrong with a setting", async () => {
  const { changed } = await import("../support/settings.ts");
  const path = `${newProject()}/tokens/${crypto.randomUUID()}/exchange`;
  const said = async (settings: object) => {
    Object.assign(changed, settings);
    const { status, body } = await ask<{ error: string }>("POST", path, { token: null, body: { proof: "x" } });
    return [status, body.error];
  };
  expect(await said({ PUBLIC_URL: "" })).toEqual([503, expect.stringMatching(/^PUBLIC_URL is not set/)]);
  expect(await said({ OIDC_ISSUERS: "{" })).toEqual([503, expect.stringMatching(/^OIDC_ISSUERS is not valid/)]);
});
