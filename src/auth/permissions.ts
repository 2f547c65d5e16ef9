/** Who may do what: one table, from roles to permissions. PURE. */

export const ROLES = ["owner", "admin", "member", "viewer"] as const;
export type Role = (typeof ROLES)[number];

export type Permission = "data:read" | "data:write" | "tokens:manage";

const PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  owner: ["data:read", "data:write", "tokens:manage"],
  admin: ["data:read", "data:write", "tokens:manage"],
  member: ["data:read", "data:write"],
  viewer: ["data:read"],
};

export function may(role: Role, permission: Permission): boolean {
  return PERMISSIONS[role].includes(permission);
}

/** The roles that a holder of `role` may hand out, see or revoke: its own and those below. */
export function rolesUpTo(role: Role): readonly Role[] {
  return ROLES.slice(ROLES.indexOf(role));
}

/** Who asks. `project` is `{org}/{project}`; null opens every one and is the operator's alone. */
export interface Principal {
  /** The API token's id; `root` for the operator's, which has no row. Names repeat, ids never do. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly project: string | null;
  readonly envName: string | null;
  /** ms; null: never. */
  readonly expiresAt: number | null;
}

export type TokenRecord = Principal;
