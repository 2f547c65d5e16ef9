/**
 * An OpenID Connect provider with a few people (the package `oidc-provider`), and a service that lets them sign in. Its
 * pages are forms that a browser fills. E-mail addresses and groups are in UserInfo only, as with Okta. PKCE is required.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { exportJWK, generateKeyPair } from "jose";
// @ts-expect-error The package has no types.
import { Provider as UntypedProvider } from "oidc-provider";
import type { Page } from "playwright-core";
import { listening, type NodeServer } from "../../support/node-server.ts";
import { type Installation, newInstallation } from "../installation.ts";

/** As much of the package as this file uses. */
interface Provider {
  proxy: boolean;
  callback(): (request: IncomingMessage, response: ServerResponse) => void;
  interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>;
  readonly Grant: new (of: object) => { addOIDCScope(scope: string): void; save(): Promise<string> };
}
type NewProvider = new (issuer: string, configuration: object) => Provider;

interface Person {
  /** What a person's tokens and claims call them. It never changes. */
  readonly sub: string;
  readonly email: string;
  readonly email_verified: boolean;
  readonly groups: readonly string[];
}

/** By the name that they type into the issuer's form. */
const PEOPLE = {
  ada: { sub: "00u1ada", email: "ada@example.com", email_verified: true, groups: ["deployers", "approvers"] },
  bob: { sub: "00u2bob", email: "bob@example.com", email_verified: true, groups: ["deployers", "approvers"] },
  // Nobody has verified the address. It is the one of another person.
  eve: { sub: "00u3eve", email: "ada@example.com", email_verified: false, groups: ["deployers", "approvers"] },
  // In no group.
  cy: { sub: "00u4cy", email: "cy@example.com", email_verified: true, groups: [] },
};

export const CLIENT_ID = "action-runs";
export const CLIENT_SECRET = "a-client-secret-for-tests-of-43-characters!";
const SCOPES = ["openid", "email", "profile", "groups"];
export const ISSUER_NAME = "Example ID";

export interface PeopleIssuer extends NodeServer {
  /** Can be changed: what the issuer says from the next sign-in on. */
  readonly people: Record<keyof typeof PEOPLE, Person>;
  /** `GET /authorize`, `POST /token`: each request to the issuer, in order. */
  readonly requests: string[];
}

/** A service whose people sign in at the issuer. */
export interface PeopleSite {
  readonly issuer: PeopleIssuer;
  readonly installation: Installation;
  /** The service's origin. It is another site than the issuer's. */
  readonly origin: string;
  close(): Promise<void>;
}

interface SiteSettings {
  /** Members of the entry of `OIDC_ISSUERS`, besides those that it needs. */
  readonly entry?: Readonly<Record<string, unknown>>;
  /** Further lines of `.dev.vars`. */
  readonly settings?: string;
}

/** Starts both. `projects` of the entry is `acme/*`. */
export async function newPeopleSite({ entry = {}, settings = "" }: SiteSettings = {}): Promise<PeopleSite> {
  const redirectUris: string[] = [];
  const issuer = await startPeopleIssuer(redirectUris);
  const installation = await newInstallation((origin) => {
    redirectUris.push(`${origin}/session/callback`);
    const ofPeople = { kind: "people", projects: "acme/*", clientId: CLIENT_ID, name: ISSUER_NAME, scope: "groups" };
    const issuers = [{ issuer: issuer.url, ...ofPeople, ...entry }];
    const lines = [
      `PUBLIC_URL=${origin}`,
      `OIDC_CLIENT_SECRET=${CLIENT_SECRET}`,
      // A name can have both quotes.
      `OIDC_ISSUERS=\`${JSON.stringify(issuers)}\``,
      "ALLOW_INSECURE_WEBHOOKS=true",
    ];
    return `${lines.join("\n")}\n${settings}`;
  });
  const { url: origin } = await installation.start();
  return {
    issuer,
    installation,
    origin,
    async close() {
      await installation.remove();
      await issuer.close();
    },
  };
}

