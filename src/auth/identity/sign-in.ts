/**
 * How a person proves with the issuer who they are: the authorization code flow with PKCE, state and nonce (OpenID
 * Connect Core, section 3.1; RFC 7636; RFC 9207; RFC 9700), by oauth4webapi. Nothing here reads D1.
 */
import * as oauth from "oauth4webapi";
import { sha256Hex } from "../../base/json.ts";
import { ApiError } from "../../http/errors.ts";
import type { Issuer } from "../../settings/issuers.ts";
import { isLoopback } from "../../settings/url-guard.ts";
import { asPerson } from "../principal.ts";
import { fetchIssuer, issuerKeys, proofInvalid, unavailable, verifyProof } from "./proof.ts";
import { type Claims, mergedClaims } from "./trust.ts";

/** What the browser that began the sign-in must bring back. */
export type Flow = Readonly<ReturnType<typeof newFlow>>;

export function newFlow() {
  return {
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    verifier: oauth.generateRandomCodeVerifier(),
  };
}

/** Where the service meets the issuer. */
export interface Meeting {
  readonly issuer: Issuer;
  readonly redirectUri: string;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

export async function authorizationUrl(meeting: Meeting, { state, nonce, verifier }: Flow): Promise<string> {
  const { issuer, redirectUri } = meeting;
  const { authorization_endpoint } = await serverOf(meeting);
  const url = URL.parse(authorization_endpoint ?? "");
  if (url === null || (url.protocol !== "https:" && !isLoopback(url.hostname))) {
    throw unavailable(issuer, "its authorization endpoint is not an https URL");
  }
  const scopes = new Set(["openid", "email", "profile", ...(issuer.scope ?? "").split(" ").filter(Boolean)]);
  const parameters = {
    client_id: issuer.clientId ?? "",
    response_type: "code",
    redirect_uri: redirectUri,
    scope: [...scopes].join(" "),
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

export interface SignedIn {
  readonly issuer: string;
  readonly subject: string;
  /** See `Proven`. */
  readonly identity: string;
  readonly person: string;
  /** Of the ID token and of UserInfo. */
  readonly claims: Claims;
}

/**
 * Who came back from the issuer. `answer`: the parameters of the callback. `secret`: of the client; undefined for a public
 * one. Throws `sign_in_code_invalid`, `sign_in_refused`, `proof_invalid`, `person_unknown` and `issuer_unavailable`.
 */
export async function signedIn(
  meeting: Meeting,
  flow: Flow,
  answer: URLSearchParams,
  secret: string | undefined,
): Promise<SignedIn> {
  const { issuer } = meeting;
  const server = await serverOf(meeting);
  const client: oauth.Client = { client_id: issuer.clientId ?? "" };
  let code: URLSearchParams;
  try {
    code = oauth.validateAuthResponse(server, client, answer, flow.state);
  } catch (cause) {
    // An error that the issuer says is believed only if state and `iss` are right.
    throw new ApiError(cause instanceof oauth.OperationProcessingError ? "sign_in_code_invalid" : "sign_in_refused");
  }
  if (code.getAll("code").length !== 1) throw new ApiError("sign_in_code_invalid");
  const auths = authsOf(server, secret);
  const claims = await claimsOf(meeting, flow, { server, client, code, auths }).catch((error) => {
    throw faultOf(issuer, error);
  });
  const subject = claims.sub;
  const person = personOf(issuer, claims);
  if (person === null) throw new ApiError("person_unknown");
  // Not made with the key ring, because runs wait longer than keys last. An issuer contains no line break.
  const identity = await sha256Hex(`action-runs identity v1\n${issuer.issuer}\n${subject}`);
  return { issuer: issuer.issuer, subject, identity, person, claims };
}

interface Grant {
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
  readonly auths: readonly oauth.ClientAuth[];
  readonly code: URLSearchParams;
}

async function claimsOf(meeting: Meeting, flow: Flow, grant: Grant): Promise<Claims & { readonly sub: string }> {
  const { issuer, waitUntil } = meeting;
  const { server, client } = grant;
  const tokens = await tokensOf(meeting, flow, grant);
  // The library has compared the claims. It leaves the signature out, because the response came by TLS.
  const audience = client.client_id;
  const said = await verifyProof(tokens.id_token ?? "", { issuer, audience, now: Date.now(), waitUntil });
  if (server.userinfo_endpoint === undefined) return { ...mergedClaims(said), sub: said.sub };
  const response = await oauth.userInfoRequest(server, client, tokens.access_token, OPTIONS);
  // Section 5.3.2: another subject is another person.
  const info = await oauth.processUserInfoResponse(server, client, said.sub, response);
  return { ...mergedClaims(said, info), sub: said.sub };
}

/** The issuer's response to the code. If it does not know the client in one way, the code is still good for the next. */
async function tokensOf(meeting: Meeting, flow: Flow, grant: Grant): Promise<oauth.TokenEndpointResponse> {
  const { server, client, code } = grant;
  const [auth = oauth.None(), ...auths] = grant.auths;
  const { redirectUri } = meeting;
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    auth,
    code,
    redirectUri,
    flow.verifier,
    OPTIONS,
  );
  const expected = { expectedNonce: flow.nonce, requireIdToken: true };
  return oauth.processAuthorizationCodeResponse(server, client, response, expected).catch((error: unknown) => {
    const isUnknown =
      error instanceof oauth.WWWAuthenticateChallengeError ||
      (error instanceof oauth.ResponseBodyError && error.error === "invalid_client");
    if (isUnknown && auths.length > 0) return tokensOf(meeting, flow, { ...grant, auths });
    throw error;
  });
}

/** `fetchIssuer` allows http on loopback only. */
const OPTIONS = {
  [oauth.customFetch]: (url: string, init: object) => fetchIssuer(url, init as RequestInit),
  [oauth.allowInsecureRequests]: true,
};

async function serverOf({ issuer, waitUntil }: Meeting): Promise<oauth.AuthorizationServer> {
  const { document } = await issuerKeys(issuer, waitUntil);
  if (document === null) throw unavailable(issuer, "it has inline keys, so its endpoints are not known");
  return document as oauth.AuthorizationServer;
}

/**
 * The ways to show the secret, the likeliest first. In a header, it is encoded (RFC 6749, section 2.3.1), and Google and
 * GitLab don't decode it. Other issuers list the body, but take a client's secret only in a header.
 */
function authsOf(server: oauth.AuthorizationServer, secret: string | undefined): readonly oauth.ClientAuth[] {
  if (!secret) return [];
  // Without the list, it is a header (Discovery 1.0, section 3).
  const methods = server.token_endpoint_auth_methods_supported ?? [];
  const body = methods.includes("client_secret_post") ? [oauth.ClientSecretPost(secret)] : [];
  const isInHeader = body.length === 0 || methods.includes("client_secret_basic");
  return isInHeader ? [...body, oauth.ClientSecretBasic(secret)] : body;
}

/** An issuer that does not answer is not the person's fault. A used or stolen code is `sign_in_code_invalid`. */
function faultOf(issuer: Issuer, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof oauth.ResponseBodyError && error.error === "invalid_grant")
    return new ApiError("sign_in_code_invalid");
  if (error instanceof oauth.ResponseBodyError || error instanceof oauth.WWWAuthenticateChallengeError) {
    // For the log: `invalid_client` is the operator's to correct.
    const cause = error instanceof oauth.ResponseBodyError ? error.error.slice(0, 100) : error.message;
    return new ApiError("sign_in_refused", undefined, { cause });
  }
  const isAnswer = error instanceof oauth.OperationProcessingError && !NO_ANSWER.has(error.code ?? "");
  return isAnswer ? proofInvalid("form") : unavailable(issuer, error);
}

const NO_ANSWER: ReadonlySet<string> = new Set([oauth.RESPONSE_IS_NOT_CONFORM, oauth.RESPONSE_IS_NOT_JSON]);

/** The name of the person, which portals send in `On-Behalf-Of`. `mergedClaims` has an e-mail address only if verified. */
function personOf({ personClaim }: Issuer, claims: Claims): string | null {
  const name = personClaim ?? "email";
  const value = Object.hasOwn(claims, name) ? claims[name] : null;
  return typeof value === "string" ? asPerson(value) : null;
}
