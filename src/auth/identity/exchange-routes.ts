/**
 * POST /{o}/{p}/tokens/{tokenId}/exchange: a program changes a proof of its product into an access token. The token's row
 * is read only after the proof is verified.
 */
import { Hono } from "hono";
import { newUuidV7, parseUuid } from "../../base/ids.ts";
import { rfc3339 } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import { type AppEnv, noteOpened, projectOf, usableRing } from "../../http/request-context.ts";
import { programsToken } from "../authentication.ts";
import { exchangedToken } from "../responses.ts";
import { ACCESS_TOKEN_LASTS_MS, sealAccessToken } from "./access-token.ts";
import { charged, type ProvenBy, provenBy, requiresIssuers, validProof } from "./proving.ts";
import { type Trust, trustFault } from "./trust.ts";

const NOT_OPENED =
  "This proof opens no such token. Compare the token's id, and its trust, with the issuer and the claims of the proof.";

export const exchangeRoutes = new Hono<AppEnv>().post(
  "/:tokenId/exchange",
  requiresIssuers(
    DESCRIBE && {
      operationId: "exchangeProof",
      summary: "Exchange a proof for an access token",
      description:
        "Takes a proof of a program's identity (an OpenID Connect ID token) and returns an access token. It acts as the " +
        "API token in the path, whose trust for programs must accept the proof. It lasts 15 minutes, and not longer than " +
        "the API token. It manages no tokens, approves nothing, acts for nobody, and begins no session. The proof's " +
        "audience must be `{PUBLIC_URL}/{o}/{p}`. Without the setting `OIDC_ISSUERS`, the response is 404. Needs no token.",
      responses: { 200: { description: "The access token", json: exchangedToken } },
      errors: ["token_expired", "trust_unmet", "database_unavailable"],
    },
  ),
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
    const { principal, trust } = known;
    const unmet = unmetOf(trust, proven);
    if (unmet !== null) return charged(c, new ApiError("trust_unmet", unmet));
    const expiresAt = Math.min(now + ACCESS_TOKEN_LASTS_MS, principal.expiresAt ?? Number.POSITIVE_INFINITY);
    if (expiresAt <= now) throw new ApiError("token_expired");
    const id = newUuidV7(now);
    const access = { tokenId: principal.id, project, issuer: issuer.issuer, subject: claims.sub, id, expiresAt };
    noteOpened(c);
    c.set("tokenId", principal.id);
    c.set("sessionId", id);
    return c.json({ accessToken: await sealAccessToken(ring, access), expiresAt: rfc3339(expiresAt) });
  },
);

/** Why the trust does not accept the claims, as a sentence without a value of them; null if it does. */
function unmetOf(trust: Trust, { claims, issuer }: ProvenBy): string | null {
  const fault = trust.issuer === issuer.issuer ? trustFault(trust, claims, issuer) : OF_ANOTHER;
  if (fault === null) return null;
  // Whoever lacks the anchor learns nothing of the token.
  if (fault.isAnchor) return NOT_OPENED;
  return `The token's trust does not accept this proof: the claim ${fault.claim} differs. Compare it with the claims of the job.`;
}

const OF_ANOTHER = { claim: "", isAnchor: true } as const;
