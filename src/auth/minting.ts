/**
 * Which tokens the holder of a token may create. PURE. Each rule takes the asker and what it wants, and throws a
 * refusal with a pointer. What a rule reads of the asker never changes, so an isolate's memory of it is enough.
 */

import { rfc3339 } from "../base/time.ts";
import { ApiError } from "../http/errors.ts";
import { refusalOf } from "../http/refusal.ts";
import { grantableRoles, isOperator, type Principal, type Role, rolesUpTo } from "./permissions.ts";

/** A token creates no tokens beyond its own scope and role. */
export function refuseBeyond(asker: Principal, role: Role, envName: string | null): void {
  const roles = grantableRoles(asker);
  if (!roles.includes(role)) {
    const holder = rolesUpTo(asker.role).includes(role) ? "A session of ROOT_TOKEN" : `The role ${asker.role}`;
    throw new ApiError("forbidden", `${holder} can't mint the role ${role}. Ask for one of ${roles.join(", ")}.`, {
      pointer: "/role",
    });
  }
  if (asker.envName !== null && envName !== asker.envName) {
    throw new ApiError(
      "forbidden",
      `This token can mint only for its own environment. Send "envName": "${asker.envName}".`,
      { pointer: "/envName" },
    );
  }
}

/** The new token's expiry. It can't be later than the asker's own, which is the default. */
export function expiryWithin(asker: Principal, expiresAt: number | null): number | null {
  const latest = asker.tokenExpiresAt;
  if (latest === null) return expiresAt;
  if (expiresAt !== null && expiresAt > latest) {
    const message = `is later than your own token's; send ${rfc3339(latest)} or earlier, or omit it.`;
    throw refusalOf("invalid_body", [{ path: ["expiresAt"], message }]);
  }
  return expiresAt ?? latest;
}

/**
 * The new token's person. `wanted` undefined: that of the asker. A child of a token with a person has the same one. Of
 * two acts that both name a person, persons alone decide who is oneself. So with a child of another name, one person
 * could approve their own run. Owners can create one without a person, for a machine. It is a relative of their token,
 * and it gives them nothing new, because owners create tokens that may act for others.
 *
 * Otherwise only owners, the operator and tokens that may act for others set a person, because a token with a person
 * acts for that person. Without this rule, an admin with a token below a portal's could create a child with a made-up
 * name, create a run with it, and approve the run through the portal. Without a person, the child is a relative of the
 * portal, and the approval is refused.
 */
export function personOfChild(asker: Principal, wanted: string | null | undefined): string | null {
  const { person, role, mayActForOthers } = asker;
  if (wanted === undefined || wanted === person) return person;
  if (person === null ? role === "owner" || mayActForOthers : role === "owner" && wanted === null) {
    return wanted;
  }
  const sentence =
    person === null
      ? "Only owners and tokens that may act for others can mint a token with a person. Omit person, or ask an owner."
      : wanted === null
        ? "Your token acts for a person, and only owners can then mint a token without one. Omit person, or ask an owner."
        : "This token acts for one person, and so does every token that it mints. Omit person.";
  throw new ApiError("forbidden", sentence, { pointer: "/person" });
}

/** Flags of a token that no role has. */
export interface TokenFlags {
  readonly mayApprove: boolean;
  readonly mayActForOthers: boolean;
}

/**
 * An admin may create tokens, so no role could say who approves. Only owners and the operator create approvers, even if
 * the asker is one: otherwise an approving admin could create a second approver. `mayActForOthers` may be handed down.
 */
export function refuseFlags(asker: Principal, { mayApprove, mayActForOthers }: TokenFlags): void {
  if (mayApprove && !grantsAnyFlag(asker)) throw flagRefused(asker, "mayApprove");
  if (mayActForOthers && !grantsAnyFlag(asker) && !asker.mayActForOthers) {
    throw flagRefused(asker, "mayActForOthers", " and tokens that have it");
  }
}

/**
 * Whether the asker creates and rotates tokens with any flag. A session that began with ROOT_TOKEN does not, as it
 * creates no owners: the token would outlive it, and could let runs out that the thief of a session starts.
 */
export function grantsAnyFlag(asker: Principal): boolean {
  return grantableRoles(asker).includes("owner");
}

function flagRefused(asker: Principal, flag: keyof TokenFlags, others = ""): ApiError {
  const sentence = isOperator(asker)
    ? `A session of ROOT_TOKEN can't mint a token with ${flag}. Send ROOT_TOKEN itself, or omit ${flag}.`
    : `Only owners${others} can mint a token with ${flag}. Omit ${flag}, or ask an owner.`;
  return new ApiError("forbidden", sentence, { pointer: `/${flag}` });
}
