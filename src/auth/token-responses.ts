/** What the endpoints of tokens have in common: a token as JSON, and refusals that only D1 could decide. */

import { rfc3339 } from "../base/time.ts";
import { ApiError } from "../http/errors.ts";
import { forgetCredentials } from "./credential-memory.ts";
import type { Principal } from "./permissions.ts";
import type { StoredToken } from "./token-row.ts";

/** `{org}/{project}` of a path. */
export function projectOf(param: Record<string, string>): string {
  return `${param.o}/${param.p}`;
}

export function toWire(token: StoredToken, now: number) {
  const { id, name, role, envName, person, mayApprove, mayActForOthers, parentId, createdBy } = token;
  const { createdAt, expiresAt, oldExpiresAt, lastUsedAt } = token;
  return {
    ...{ id, name, role, envName, person, mayApprove, mayActForOthers, parentId, createdBy },
    createdAt: rfc3339(createdAt),
    expiresAt: rfc3339(expiresAt),
    lastUsedAt: rfc3339(lastUsedAt),
    oldSecretExpiresAt: rfc3339(oldExpiresAt !== null && oldExpiresAt > now ? oldExpiresAt : null),
  };
}

/** D1 no longer has the asker's token, but this isolate still remembered it. */
export function askerGone({ id }: Principal): ApiError {
  forgetCredentials([id]);
  return new ApiError("token_invalid");
}

/** A rotation replaced the asker's secret. This isolate may not have known it. */
export function secretReplaced({ id }: Principal): ApiError {
  forgetCredentials([id]);
  return new ApiError(
    "forbidden",
    "A rotation replaced this secret of your token. Use the newest secret to mint or rotate tokens and to sign in.",
  );
}
