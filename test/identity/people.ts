/**
 * People who sign in, in the runtime: an issuer that only `fetch` reaches, a browser that keeps cookies, and what a
 * person does with both. test/server/identity/ has a real issuer and a real browser.
 */

import { env } from "cloudflare:workers";
import { decodeJwt, type JWTPayload } from "jose";
import { vi } from "vitest";
import { type Answer, type Ask, ask, type Schemas } from "../support/requests.ts";
import { OWN_PAGE, type SessionOnWire, sessionOf, type TestSession } from "../support/sessions.ts";
import { changed } from "../support/settings.ts";
import { grantToken, newAddress, type Refusal, type TokenOnWire, type Wanted } from "../support/tokens.ts";
import { newIssuer, type SigningIssuer } from "./issuer.ts";

export const ORIGIN = "https://runs.example";
export const CLIENT_ID = "action-runs";
export const CLIENT_SECRET = "a client secret: of 40 characters & more";

/** What the issuer says of somebody. */
export interface Person {
  readonly idToken: JWTPayload;
  /** Null: UserInfo answers with an error. */
  readonly userInfo: JWTPayload | null;
}

/** A person whose address and groups are in UserInfo only. */
export function person(name: string, groups: readonly string[] = ["deployers"]): Person {
  const sub = `sub-of-${name}`;
  return { idToken: { sub }, userInfo: { sub, email: `${name}@Example.com`, email_verified: true, groups } };
}

interface Granted {
  readonly person: Person;
  readonly nonce: string;
  readonly challenge: string;
  readonly redirectUri: string;
}

export interface PeopleIssuer {
  readonly url: string;
  readonly signing: SigningIssuer;
  /** The paths that were asked for, in order. */
  readonly requests: string[];
  /** The authorization requests of the browsers. */
  readonly asked: URLSearchParams[];
  /** What the issuer answers instead, by path. */
  readonly instead: Record<string, () => Response | Promise<Response>>;
  /** What another document of discovery has. */
  readonly document: Record<string, unknown>;
  /** Where it takes the client's secret: as the client is registered.*/
  secretIn: "header" | "body";
  /** Changes the ID token before it is sent. */
  forge: ((idToken: string) => string | Promise<string>) | null;
  /** What the person's browser does at the issuer: the address of the callback. */
  authorize(location: string, person: Person): URL;
}

let issuers = 0;

/** An issuer that the setting names, until the test ends. `entry`: other members of the setting. */
export async function usePeople(entry: object = {}): Promise<PeopleIssuer> {
  const url = `https://id-${++issuers}-${crypto.randomUUID().slice(0, 8)}.example`;
  const signing = await newIssuer(url, "people-1");
  const codes = new Map<string, Granted>();
  const infos = new Map<string, Person>();
  const document = {
    issuer: url,
    jwks_uri: `${url}/keys`,
    authorization_endpoint: `${url}/auth`,
    token_endpoint: `${url}/token`,
    userinfo_endpoint: `${url}/me`,
    id_token_signing_alg_values_supported: ["RS256"],
    authorization_response_iss_parameter_supported: true,
  };
  const people: PeopleIssuer = {
    url,
    signing,
    requests: [],
    asked: [],
    instead: {},
    document,
    secretIn: "header",
    forge: null,
    authorize(location, who) {
      const { searchParams: asked } = new URL(location);
      people.asked.push(asked);
      const code = crypto.randomUUID();
      const redirectUri = asked.get("redirect_uri") ?? "";
      codes.set(code, {
        person: who,
        nonce: asked.get("nonce") ?? "",
        challenge: asked.get("code_challenge") ?? "",
        redirectUri,
      });
      return new URL(`${redirectUri}?${new URLSearchParams({ code, state: asked.get("state") ?? "", iss: url })}`);
    },
  };
  const token = async (body: URLSearchParams, authorization: string | null) => {
    const refuse = (error: string) => Response.json({ error }, { status: 400 });
    const header = atob((authorization ?? "").slice("Basic ".length)).split(":");
    // RFC 6749, section 2.3.1: both parts are encoded as in a form.
    const decoded = header.map((part) => new URLSearchParams(`x=${part}`).get("x"));
    const sent = { header: decoded, body: [body.get("client_id"), body.get("client_secret")] };
    const [id, secret] = sent[people.secretIn];
    if (id !== CLIENT_ID || secret !== CLIENT_SECRET) return refuse("invalid_client");
    const granted = codes.get(body.get("code") ?? "");
    codes.delete(body.get("code") ?? "");
    const verifier = new TextEncoder().encode(body.get("code_verifier") ?? "");
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", verifier));
    const challenge = digest.toBase64({ alphabet: "base64url", omitPadding: true });
    const isRight = granted?.challenge === challenge && granted.redirectUri === body.get("redirect_uri");
    if (granted === undefined || !isRight) return refuse("invalid_grant");
    const access = crypto.randomUUID();
    infos.set(access, granted.person);
    const idToken = await signing.sign({ aud: CLIENT_ID, nonce: granted.nonce, ...granted.person.idToken });
    const id_token = people.forge === null ? idToken : await people.forge(idToken);
    return Response.json({ access_token: access, token_type: "Bearer", id_token });
  };
  const network = globalThis.fetch;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input as string | URL | Request, init as RequestInit);
    if (!request.url.startsWith(`${url}/`)) return network(input, init);
    const { pathname } = new URL(request.url);
    people.requests.push(pathname);
    const instead = people.instead[pathname];
    if (instead !== undefined) return instead();
    if (pathname === "/.well-known/openid-configuration") return Response.json(document);
    if (pathname === "/keys") return Response.json(signing.jwks);
    if (pathname === "/token") {
      const body = new URLSearchParams([...(await request.formData())].map(([name, value]) => [name, String(value)]));
      return token(body, request.headers.get("Authorization"));
    }
    const { userInfo = null } = infos.get((request.headers.get("Authorization") ?? "").slice("Bearer ".length)) ?? {};
    return userInfo === null ? new Response(null, { status: 500 }) : Response.json(userInfo);
  });
  useIssuers([{ issuer: url, kind: "people", projects: "acme/*", clientId: CLIENT_ID, name: "Example ID", ...entry }]);
  changed.OIDC_CLIENT_SECRET = CLIENT_SECRET;
  return people;
}

