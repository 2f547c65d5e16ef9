/** What a token may do besides its role, and who may hand that on. The service decides. PURE. */

import type { ApiToken, CurrentToken } from "../../client/index.ts";

type Holder = Pick<CurrentToken, "id" | "role" | "person" | "mayActForOthers">;

export interface Grantable {
  readonly mayApprove: boolean;
  readonly mayActForOthers: boolean;
  /** Whether the holder chooses the person. An owner's token with a person chooses between that person and nobody. */
  readonly person: boolean;
}

/** A session that began with ROOT_TOKEN creates no token with a flag, as it creates no owner. */
export function grantableOf({ id, role, person, mayActForOthers }: Holder): Grantable {
  const isOwner = id !== null && role === "owner";
  return {
    mayApprove: isOwner,
    mayActForOthers: id !== null && (isOwner || mayActForOthers),
    person: role === "owner" || (person === null && mayActForOthers),
  };
}

/** In a few words: "for ada", "may approve", "may act for others". */
export function flagWords(token: Pick<ApiToken, "person" | "mayApprove" | "mayActForOthers">): string[] {
  const { person, mayApprove, mayActForOthers } = token;
  return [
    ...(person === null ? [] : [`for ${person}`]),
    ...(mayApprove ? ["may approve"] : []),
    ...(mayActForOthers ? ["may act for others"] : []),
  ];
}
