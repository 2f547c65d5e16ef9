/** Programs for the tests: issuers of their proofs, tokens that trust them, and what they exchange. */

import { beforeAll, beforeEach } from "vitest";
import type { IssuerKind } from "../../src/settings/issuers.ts";
import { type Answer, ask, ROOT, type Schemas } from "../support/requests.ts";
import { changed } from "../support/settings.ts";
import { newAddress, type Refusal } from "../support/tokens.ts";
import { newIssuer, type SigningIssuer } from "./issuer.ts";

export const GITHUB = "https://token.actions.githubusercontent.com";
/** A repository's claims, as far as the tests trust in them. */
export const CLAIMS = { repository_id: "74", environment: "production", sub: "repo:acme@65/shop@74" };

export interface Setting {
  readonly issuer: string;
  readonly kind: IssuerKind;
  readonly projects?: string | readonly string[];
  readonly clientId?: string;
  readonly jwks?: unknown;
}

/** Until the test ends. */
export function setIssuers(...settings: readonly Setting[]): void {
  changed.OIDC_ISSUERS = settings.length === 0 ? undefined : JSON.stringify(settings);
}

/** GitHub, whose keys the setting has, in each test of the file. */
export function useGithub(): () => SigningIssuer {
  let github: SigningIssuer;
  beforeAll(async () => {
    github = await newIssuer(GITHUB);
  });
  beforeEach(() => setIssuers({ issuer: GITHUB, kind: "github", jwks: github.jwks }));
  return () => github;
}

export type Trust = NonNullable<Schemas["NewApiToken"]["trust"]>;
export type Trusting = Schemas["CreatedApiToken"];

/** What a repository's token trusts in. */
export const TRUST: Trust = {
  for: "programs",
  issuer: GITHUB,
  claims: { repository_id: CLAIMS.repository_id, environment: CLAIMS.environment },
};

export function mint(project: string, more: Partial<Schemas["NewApiToken"]> = {}, token = ROOT) {
  const body = { name: "ci", role: "member", trust: TRUST, ...more };
  return ask<Trusting & Refusal>("POST", `${project}/tokens`, { token, body });
}

/** The id of a token that trusts in programs. */
export async function grantTrust(project: string, more?: Partial<Schemas["NewApiToken"]>, token?: string) {
  const { status, body } = await mint(project, more, token);
  if (status !== 201) throw new Error(`the create of a token answered ${status}: ${JSON.stringify(body)}`);
  return body.id;
}

export type Exchanged = Answer<Schemas["ExchangedToken"] & Refusal>;

export function exchange(project: string, tokenId: string, proof: unknown, address = newAddress()): Promise<Exchanged> {
  const headers = { "CF-Connecting-IP": address };
  return ask("POST", `${project}/tokens/${tokenId}/exchange`, { token: null, body: { proof }, headers });
}

/** The audience of proofs for the project. */
export function audienceOf(project: string): string {
  return `https://runs.example${project}`;
}

/** An access token of the project's token `tokenId`. */
export async function accessToken(issuer: SigningIssuer, project: string, tokenId: string, claims: object = {}) {
  const proof = await issuer.sign({ ...CLAIMS, aud: audienceOf(project), ...claims });
  const { status, body } = await exchange(project, tokenId, proof);
  if (status !== 200) throw new Error(`the exchange answered ${status}: ${JSON.stringify(body)}`);
  return body.accessToken;
}