/** `redirectUris`: of its client. It may be filled later, before somebody signs in. */
export async function startPeopleIssuer(redirectUris: readonly string[]): Promise<PeopleIssuer> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const key = { ...(await exportJWK(privateKey)), alg: "RS256", use: "sig", kid: "people-1" };
  const people = { ...PEOPLE };
  const requests: string[] = [];
  let provider: Provider | undefined;
  const server = await listening(
    createServer(async (request, response) => {
      const path = (request.url ?? "").split("?")[0] ?? "";
      requests.push(`${request.method} ${path}`);
      // Made when it is needed, because its client has an address that is only known then.
      provider ??= newProvider(server.url, key, redirectUris, people);
      if (path.startsWith("/interaction/")) await interact(provider, people, request, response);
      else provider.callback()(request, response);
    }),
  );
  return { ...server, people, requests };
}

function newProvider(
  issuer: string,
  key: object,
  redirectUris: readonly string[],
  people: Readonly<Record<string, Person>>,
): Provider {
  const provider = new (UntypedProvider as NewProvider)(issuer, {
    clients: [{ client_id: CLIENT_ID, client_secret: CLIENT_SECRET, redirect_uris: [...redirectUris] }],
    jwks: { keys: [key] },
    cookies: { keys: ["a-cookie-key-for-tests"] },
    scopes: SCOPES,
    // Claims of a scope are only in UserInfo.
    claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"], profile: ["name"] },
    pkce: { required: () => true },
    ttl: { Session: 3600, Interaction: 600, Grant: 3600, AccessToken: 600, IdToken: 600 },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context: unknown, { uid }: { readonly uid: string }) => `/interaction/${uid}` },
    findAccount: (_context: unknown, sub: string) => {
      const person = Object.values(people).find((one) => one.sub === sub);
      return person && { accountId: sub, claims: () => person };
    },
    // The operator of the issuer has agreed for everybody.
    loadExistingGrant: async ({ oidc }: { oidc: { client: { clientId: string }; session: { accountId: string } } }) => {
      const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope(SCOPES.join(" "));
      await grant.save();
      return grant;
    },
  });
  return provider;
}

const FORM = `<!doctype html><html lang="en"><head><title>Example ID</title><link rel="icon" href="data:,"></head>
<body><main><h1>Example ID</h1><form method="post">
<label>User name <input name="login" autocomplete="off"></label>
<button name="verb" value="continue">Continue</button> <button name="verb" value="cancel">Cancel</button>
</form></main></body></html>`;

/** The page of the issuer, and what its form does. */
async function interact(
  provider: Provider,
  people: Readonly<Record<string, Person>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const form = new URLSearchParams(request.method === "POST" ? await text(request) : "");
  const person = people[form.get("login") ?? ""];
  if (form.get("verb") === "cancel") {
    await provider.interactionFinished(request, response, { error: "access_denied", error_description: "cancelled" });
  } else if (person !== undefined) {
    await provider.interactionFinished(request, response, { login: { accountId: person.sub } });
  } else {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(FORM);
  }
}

/** On the issuer's page: signs in there. */
export async function signInAtIssuer(page: Page, name: string): Promise<void> {
  await page.getByLabel("User name").fill(name);
  await page.getByRole("button", { name: "Continue" }).click();
}

/**
 * Does what a browser does at the issuer: follows an authorization request, fills the form, and stops at the address
 * that leads away from the issuer. `name` null: cancels.
 */
export async function answerOfIssuer(authorizationUrl: string, name: string | null): Promise<URL> {
  const { origin } = new URL(authorizationUrl);
  const cookies = new Map<string, string>();
  const form = new URLSearchParams(name === null ? { verb: "cancel" } : { login: name, verb: "continue" });
  let url = new URL(authorizationUrl);
  let isForm = false;
  while (url.origin === origin) {
    const cookie = [...cookies].map((pair) => pair.join("=")).join("; ");
    const init = { redirect: "manual", headers: { cookie } } as const;
    const response = await fetch(url, isForm ? { ...init, method: "POST", body: form } : init);
    for (const line of response.headers.getSetCookie()) {
      const [, key = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(key, value);
    }
    const location = response.headers.get("Location");
    if (location === null && (isForm || response.status !== 200)) {
      throw new Error(`The issuer says ${response.status}: ${await response.text()}`);
    }
    isForm = location === null;
    if (location !== null) url = new URL(location, url);
  }
  return url;
}
