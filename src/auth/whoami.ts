/** What a token or a session is and opens, as `GET /whoami` and `POST /session` say it. PURE. */

import { rfc3339 } from "../base/time.ts";
import { isOperator, PERMISSIONS_OF, type Principal } from "./permissions.ts";

export function describePrincipal(principal: Principal) {
  const { id, name, role, project, envName, expiresAt, tokenExpiresAt, sessionId = null } = principal;
  const { person, mayApprove, mayActForOthers } = principal;
  return {
    id: isOperator(principal) ? null : id,
    name,
    role,
    permissions: PERMISSIONS_OF[role],
    project,
    envName,
    person,
    mayApprove,
    mayActForOthers,
    expiresAt: rfc3339(expiresAt),
    tokenExpiresAt: rfc3339(tokenExpiresAt),
    sessionId,
  };
}
