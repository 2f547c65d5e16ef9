/**
 * POST /{o}/{p}/tokens/{tokenId}/exchange: a program changes a proof of its product into an access token. Nobody is
 * known here before the proof is verified, so the order of the checks is the protection: the setting, the size, the
 * issuer that the proof names, signature and audience, and only then the token's row. Every failure is charged as an
 * unknown token is. Neither a proof nor a claim is stored or logged.
 */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import * as z from "zod/mini";
import { newUuidV7, parseUuid } from "../../base/ids.ts";
import { rfc3339 } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import { type Described, type Meaning, meaning } from "../../http/operation.ts";
import { type AppEnv, noteOpened, projectOf, usableRing } from "../../http/request-context.ts";
import { described, inDocument } from "../../http/schemas.ts";
import { validBody } from "../../http/validate.ts";
import { provenUrl } from "../../settings/config.ts";
import { type Issuer, issuerNamed, issuersOf, mayTrust } from "../../settings/issuers.ts";
import { chargeClient, programsToken } from "../authentication.ts";
import { looksLikeRoot } from "../principal.ts";
import { exchangedToken } from "../responses.ts";
import { ACCESS_TOKEN_LASTS_MS, sealAccessToken } from "./access-token.ts";
import { issuerOfProof, proofInvalid, verifyProof } from "./proof.ts";
import { type Claims, mergedClaims, type Trust, trustFault } from "./trust.ts";

const PROOF_MAX_BYTES = 16_384;

const exchange = z.strictObject({
  proof: described(
    z.string({ error: "send the proof as a text." }).check(z.minLength(1, { error: "is empty; send the proof." })),
    DESCRIBE &&
      "A JSON Web Token that the issuer of the token's trust signed, with the audience `{PUBLIC_URL}/{o}/{p}`.",
  ),
});
inDocument(exchange, { id: "TokenExchange", examples: [{ proof: "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl" }] });

/** Without OIDC_ISSUERS, there is no such endpoint. */
export function requiresIssuers(operation: Described, means: Meaning): MiddlewareHandler<AppEnv> {
  const middleware: MiddlewareHandler<AppEnv> = async function requiresIssuers(c, next) {
    const issuers = issuersOf(c.env);
    if (!issuers.ok) throw new ApiError("not_configured", issuers.error);
    if (issuers.value.length === 0) throw new ApiError("not_found", NO_ISSUERS);
    await next();
  };
  const errors = ["not_found", "not_configured", ...(means.errors ?? [])] as const;
  return meaning(middleware, DESCRIBE && { ...means, errors, operation });
}

const OF_PROOF = [
  "proof_invalid",
  "token_expired",
  "trust_unmet",
  "too_many_requests",
  "issuer_unavailable",
  "database_unavailable",
] as const;
const NO_ISSUERS = "OIDC_ISSUERS is not set, so no proof counts here. Ask the operator to set it.";
const NOT_OPENED =
  "This proof opens no such token. Compare the token's id, and its trust, with the issuer and the claims of the proof.";

export const exchangeRoutes = new Hono<AppEnv>().post(
  "/:tokenId/exchange",
  requiresIssuers(
    DESCRIBE && {
      operationId: "exchangeProof",
      tag: "API tokens",
      summary: "Exchange a proof for an access token",
      description:
        "Takes a proof of a program's identity (an OpenID Connect ID token) and returns an access token. It acts as the " +
        "API token in the path, whose trust for programs must accept the proof. It lasts 15 minutes, and not longer than " +
        "the API token. It manages no tokens, approves nothing, acts for nobody, and begins no session. The proof's " +
        "audience must be `{PUBLIC_URL}/{o}/{p}`. Without the setting `OIDC_ISSUERS`, the response is 404. Needs no token.",
      responses: { 200: { description: "The access token", json: exchangedToken } },
    },
    { errors: OF_PROOF },
  ),
  validBody(exchange, { maxBytes: PROOF_MAX_BYTES }),
  async (c) => {
    const now = Date.now();
    const project = projectOf(c);
    const { claims, issuer } = await verified(c, c.req.valid("json").proof, now).catch((error) => charged(c, error));
    const tokenId = parseUuid(c.req.param("tokenId"));
    // A read that finds no token is charged there.
    const known = tokenId === null ? null : await programsToken(c, project, tokenId, now);
    if (known?.trust === undefined) throw new ApiError("trust_unmet", NOT_OPENED);
    const { principal, trust } = known;
    const unmet = unmetOf(trust, claims, issuer);
    if (unmet !== null) return charged(c, new ApiError("trust_unmet", unmet));
    const expiresAt = Math.min(now + ACCESS_TOKEN_LASTS_MS, principal.expiresAt ?? Number.POSITIVE_INFINITY);
    if (expiresAt <= now) throw new ApiError("token_expired");
    const id = newUuidV7(now);
    const access = { tokenId: principal.id, project, issuer: issuer.issuer, subject: claims.sub, id, expiresAt };
    noteOpened(c);
    c.set("tokenId", principal.id);
    c.set("sessionId", id);
    return c.json({ accessToken: await sealAccessToken(usableRing(c), access), expiresAt: rfc3339(expiresAt) });
  },
);

/** What a genuine proof for this project claims. Throws `proof_invalid`, `issuer_unavailable` and `not_configured`. */
async function verified(c: Context<AppEnv>, proof: string, now: number) {
  const project = projectOf(c);
  const url = provenUrl(c.env, c.req.url);
  if (!url.ok) throw new ApiError("not_configured", url.error);
  const issuer = issuerNamed(c.env, issuerOfProof(proof));
  if (issuer === null || !mayTrust(issuer, project)) throw proofInvalid("issuer");
  const waitUntil = (work: Promise<unknown>) => c.executionCtx.waitUntil(work);
  const claims = await verifyProof(proof, { issuer, audience: `${url.value}/${project}`, now, waitUntil });
  // People read it in `via`.
  if (looksLikeRoot(claims.sub)) throw proofInvalid("subject");
  return { issuer, claims };
}

/** Why the trust does not accept the claims, as a sentence without a value of them; null if it does. */
function unmetOf(trust: Trust, claims: Claims, issuer: Issuer): string | null {
  const fault = trust.issuer === issuer.issuer ? trustFault(trust, mergedClaims(claims), issuer) : OF_ANOTHER;
  if (fault === null) return null;
  // Whoever lacks the anchor learns nothing of the token.
  if (fault.isAnchor) return NOT_OPENED;
  return `The token's trust does not accept this proof: the claim ${fault.claim} differs. Compare it with the claims of the job.`;
}

const OF_ANOTHER = { claim: "", isAnchor: true } as const;

/** Throws `error`, and charges it to the client if it is a failed proof. */
async function charged(c: Context<AppEnv>, error: unknown): Promise<never> {
  if (error instanceof ApiError && (error.code === "proof_invalid" || error.code === "trust_unmet"))
    await chargeClient(c);
  throw error;
}
