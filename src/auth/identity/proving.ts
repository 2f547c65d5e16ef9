/**
 * Requests that bring a proof instead of a token. The order of the checks is the protection: the setting, the size, the
 * issuer that the proof names, signature and audience. Only then may a route ask a database or an object. Every failure
 * is charged as an unknown token is. Neither a proof nor a claim is stored or logged.
 */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import * as z from "zod/mini";
import { newUuidV7, parseUuid } from "../../base/ids.ts";
import { MINUTE_MS, rfc3339 } from "../../base/time.ts";
import { ApiError, type ErrorCode } from "../../http/errors.ts";
import { type Described, guard } from "../../http/operation.ts";
import { type AppEnv, noteOpened, projectOf, usableIssuers, usableRing } from "../../http/request-context.ts";
import { objectOf } from "../../http/schemas.ts";
import { validBody } from "../../http/validate.ts";
import { provenUrl } from "../../settings/config.ts";
import { type Issuer, issuerNamed, mayTrust } from "../../settings/issuers.ts";
import { chargeClient, programsToken } from "../authentication.ts";
import { looksLikeRoot } from "../principal.ts";
import { exchangedToken } from "../responses.ts";
import { sealAccessToken } from "../token-format.ts";
import { issuerOfProof, proofInvalid, verifyProof } from "./proof.ts";
import { type Claims, mergedClaims, type Trust, trustFault } from "./trust.ts";

const PROOF_MAX_BYTES = 16_384;

const proofBody = objectOf(
  {
    proof: z
      .string({ error: "send the proof as a text." })
      .check(z.minLength(1, { error: "is empty; send the proof." })),
  },
  DESCRIBE && {
    id: "Proof",
    members: {
      proof: "A JSON Web Token that a trusted issuer signed for exactly the audience that the operation names.",
    },
    examples: [{ proof: "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl" }],
  },
);

export function validProof() {
  return validBody(proofBody, { maxBytes: PROOF_MAX_BYTES });
}

/** Without OIDC_ISSUERS, there is no such endpoint. */
export function requiresIssuers(operation: Described): MiddlewareHandler<AppEnv> {
  const check = (c: Context<AppEnv>) => {
    if (usableIssuers(c).length === 0) throw new ApiError("not_found", NO_ISSUERS);
  };
  const errors = ["not_found", "not_configured", "proof_invalid", "too_many_requests", "issuer_unavailable"] as const;
  return guard(check, DESCRIBE && { operation, errors });
}

const NO_ISSUERS = "OIDC_ISSUERS is not set, so no proof counts here. Ask the operator to set it.";

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

/** It ends with its token at the latest, whose end never changes. */
const ACCESS_TOKEN_LASTS_MS = 15 * MINUTE_MS;

const NOT_OPENED =
  "This proof opens no such token. Compare the token's id, and its trust, with the issuer and the claims of the proof.";

const EXCHANGE_PROOF: Described = DESCRIBE && {
  operationId: "exchangeProof",
  summary: "Exchange a proof for an access token",
  description:
    "Takes a proof of a program's identity (an OpenID Connect ID token) and returns an access token. It acts as the " +
    "API token in the path, whose trust for programs must accept the proof. It lasts 15 minutes, and not longer than " +
    "the API token. It manages no tokens, approves nothing, acts for nobody, and begins no session. The proof's " +
    "audience must be `{PUBLIC_URL}/{o}/{p}`. Without the setting `OIDC_ISSUERS`, the response is 404. Needs no token.",
  responses: { 200: { description: "The access token", json: exchangedToken } },
  errors: ["token_expired", "trust_unmet", "database_unavailable"],
};

/** POST /{o}/{p}/tokens/{tokenId}/exchange. The token's row is read only after the proof is verified. */
export const exchangeRoutes = new Hono<AppEnv>().post(
  "/:tokenId/exchange",
  requiresIssuers(EXCHANGE_PROOF),
  validProof(),
  async (c) => {
    const now = Date.now();
    const project = projectOf(c);
    const ring = usableRing(c);
    const proven = await provenBy(c, c.req.valid("json").proof, `/${project}`, now);
    const { claims, issuer } = proven;
    const tokenId = parseUuid(c.req.param("tokenId"));
    // All that opens nothing is charged alike, or nobody could tell which ids are tokens of programs.
    const known = tokenId === null ? null : await programsToken(c, project, tokenId, now);
    if (known?.trust === undefined) return charged(c, new ApiError("trust_unmet", NOT_OPENED));
    const unmet = unmetOf(known.trust, proven);
    if (unmet !== null) return charged(c, new ApiError("trust_unmet", unmet));
    const expiresAt = Math.min(now + ACCESS_TOKEN_LASTS_MS, known.expiresAt ?? Number.POSITIVE_INFINITY);
    if (expiresAt <= now) throw new ApiError("token_expired");
    const id = newUuidV7(now);
    const access = { tokenId: known.id, project, issuer: issuer.issuer, subject: claims.sub, id, expiresAt };
    noteOpened(c);
    c.set("tokenId", known.id);
    c.set("sessionId", id);
    return c.json({ accessToken: await sealAccessToken(ring, access), expiresAt: rfc3339(expiresAt) });
  },
);

/** Why the trust does not accept the claims, as a sentence without a value of them; null if it does. */
function unmetOf(trust: Trust, { claims, issuer }: ProvenBy): string | null {
  if (trust.issuer !== issuer.issuer) return NOT_OPENED;
  const fault = trustFault(trust, claims, issuer);
  if (fault === null) return null;
  // Whoever lacks the anchor learns nothing of the token.
  if (fault.isAnchor) return NOT_OPENED;
  return `The token's trust does not accept this proof: the claim ${fault.claim} differs. Compare it with the claims of the job.`;
}
