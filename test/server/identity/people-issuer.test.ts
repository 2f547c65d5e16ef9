/** The issuers of the other tests in this folder do what those tests rely on. */

import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { calculatePKCECodeChallenge, generateRandomCodeVerifier } from "oauth4webapi";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newIssuer } from "../../identity/issuer.ts";
import { answerOfIssuer, CLIENT_ID, CLIENT_SECRET, type PeopleIssuer, startPeopleIssuer } from "./people-issuer.ts";
import { serveIssuer } from "./served-issuer.ts";

const REDIRECT = "http://localhost:9/session/callback";

let issuer: PeopleIssuer;
beforeAll(async () => {
  issuer = await startPeopleIssuer([REDIRECT]);
});
afterAll(() => issuer?.close());

async function authorize(more: Record<string, string>, name: string | null): Promise<Record<string, string>> {
  const query = new URLSearchParams({
    client_id: CLIENT_ID,
    response_type: "code",
    redirect_uri: REDIRECT,
    scope: "openid email profile groups",
    state: "the-state",
    nonce: "the-nonce",
    ...more,
  });
  const answer = await answerOfIssuer(`${issuer.url}/auth?${query}`, name);
  expect(answer.href.startsWith(REDIRECT)).toBe(true);
  return Object.fromEntries(answer.searchParams);
}

async function challenge(): Promise<{ readonly verifier: string; readonly of: Record<string, string> }> {
  const verifier = generateRandomCodeVerifier();
  const code_challenge = await calculatePKCECodeChallenge(verifier);
  return { verifier, of: { code_challenge, code_challenge_method: "S256" } };
}

it("the issuer of people refuses a request without PKCE, and says when somebody cancels", async () => {
  expect(await authorize({}, "ada")).toMatchObject({ error: "invalid_request", state: "the-state" });
  expect(await authorize((await challenge()).of, null)).toMatchObject({ error: "access_denied", iss: issuer.url });
});

it.each([
  ["ada", { email: "ada@example.com", email_verified: true, groups: ["deployers", "approvers"] }],
  ["eve", { email: "ada@example.com", email_verified: false }],
  ["cy", { email: "cy@example.com", groups: [] }],
])("the issuer of people has the e-mail and the groups of %s in UserInfo, not in the ID token", async (name, said) => {
  const { verifier, of } = await challenge();
  const { code = "" } = await authorize(of, name);
  const response = await fetch(`${issuer.url}/token`, {
    method: "POST",
    headers: { Authorization: `Basic ${btoa(`${CLIENT_ID}:${encodeURIComponent(CLIENT_SECRET)}`)}` },
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code,
      redirect_uri: REDIRECT,
      code_verifier: verifier,
    }),
  });
  const tokens = (await response.json()) as { readonly id_token: string; readonly access_token: string };
  const claims = decodeJwt(tokens.id_token);
  expect(claims).toMatchObject({ iss: issuer.url, aud: CLIENT_ID, nonce: "the-nonce" });
  expect(Object.keys(claims)).not.toEqual(expect.arrayContaining(["email"]));
  expect(Object.keys(claims)).not.toEqual(expect.arrayContaining(["groups"]));
  const headers = { Authorization: `Bearer ${tokens.access_token}` };
  const info = await (await fetch(`${issuer.url}/me`, { headers })).json();
  expect(info).toMatchObject({ sub: claims.sub, ...said });
});

it("an issuer of programs signs what the keys at its address verify, and counts who asks", async () => {
  const served = await serveIssuer((url) => newIssuer(url));
  const proof = await served.sign({ aud: "https://runs.example/acme/shop", sub: "job" });
  const keys = createRemoteJWKSet(new URL(`${served.url}/keys`));
  const { payload } = await jwtVerify(proof, keys, { issuer: served.url });
  expect(payload).toMatchObject({ iss: served.url, sub: "job", exp: expect.any(Number) });
  expect(served.requests).toEqual(["/keys"]);
  expect(await (await fetch(`${served.url}/.well-known/openid-configuration`)).json()).toMatchObject({
    issuer: served.url,
    jwks_uri: `${served.url}/keys`,
  });
  await served.close();
});
