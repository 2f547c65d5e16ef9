/** POST /{o}/{p}/tokens/{id}/rotate: gives a token a new secret. */

import { Hono, type MiddlewareHandler } from "hono";
import { sha256Hex } from "../base/json.ts";
import { parseUuid } from "../base/uuid.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { ApiError, type ErrorCode } from "../http/errors.ts";
import { validBody } from "../http/validate.ts";
import { newApiToken } from "./api-token.ts";
import { logAudit, newAuditEntry } from "./audit.ts";
import { authenticate, authorize } from "./bearer.ts";
import { forgetCredentials } from "./credential-memory.ts";
import { grantsAnyFlag } from "./minting.ts";
import { askerGone, writeAudited } from "./newest-secret.ts";
import { grantableRoles, isOperator } from "./permissions.ts";
import { rotation } from "./request-schemas.ts";
import { type RotationRefusal, rotateToken, selectForRotation } from "./rotation.ts";
import { projectOf, toWire } from "./token-responses.ts";

/** A token may rotate itself, whatever its role. */
const mayRotate: MiddlewareHandler<AppEnv> = async (c, next) => {
  const { id } = await authenticate(c);
  await authorize(c, parseUuid(c.req.param("tokenId") ?? "") === id ? "data:read" : "tokens:manage");
  await next();
};

export const rotationRoutes = new Hono<AppEnv>().post(
  "/:tokenId/rotate",
  mayRotate,
  validBody(rotation, { mayBeEmpty: true }),
  async (c) => {
    const target = parseUuid(c.req.param("tokenId"));
    if (target === null) throw new ApiError("token_not_found");
    const { overlapSeconds } = c.req.valid("json");
    const asker = c.get("principal");
    const project = projectOf(c.req.param());
    const hops = c.get("hops");
    const found = await readD1(hops, () => selectForRotation(c.env.DB, project, asker, target));
    if (found === null) throw asker.id === target ? askerGone(asker) : new ApiError("token_not_found");
    // Otherwise an admin could act in a colleague's name.
    if (!found.isOwn) throw new ApiError("forbidden", NOT_YOURS);
    // An owner's new secret would outlive a session of ROOT_TOKEN, as an owner would that it created.
    if (!grantableRoles(asker).includes(found.role)) throw new ApiError("forbidden", NO_OWNERS);
    if ((found.mayApprove || found.mayActForOthers) && isOperator(asker) && !grantsAnyFlag(asker)) {
      throw new ApiError("forbidden", NO_FLAGS);
    }
    const now = Date.now();
    const { envName, name: targetName } = found;
    const what = { project, envName, action: "token_rotated", target, targetName } as const;
    const entry = newAuditEntry(c, what, now);
    const token = newApiToken();
    const secret = {
      replaces: found.hash,
      hash: await sha256Hex(token),
      gracePeriodMs: overlapSeconds === undefined ? undefined : overlapSeconds * 1000,
    };
    const rotating = writeAudited(c, () => rotateToken(c.env.DB, secret, entry));
    // Also if it failed, because D1 may have done it.
    const outcome = await rotating.finally(() => forgetCredentials([target]));
    if (typeof outcome === "string") throw new ApiError(REFUSALS[outcome]);
    logAudit(entry, c.get("requestId"));
    const { children, moreChildren, left } = outcome;
    return c.json({ ...toWire(outcome.token, now), token, children, moreChildren, ...left });
  },
);

const NOT_YOURS =
  "Only the token itself, a token above it, or the operator can rotate this token. You can revoke it instead, and mint a new one.";

const NO_OWNERS = "A session of ROOT_TOKEN can't rotate an owner's token. Send ROOT_TOKEN itself.";

const NO_FLAGS =
  "A session of ROOT_TOKEN can't rotate a token with mayApprove or mayActForOthers. Send ROOT_TOKEN itself.";

const REFUSALS: Readonly<Record<RotationRefusal, ErrorCode>> = {
  missing: "token_not_found",
  ended: "token_ended",
  changed: "token_rotated",
};
