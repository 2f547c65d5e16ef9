/** The roles of tokens, from the most to the least. PURE. */

import type { ApiToken } from "../../client/index.ts";

export type Role = ApiToken["role"];

/** What each role may do, in words. TypeScript reports a missing one. */
const RIGHTS: Readonly<Record<Role, string>> = {
  owner: "everything, and creates every token",
  admin: "everything, but creates no owner",
  member: "reads, runs, cancels and retries",
  viewer: "only reads",
};

const ROLES = Object.keys(RIGHTS) as readonly Role[];

export interface RoleChoice {
  readonly role: Role;
  readonly rights: string;
}

/** A token creates only tokens of its own role and of those below. */
export function rolesUpTo(own: Role): readonly RoleChoice[] {
  return ROLES.slice(ROLES.indexOf(own)).map((role) => ({ role, rights: RIGHTS[role] }));
}
