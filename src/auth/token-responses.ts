/** What the endpoints of tokens have in common: their project, and a token as JSON. */

import { rfc3339 } from "../base/time.ts";
import type { StoredToken } from "./token-row.ts";

/** `{org}/{project}` of a path. */
export function projectOf(param: Record<string, string>): string {
  return `${param.o}/${param.p}`;
}

export function toWire(token: StoredToken, now: number) {
  const { id, name, role, envName, person, mayApprove, mayActForOthers, parentId, createdBy } = token;
  const { createdAt, expiresAt, oldExpiresAt, lastUsedAt } = token;
  return {
    id,
    name,
    role,
    envName,
    person,
    mayApprove,
    mayActForOthers,
    parentId,
    createdBy,
    createdAt: rfc3339(createdAt),
    expiresAt: rfc3339(expiresAt),
    lastUsedAt: rfc3339(lastUsedAt),
    oldSecretExpiresAt: rfc3339(oldExpiresAt !== null && oldExpiresAt > now ? oldExpiresAt : null),
  };
}
