/**
 * Verifies a proof: a JSON Web Token that an issuer signed for this service (OpenID Connect Core, section 3.1.3.7). jose
 * verifies signature and claims. Nothing here reads D1.
 *
 * The documents and keys of issuers (OpenID Connect Discovery 1.0) are fetched from the URLs of the operator's setting,
 * and from nowhere that a caller says. So the hosts and ports of webhooks don't bind them.
 */
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, type JSONWebKeySet, jwtVerify } from "jose";
import { MINUTE_MS, msSinceOrLongAgo, within } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import type { Issuer, KeySet } from "../../settings/issuers.ts";
import { isLoopback } from "../../settings/url-guard.ts";
import type { Claims } from "./trust.ts";

/** No HMAC: its key would be one that everybody knows. */
const ALGORITHMS: readonly string[] = ["RS256", "PS256", "ES256", "EdDSA"];
const LEEWAY_S = 30;
const AGE_MAX_S = 24 * 3600;
/** Of a subject (OpenID Connect Core, section 2). GitHub's are longer. */
const SUBJECT = /^[\x20-\x7e]{1,500}$/;

const FAULTS = {
  form: "it is not a JSON Web Token. Send the proof unchanged.",
  issuer: "this project can't trust its issuer. Ask the operator to add the issuer to OIDC_ISSUERS.",
  signature: "its signature is not one of the issuer's. Get a new proof from the issuer.",
  audience: "its audience is not the expected one. Request a proof with exactly this audience: ",
  time: "it has expired, is not valid yet, or is older than a day. Get a new proof, and check the clock.",
  subject: "it has no subject that can be shown. Ask the operator of the issuer.",
} as const;

/** `audience`: the expected one, for the fault `audience`. */
export function proofInvalid(fault: keyof typeof FAULTS, audience = ""): ApiError {
  return new ApiError("proof_invalid", `The proof does not count: ${FAULTS[fault]}${audience}${audience && "."}`);
}

/** The issuer that a proof names, before anything is verified. Throws `proof_invalid` if the text is no proof. */
export function issuerOfProof(proof: string): string {
  try {
    decodeProtectedHeader(proof);
    const { iss } = decodeJwt(proof) as { readonly iss?: unknown };
    // A list of one is not that one.
    return typeof iss === "string" ? iss : "";
  } catch {
    throw proofInvalid("form");
  }
}

interface Expected {
  readonly issuer: Issuer;
  readonly audience: string;
  /** In ms. */
  readonly now: number;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/** Throws `proof_invalid` and `issuer_unavailable`. */
export async function verifyProof(proof: string, expected: Expected): Promise<Claims & { readonly sub: string }> {
  const { issuer, waitUntil } = expected;
  const keys = await issuerKeys(issuer, waitUntil);
  try {
    return await verifyWith(keys, proof, expected);
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
  }
  const newer = await issuerKeys(issuer, waitUntil, true);
  // The key may be new. If there are no newer ones, it is made up.
  if (newer === keys) throw proofInvalid("signature");
  return verifyWith(newer, proof, expected).catch((error: unknown) => {
    throw error instanceof errors.JWKSNoMatchingKey ? proofInvalid("signature") : error;
  });
}

async function verifyWith({ jwks, document }: IssuerKeys, proof: string, { issuer, audience, now }: Expected) {
  const offered = document?.id_token_signing_alg_values_supported ?? ALGORITHMS;
  const options = {
    algorithms: ALGORITHMS.filter((algorithm) => offered.includes(algorithm)),
    issuer: issuer.issuer,
    audience,
    requiredClaims: ["exp", "sub"],
    clockTolerance: LEEWAY_S,
    maxTokenAge: AGE_MAX_S,
    currentDate: new Date(now),
  };
  const verify = async () => jwtVerify(proof, createLocalJWKSet(jwks as unknown as JSONWebKeySet), options);
  const { payload } = await verify().catch((error: unknown) => {
    throw faultOf(error, audience, issuer);
  });
  // jose also takes one of several audiences. Another service that has the proof could then use it here.
  if ([payload.aud].flat().length !== 1) throw proofInvalid("audience", audience);
  // jose's leeway also counts for the end.
  if ((payload.exp ?? 0) * 1000 <= now) throw proofInvalid("time");
  const { sub } = payload;
  if (typeof sub !== "string" || !SUBJECT.test(sub)) throw proofInvalid("subject");
  return { ...payload, sub };
}

/** What went wrong. The signature is verified first, so nobody learns of a claim without it. */
function faultOf(error: unknown, audience: string, issuer: Issuer): unknown {
  if (error instanceof errors.JWKSNoMatchingKey) return error;
  if (error instanceof errors.JWTExpired) return proofInvalid("time");
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "aud") return proofInvalid("audience", audience);
    return proofInvalid(error.claim === "iss" ? "issuer" : error.claim === "sub" ? "subject" : "time");
  }
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) return proofInvalid("form");
  // A key that nobody can use is a fault of the issuer or of the setting.
  if (error instanceof errors.JWKSInvalid || !(error instanceof errors.JOSEError)) return unavailable(issuer, error);
  return proofInvalid("signature");
}

/** What a discovery document says, as far as the service uses it. */
interface IssuerDocument {
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly id_token_signing_alg_values_supported?: readonly string[];
  readonly [member: string]: unknown;
}

interface IssuerKeys {
  readonly jwks: KeySet;
  /** Null: the keys are in the setting. */
  readonly document: IssuerDocument | null;
}

