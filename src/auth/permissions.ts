/** Who may do what: one table from roles to permissions. PURE. */

export const ROLES = ["owner", "admin", "member", "viewer"] as const;
export type Role = (typeof ROLES)[number];

export const PERMISSIONS = ["data:read", "data:write", "actions:manage", "webhooks:manage", "tokens:manage"] as const;
export type Permission = (typeof PERMISSIONS)[number];

export const PERMISSIONS_OF: Readonly<Record<Role, readonly Permission[]>> = {
  owner: PERMISSIONS,
  admin: PERMISSIONS,
  member: ["data:read", "data:write"],
  viewer: ["data:read"],
};

export function may(role: Role, permission: Permission): boolean {
  return PERMISSIONS_OF[role].includes(permission);
}

/** The roles of the tokens that a token with `role` may create, list or revoke: its own and those below. */
export function rolesUpTo(role: Role): readonly Role[] {
  return ROLES.slice(ROLES.indexOf(role));
}

/** The holder of an API token, or the operator. */
export interface Principal {
  /** The API token's id, or `root` for the operator, who has no row. Names repeat, ids never do. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** `{org}/{project}`. Null for ROOT_TOKEN, which opens every project. */
  readonly project: string | null;
  /** Null for the whole project. */
  readonly envName: string | null;
  /** When the secret or the session of the request stops working, in ms. Null: never. */
  readonly expiresAt: number | null;
  /** When the token itself expires, in ms. What it creates expires no later. Null: never. */
  readonly tokenExpiresAt: number | null;
  /** The SHA-256 of the secret of the request, in hex, or of the one that began the session. Null for the operator. */
  readonly secretHash: string | null;
  /** Whether a rotation replaced that secret. It then works until `expiresAt`, but it rotates and creates no tokens. */
  readonly isReplaced: boolean;
  /** Ids of the tokens above the token, the nearest first. The operator is nobody's parent. */
  readonly parents: readonly string[];
  /** The person for whom the token always acts, set when it was created. Null: nobody in particular. */
  readonly person: string | null;
  /** Whether the token may approve and reject runs that wait for it. */
  readonly mayApprove: boolean;
  /** Whether a request of the token may name the person for whom it acts. */
  readonly mayActForOthers: boolean;
  /** The session of the request. A token has none. */
  readonly sessionId?: string;
}

/**
 * Who holds ROOT_TOKEN. The operator may approve, but names no person: with two names it could approve its own runs. A
 * portal uses a token that the operator created.
 */
export const OPERATOR = {
  id: "root",
  name: "root",
  role: "owner",
  parents: [],
  person: null,
  mayApprove: true,
  mayActForOthers: false,
} as const;

/** Whether the request came from the operator, with ROOT_TOKEN or through a session that began with it. */
export function isOperator({ id }: Principal): boolean {
  return id === OPERATOR.id;
}

/** The asker's id as D1 has it: null for the operator, who has no row. */
export function rowIdOf(asker: Principal): string | null {
  return isOperator(asker) ? null : asker.id;
}

/**
 * The roles of tokens that the asker may create. A session that began with ROOT_TOKEN creates no owners, because its
 * tokens are the operator's and outlive it.
 */
export function grantableRoles(asker: Principal): readonly Role[] {
  const isOperatorsSession = isOperator(asker) && asker.sessionId !== undefined;
  return rolesUpTo(isOperatorsSession ? "admin" : asker.role);
}
