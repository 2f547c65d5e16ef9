/** OIDC_ISSUERS: what the operator may write, and what each mistake is told. */

import { describe, expect, it } from "vitest";
import { issuerNamed, issuersOf, mayTrust, signInIssuer } from "../../src/settings/issuers.ts";
import { askWith, envWith } from "../support/bindings.ts";

const GITHUB = { issuer: "https://token.actions.githubusercontent.com", kind: "github" };
const PEOPLE = { issuer: "https://id.example.com", kind: "people", clientId: "runs", projects: "acme/*" };

const parsed = (setting: unknown) =>
  issuersOf({ OIDC_ISSUERS: typeof setting === "string" ? setting : JSON.stringify(setting) });

it.each(["", "  ", undefined])("%j is no issuer", (setting) => {
  expect(issuersOf(setting === undefined ? {} : { OIDC_ISSUERS: setting })).toEqual({ ok: true, value: [] });
});

it("an entry has its defaults", () => {
  expect(parsed([GITHUB])).toEqual({
    ok: true,
    value: [
      {
        ...GITHUB,
        projects: null,
        clientId: null,
        name: "token.actions.githubusercontent.com",
        scope: null,
        personClaim: null,
        jwks: null,
      },
    ],
  });
});

it("issuers on this machine need no TLS, for development", () => {
  expect(parsed([{ issuer: "http://127.0.0.1:4000", kind: "other" }]).ok).toBe(true);
});

const WRONG: readonly (readonly [setting: unknown, sentence: RegExp])[] = [
  ["x", /must be a JSON list/],
  ["{}", /must be a JSON list/],
  [["x"], /entry 1: it must be an object/],
  [[GITHUB, {}], /entry 2: issuer must be an https URL/],
  [[{ ...GITHUB, issuer: "http://ci.example.com" }], /entry 1: issuer must be an https URL/],
  [[{ ...GITHUB, issuer: "ci.example.com" }], /issuer must be/],
  [[{ ...GITHUB, issuer: "https://ci.example.com?a" }], /issuer must be/],
  [[{ ...GITHUB, issuer: "https://ci.example.com#a" }], /issuer must be/],
  [[{ ...GITHUB, issuer: "https://ada@ci.example.com" }], /issuer must be/],
  [[{ ...GITHUB, issuer: " https://ci.example.com" }], /issuer must be/],
  [[{ ...GITHUB, kind: "jenkins" }], /kind must be one of github, gitlab, buildkite, circleci, people, other/],
  [[GITHUB, { ...PEOPLE, issuer: "https://gitlab.com" }], /entry 2: the kind of gitlab\.com must be gitlab/],
  [[{ ...GITHUB, kind: "other" }], /entry 1: the kind of token\.actions\.githubusercontent\.com must be github/],
  [[{ ...GITHUB, projects: "acme" }], /projects must be/],
  [[{ ...GITHUB, projects: "*/*" }], /projects must be/],
  [[{ ...GITHUB, projects: [] }], /projects must be/],
  [[{ ...GITHUB, projects: "acme/shop-*" }], /projects must be/],
  [[{ ...GITHUB, jwks: "x" }], /jwks must be/],
  [[{ ...GITHUB, jwks: { keys: [{ kty: "oct", k: "c2VjcmV0" }] } }], /jwks must be/],
  [[{ ...GITHUB, jwks: { keys: [{ kty: "RSA", e: "AQAB" }] } }], /jwks must be/],
  [[{ ...GITHUB, jwks: { keys: [{ kty: "OKP", crv: "Ed25519", x: "eA", d: "ZA" }] } }], /jwks must be/],
  [[{ ...GITHUB, jwks: { keys: [{ kty: "constructor" }] } }], /jwks must be/],
  [[{ ...GITHUB, name: "" }], /name must be a text of 1 to 500 characters/],
  [[{ ...GITHUB, name: "x".repeat(501) }], /name must be a text of 1 to 500 characters/],
  [[{ issuer: "https://gitlab.com.", kind: "other" }], /the kind of gitlab\.com\. must be gitlab/],
  [[{ ...GITHUB, secret: "x" }], /unknown member/],
  [[GITHUB, GITHUB], /listed twice/],
  [[PEOPLE, { ...PEOPLE, issuer: "https://id.example.org" }], /only one issuer can have a clientId/],
  [[{ ...PEOPLE, projects: undefined }], /with a clientId needs projects/],
  [[{ ...PEOPLE, jwks: { keys: [] } }], /with a clientId can't have jwks/],
];

it.each(WRONG)("%j is told what is wrong, and then no issuer counts", (setting, sentence) => {
  const issuers = parsed(setting);
  expect(issuers).toMatchObject({ ok: false, error: expect.stringMatching(/^OIDC_ISSUERS is not valid: /) });
  expect(issuers).toMatchObject({ error: expect.stringMatching(sentence) });
  const env = { OIDC_ISSUERS: typeof setting === "string" ? setting : JSON.stringify(setting) };
  expect(signInIssuer(env)).toBeNull();
});

it("the readiness check says so, and repeats nothing of the setting", async () => {
  const OIDC_ISSUERS = JSON.stringify([{ ...GITHUB, kind: "hush-hush" }]);
  const { status, body } = await askWith<unknown>(envWith({ OIDC_ISSUERS }), "GET", "/readyz", { token: null });
  expect(status).toBe(503);
  expect(JSON.stringify(body)).toMatch(/OIDC_ISSUERS is not valid: entry 1: kind must be/);
  expect(JSON.stringify(body)).not.toContain("hush-hush");
});

it.each([
  ["http://runs.example", 503],
  ["https://runs.example", 200],
])("the readiness check says of people who sign in at %s whether they can", async (PUBLIC_URL, expected) => {
  const env = envWith({ OIDC_ISSUERS: JSON.stringify([PEOPLE]), PUBLIC_URL });
  const { status, body } = await askWith<unknown>(env, "GET", "/readyz", { token: null });
  expect(status).toBe(expected);
  expect(JSON.stringify(body).includes("nobody can sign in with the issuer of OIDC_ISSUERS")).toBe(expected === 503);
});

describe("a project may trust an issuer", () => {
  it.each([
    [undefined, "acme/shop", true],
    ["acme/*", "acme/shop", true],
    ["acme/*", "acme-2/shop", false],
    ["acme/shop", "acme/shop", true],
    ["acme/shop", "acme/shop-2", false],
    [["beta/x", "acme/shop"], "acme/shop", true],
    [["beta/x", "acme/*"], "beta/y", false],
  ])("%j of %s: %s", (projects, project, expected) => {
    const issuers = parsed([{ ...GITHUB, projects }]);
    expect(issuers.ok && issuers.value.map((one) => mayTrust(one, project))).toEqual([expected]);
  });
});

it("an issuer is found by its exact name", () => {
  const env = { OIDC_ISSUERS: JSON.stringify([GITHUB, PEOPLE]) };
  const issuers = issuersOf(env);
  if (!issuers.ok) throw new Error(issuers.error);
  expect(issuerNamed(issuers.value, GITHUB.issuer)?.kind).toBe("github");
  expect(issuerNamed(issuers.value, `${GITHUB.issuer}/`)).toBeNull();
  expect(signInIssuer(env)?.issuer).toBe(PEOPLE.issuer);
});