const REMEMBERED_MS = 10 * MINUTE_MS;
/** Without this, each proof with a made-up key id would cause a request. */
const AGAIN_AFTER_MS = 30_000;
const FAILED_FOR_MS = 5000;
const FETCH_MAX_MS = 5000;
const BYTES_MAX = 65_536;

interface Remembered {
  keys: IssuerKeys | null;
  keysAt: number;
  /** When the last fetch began, and whether it failed. */
  askedAt: number;
  hasFailed: boolean;
  pending: Promise<IssuerKeys> | null;
}

/** Per isolate, by issuer: as many as the setting has. */
const remembered = new Map<string, Remembered>();

/**
 * The keys of the issuer. `isUnknown`: those that are remembered lack the key of a proof, so they are fetched again, at
 * most each 30 s. What is remembered still counts for others, also if that fetch fails. Throws `issuer_unavailable`.
 */
export async function issuerKeys(
  issuer: Issuer,
  waitUntil: Expected["waitUntil"],
  isUnknown = false,
): Promise<IssuerKeys> {
  if (issuer.jwks !== null) return { jwks: issuer.jwks, document: null };
  const now = Date.now();
  const known = remembered.get(issuer.issuer) ?? NOTHING();
  remembered.set(issuer.issuer, known);
  const { keys, pending } = known;
  const askedMs = msSinceOrLongAgo(known.askedAt, now);
  if (keys !== null && msSinceOrLongAgo(known.keysAt, now) < (isUnknown ? AGAIN_AFTER_MS : REMEMBERED_MS)) return keys;
  // A request of which the client hung up never ends, and neither does what waits for it.
  if (pending === null || askedMs >= FETCH_MAX_MS) {
    if (known.hasFailed && askedMs < (isUnknown && keys !== null ? AGAIN_AFTER_MS : FAILED_FOR_MS)) {
      // That request's failure is in the log.
      throw unavailable(issuer);
    }
    const fetching = fetchInto(known, issuer, now);
    Object.assign(known, { askedAt: now, hasFailed: false, pending: fetching });
    const end = () => {
      if (known.pending === fetching) known.pending = null;
    };
    // It goes on if the client of this request hangs up, because others may wait for it.
    waitUntil(fetching.then(end, end));
  }
  try {
    return await within(FETCH_MAX_MS, known.pending as Promise<IssuerKeys>);
  } catch (error) {
    throw unavailable(issuer, error);
  }
}

const NOTHING = (): Remembered => ({ keys: null, keysAt: 0, askedAt: 0, hasFailed: false, pending: null });

async function fetchInto(known: Remembered, issuer: Issuer, now: number): Promise<IssuerKeys> {
  try {
    const keys = await fetchKeys(issuer);
    Object.assign(known, { keys, keysAt: now });
    return keys;
  } catch (error) {
    known.hasFailed = true;
    throw error;
  }
}

async function fetchKeys(issuer: Issuer): Promise<IssuerKeys> {
  const address = `${issuer.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const document = (await fetchJson(address)) as IssuerDocument;
  // Discovery 1.0, section 4.3. Otherwise one issuer of a provider could speak for another.
  if (document.issuer !== issuer.issuer) throw new Error(`its document names the issuer ${String(document.issuer)}`);
  const { jwks_uri: keysUrl, id_token_signing_alg_values_supported: algorithms = [] } = document;
  const { authorization_endpoint, token_endpoint, userinfo_endpoint } = document;
  for (const url of [keysUrl, authorization_endpoint, token_endpoint, userinfo_endpoint]) {
    // An issuer elsewhere has nothing on this machine. Otherwise it could make the service ask there.
    const isElsewhere = issuer.issuer.startsWith("https:") && url !== undefined;
    if (isElsewhere && !/^https:/i.test(String(url))) throw new Error(`not https: ${String(url)}`);
  }
  const jwks = (await fetchJson(keysUrl)) as unknown as KeySet;
  if (!Array.isArray(jwks.keys) || !Array.isArray(algorithms)) throw new Error("its documents are not as specified");
  return { document, jwks };
}

async function fetchJson(address: string): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetchIssuer(address);
  if (response.status !== 200) throw new Error(`${address}: status ${response.status}`);
  const value: unknown = await response.json();
  if (typeof value !== "object" || value === null) throw new Error(`${address}: no JSON object`);
  return value as Readonly<Record<string, unknown>>;
}

/** A request to an issuer: by https, at most 5 s and 64 KiB, and no redirect is followed. */
export async function fetchIssuer(address: string, init: RequestInit = {}): Promise<Response> {
  const url = URL.parse(address);
  const isAllowed = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  if (url === null || !isAllowed) throw new Error(`not https: ${address}`);
  const signal = AbortSignal.timeout(FETCH_MAX_MS);
  const response = await fetch(url, { ...init, redirect: "manual", signal });
  const body = await readBounded(response);
  return new Response(body, { status: response.status, headers: response.headers });
}

async function readBounded({ body }: Response): Promise<Blob | null> {
  if (body === null) return null;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const chunk of body as ReadableStream<Uint8Array<ArrayBuffer>>) {
    bytes += chunk.byteLength;
    if (bytes > BYTES_MAX) throw new Error(`more than ${BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return new Blob(chunks);
}

export function unavailable({ name }: Issuer, cause?: unknown): ApiError {
  return new ApiError(
    "issuer_unavailable",
    `${name} gives no usable answer, so nothing can be proved. Try again in a few seconds. If it lasts, the operator finds the cause in the log.`,
    { cause },
  );
}