/** The setting, until the test ends. */
export function useIssuers(entries: readonly object[]): void {
  changed.OIDC_ISSUERS = JSON.stringify(entries);
}

/** A claim of a compact JWT with another value, and the old signature. */
export function withClaim(jwt: string, name: string, value: unknown): string {
  const [header, , signature] = jwt.split(".");
  const bytes = new TextEncoder().encode(JSON.stringify({ ...decodeJwt(jwt), [name]: value }));
  return [header, bytes.toBase64({ alphabet: "base64url", omitPadding: true }), signature].join(".");
}

/** A token that people open who are in the group, or meet other claims. */
export async function peopleToken(
  project: string,
  { url }: Pick<PeopleIssuer, "url">,
  wanted: Partial<Wanted> = {},
  claims: object = { groups: "deployers" },
  asker?: string,
): Promise<TokenOnWire> {
  const trust = { for: "people", issuer: url, claims };
  return grantToken(project, { role: "admin", name: "platform", ...wanted, trust } as Wanted, asker);
}

const NAVIGATION = { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" } as const;
export const FROM_OWN_PAGE = { ...NAVIGATION, "Sec-Fetch-Site": "same-origin" } as const;
export const FROM_ISSUER = { ...NAVIGATION, "Sec-Fetch-Site": "cross-site" } as const;

export type Choices = Schemas["SignInChoices"];
export type SessionAnswer = SessionOnWire & Refusal;

/** What a page of the service can send, and what the browser adds. */
export class Browser {
  readonly cookies = new Map<string, string>();
  readonly address = newAddress();

  /** A navigation. It follows no redirect. */
  async open(path: string, headers: Readonly<Record<string, string>> = FROM_OWN_PAGE): Promise<Answer<Refusal | null>> {
    return this.#send<Refusal | null>("GET", path, { headers });
  }

  /** A request of the service's own page. */
  async post<T>(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer<T>> {
    return this.#send<T>("POST", path, { body, headers: { ...OWN_PAGE, ...headers } });
  }

  /** From the button to the address to which the callback leads. */
  async signIn(people: PeopleIssuer, who: Person, to?: string): Promise<URL> {
    const callback = await this.comeBack(people, who, to);
    return locationOf(await this.open(callback.href, FROM_ISSUER));
  }

  /** From the button to the address to which the issuer leads. */
  async comeBack(people: PeopleIssuer, who: Person, to?: string): Promise<URL> {
    const query = to === undefined ? "" : `?${new URLSearchParams({ to })}`;
    return people.authorize(locationOf(await this.open(`/session/sign-in${query}`)).href, who);
  }

  choices<T = Choices & Refusal>(code: string): Promise<Answer<T>> {
    return this.post<T>("/session/sign-in", { code });
  }

  choose(code: string, { project, id }: { project: string; id: string }): Promise<Answer<SessionAnswer>> {
    return this.post<SessionAnswer>("/session", { code, project: project.replace(/^\//, ""), tokenId: id });
  }

  /** All of a sign-in. */
  async sessionOf(people: PeopleIssuer, who: Person, project: string, { id }: { id: string }): Promise<TestSession> {
    const { status, headers, body } = await this.choose(codeOf(await this.signIn(people, who)), { project, id });
    if (status !== 201) throw new Error(`the choice answered ${status}: ${JSON.stringify(body)}`);
    return sessionOf(headers, body);
  }

  async #send<T>(method: string, path: string, { body, headers }: Ask): Promise<Answer<T>> {
    const cookie = [...this.cookies].map((pair) => pair.join("=")).join("; ");
    const sent = { "CF-Connecting-IP": this.address, ...(cookie && { Cookie: cookie }), ...headers };
    const answer = await ask<T>(method, path, { token: null, body, headers: sent });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = "", rest = ""] = /^([^=]+)=([^;]*)(.*)$/.exec(line) ?? [];
      this.cookies.delete(name);
      if (!/Max-Age=0/.test(rest)) this.cookies.set(name, value);
    }
    return answer;
  }
}

export function locationOf({ status, headers }: Answer<unknown>): URL {
  if (status !== 303) throw new Error(`no redirect but ${status}`);
  return new URL(headers.get("Location") ?? "", ORIGIN);
}

/** The code that an address hands to the page. */
export function codeOf({ href }: URL): string {
  const [, code] = /^https:\/\/runs\.example\/console\/sign-in#code=([\w-]{43})$/.exec(href) ?? [];
  if (code === undefined) throw new Error(`no code in ${href}`);
  return code;
}

/** Everything that the service knows of sign-ins. */
export async function rowsOfSignIns(): Promise<string> {
  const results = await env.DB.batch(
    ["sign_in_codes", "sessions"].map((table) => env.DB.prepare(`SELECT * FROM ${table}`)),
  );
  return JSON.stringify(results.map((one) => one.results));
}
