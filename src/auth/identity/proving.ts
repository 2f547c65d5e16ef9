/**
 * Requests that bring a proof instead of a token. Nobody is known before the proof is verified, so the order of the
 * checks is the protection: the setting, the size, the issuer that the proof names, signature and audience. Only then
 * may a route ask a database or an object. Every failure is charged as an unknown token is. Neither a proof nor a claim
 * is stored or logged.
 */
import type { Context, MiddlewareHandler } from "hono";
import * as z from "zod/mini";
import { ApiError, type ErrorCode } from "../../http/errors.ts";
import { type Described, meaning } from "../../http/operation.ts";
import { type AppEnv, projectOf, usableIssuers } from "../../http/request-context.ts";
import { described, inDocument } from "../../http/schemas.ts";
import { validBody } from "../../http/validate.ts";
import { provenUrl } from "../../settings/config.ts";
import { type Issuer, issuerNamed, mayTrust } from "../../settings/issuers.ts";
import { chargeClient } from "../authentication.ts";
import { looksLikeRoot } from "../principal.ts";
import { issuerOfProof, proofInvalid, verifyProof } from "./proof.ts";
import { type Claims, mergedClaims } from "./trust.ts";

const PROOF_MAX_BYTES = 16_384;

const proofBody = z.strictObject({
  proof: described(
    z.string({ error: "send the proof as a text." }).check(z.minLength(1, { error: "is empty; send the proof." })),
    DESCRIBE && "A JSON Web Token that a trusted issuer signed for exactly the audience that the operation names.",
  ),
});
inDocument(proofBody, { id: "Proof", examples: [{ proof: "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl" }] });

/** The body of such a request. */
export function validProof() {
  return validBody(proofBody, { maxBytes: PROOF_MAX_BYTES });
}

/** Without OIDC_ISSUERS, there is no such endpoint. */
export function requiresIssuers(operation: Described): MiddlewareHandler<AppEnv> {
  const middleware: MiddlewareHandler<AppEnv> = async function requiresIssuers(c, next) {
    if (usableIssuers(c).length === 0) throw new ApiError("not_found", NO_ISSUERS);
    await next();
  };
  return meaning(middleware, DESCRIBE && { operation, errors: ["not_found", "not_configured", ...OF_PROOF] as const });
}

const NO_ISSUERS = "OIDC_ISSUERS is not set, so no proof counts here. Ask the operator to set it.";

const OF_PROOF: readonly ErrorCode[] = ["proof_invalid", "too_many_requests", "issuer_unavailable"];

export interface ProvenBy {
  readonly issuer: Issuer;
  readonly claims: Claims & { readonly sub: string };
}

/**
 * What a genuine proof for the path's project claims. `path`: what follows PUBLIC_URL in its audience. Throws
 * `proof_invalid`, `issuer_unavailable`, `not_configured` and `too_many_requests`.
 */
export function provenBy(c: Context<AppEnv>, proof: string, path: string, now: number): Promise<ProvenBy> {
  return verified(c, proof, path, now).catch((error: unknown) => charged(c, error));
}

async function verified(c: Context<AppEnv>, proof: string, path: string, now: number): Promise<ProvenBy> {
  const url = provenUrl(c.env, c.req.url);
  if (!url.ok) throw new ApiError("not_configured", url.error);
  const issuer = issuerNamed(usableIssuers(c), issuerOfProof(proof));
  if (issuer === null || !mayTrust(issuer, projectOf(c))) throw proofInvalid("issuer");
  const waitUntil = (work: Promise<unknown>) => c.executionCtx.waitUntil(work);
  const claims = await verifyProof(proof, { issuer, audience: url.value + path, now, waitUntil });
  // People read it in `via`.
  if (looksLikeRoot(claims.sub)) throw proofInvalid("subject");
  return { issuer, claims: { ...mergedClaims(claims), sub: claims.sub } };
}

const FAILURES: ReadonlySet<ErrorCode> = new Set(["proof_invalid", "trust_unmet", "another_execution"]);

/** Throws `error`, and charges it to the client if it is a failed proof. */
export async function charged(c: Context<AppEnv>, error: unknown): Promise<never> {
  if (error instanceof ApiError && FAILURES.has(error.code)) await chargeClient(c);
  throw error;
}
