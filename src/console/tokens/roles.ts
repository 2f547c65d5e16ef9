/** The roles of tokens, from the most to the least. PURE. */

import type { ApiToken, CurrentToken } from "../../client/index.ts";

export type Role = ApiToken["role"];

/** What each role may do, in words. TypeScript reports a missing one. */
const RIGHTS: Readonly<Record<Role, string>> = {
  owner: "everything, and creates every token",
  admin: "everything, but can't create owners",
  member: "reads, runs, cancels and retries",
  viewer: "only reads",
};

const ROLES = Object.keys(RIGHTS) as readonly Role[];

export interface RoleChoice {
  readonly role: Role;
  readonly rights: string;
}

/** A token creates only tokens of its own role and of those below. A session of ROOT_TOKEN creates no owners. */
export function grantableRoles({ id, role: own }: Pick<CurrentToken, "id" | "role">): readonly RoleChoice[] {
  const highest = id === null ? "admin" : own;
  return ROLES.slice(ROLES.indexOf(highest)).map((role) => ({ role, rights: RIGHTS[role] }));
}
