/**
 * Verifies a proof: a JSON Web Token that an issuer signed for this service (OpenID Connect Core, section 3.1.3.7). jose
 * verifies signature and claims. Nothing here reads D1.
 */
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, type JSONWebKeySet, jwtVerify } from "jose";
import { ApiError } from "../../http/errors.ts";
import type { Issuer } from "../../settings/issuers.ts";
import { type IssuerKeys, issuerKeys, unavailable } from "./issuer-keys.ts";
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

/** The claims of a proof, of which `sub` is a text. Throws `proof_invalid` and `issuer_unavailable`. */
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
