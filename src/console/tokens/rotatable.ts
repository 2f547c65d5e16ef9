/** Who may rotate which token, as far as a page of the list shows it. The service decides. PURE. */

import type { ApiToken, CurrentToken } from "../../client/index.ts";

type Holder = Pick<CurrentToken, "id">;
type Listed = Pick<ApiToken, "id" | "role" | "parentId" | "oldSecretExpiresAt" | "mayApprove" | "mayActForOthers">;

/** False if the service would refuse. `tokens`: those that the page has. A token's parents can be on another page. */
export function isRotatable(token: Listed, holder: Holder, tokens: readonly Listed[]): boolean {
  // A session of ROOT_TOKEN rotates no owner, and no token with a flag.
  if (holder.id === null) return token.role !== "owner" && !token.mayApprove && !token.mayActForOthers;
  // In a grace period, a rotation ends the secret of this session at once, and nobody would see the new one.
  if (token.id === holder.id) return token.oldSecretExpiresAt === null;
  const seen = new Set<string>();
  for (let above = token.parentId; above !== null; ) {
    const id = above;
    if (id === holder.id) return true;
    const parent = tokens.find((one) => one.id === id);
    if (parent === undefined) return true;
    if (seen.has(id)) return false;
    seen.add(id);
    above = parent.parentId;
  }
  return false;
}
