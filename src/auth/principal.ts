/** The principal of a request: its role, its person, and which names tokens and persons may have. PURE. */
import type { HonoRequest } from "hono";
import * as z from "zod/mini";
import type { Proven } from "../base/ids.ts";
import { PERSON_MAX_CHARACTERS } from "../base/limits.ts";
import { ApiError } from "../http/errors.ts";
import { inDocument } from "../http/schemas.ts";

export const ROLES = ["owner", "admin", "member", "viewer"] as const;
export type Role = (typeof ROLES)[number];

export const PERMISSIONS = ["data:read", "data:write", "actions:manage", "webhooks:manage", "tokens:manage"] as const;
export type Permission = (typeof PERMISSIONS)[number];

const PERMISSIONS_OF: Readonly<Record<Role, readonly Permission[]>> = {
  owner: PERMISSIONS,
  admin: PERMISSIONS,
  member: ["data:read", "data:write"],
  viewer: ["data:read"],
};

/** A program manages no tokens: what it made would outlive its proof. */
export function permissionsOf({ role, proven }: Pick<Principal, "role" | "proven">): readonly Permission[] {
  const all = PERMISSIONS_OF[role];
  return proven?.subject === undefined ? all : all.filter((one) => one !== "tokens:manage");
}

export function may(principal: Pick<Principal, "role" | "proven">, permission: Permission): boolean {
  return permissionsOf(principal).includes(permission);
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
  readonly envName: string | null;
  /** When the secret or the session of the request stops working, in ms. Null: never. */
  readonly expiresAt: number | null;
  /** When the token itself expires, in ms. What it creates expires no later. Null: never. */
  readonly tokenExpiresAt: number | null;
  /** The SHA-256 of the secret of the request or its session, in hex. Null for the operator, and without a secret. */
  readonly secretHash: string | null;
  /** Whether a rotation replaced that secret. It then works until `expiresAt`, but it rotates and creates no tokens. */
  readonly isReplaced: boolean;
  /** Ids of the tokens above the token, the nearest first. The operator is nobody's parent. */
  readonly parents: readonly string[];
  /** The person for whom the token always acts, set when it was created. Null: nobody in particular. */
  readonly person: string | null;
  readonly mayApprove: boolean;
  /** Whether a request of the token may name the person for whom it acts. */
  readonly mayActForOthers: boolean;
  /** What a proof said of who acts, or of who minted the token. Null: nothing did. */
  readonly proven: Proven | null;
  /** The issuer of the proof that opened the token. It must stay in OIDC_ISSUERS. Null: a secret opened the token. */
  readonly issuer: string | null;
  /** The session of the request. A token has none. */
  readonly sessionId?: string;
}

/** Who holds ROOT_TOKEN. It may approve, but names no person: with two names it could approve its own runs. */
export const OPERATOR = {
  id: "root",
  name: "root",
  role: "owner",
  parents: [],
  person: null,
  mayApprove: true,
  mayActForOthers: false,
  proven: null,
  issuer: null,
} as const;

/** Also through a session that began with ROOT_TOKEN. */
export function isOperator({ id }: Principal): boolean {
  return id === OPERATOR.id;
}

/** The asker's id as D1 has it: null for the operator, who has no row. */
export function rowIdOf(asker: Principal): string | null {
  return isOperator(asker) ? null : asker.id;
}

/** A session that began with ROOT_TOKEN or by signing in creates no owners and no tokens with flags: these outlive it. */
export function isPassing({ id, sessionId, issuer }: Principal): boolean {
  return sessionId !== undefined && (id === OPERATOR.id || issuer !== null);
}

export function grantableRoles(asker: Principal): readonly Role[] {
  const roles = rolesUpTo(asker.role);
  return isPassing(asker) ? roles.filter((role) => role !== "owner") : roles;
}

const HEADER = "On-Behalf-Of";
const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * The person that a request names, or the token's own. A person grants nothing: the permissions stay the token's. A
 * change throws `may_not_act_for_others` and `invalid_on_behalf_of`. A request that only reads is never refused for its
 * header, because reading only tells a person what they may do.
 */
export function personOf(request: HonoRequest, { person, mayActForOthers }: Principal): string | null {
  const named = request.header(HEADER);
  if (named === undefined) return person;
  const wanted = asPerson(named);
  if (READING.has(request.method)) return (mayActForOthers ? wanted : null) ?? person;
  // Also a token with a person of its own, and whatever the header says, so that no token learns it by chance.
  if (!mayActForOthers) throw new ApiError("may_not_act_for_others");
  if (wanted === null) throw new ApiError("invalid_on_behalf_of");
  return wanted;
}

/** Without spaces, because two headers On-Behalf-Of arrive as one, with a comma and a space between their values. */
const PERSON_PATTERN = `^[\\x21-\\x7e]{1,${PERSON_MAX_CHARACTERS}}$`;
const PERSON = new RegExp(PERSON_PATTERN);

/**
 * A person's name in its one form: lower case. It is stored, shown and compared in this form alone. Null: no person can
 * have this name. People read it in `triggeredBy`, so it must not look like the operator's.
 */
export function asPerson(text: string): string | null {
  return PERSON.test(text) && !looksLikeRoot(text) ? text.toLowerCase() : null;
}

const PERSON_RULE = `is no person's name; send 1 to ${PERSON_MAX_CHARACTERS} visible ASCII characters without spaces, and not a name that looks like root.`;

export const personName = z.string({ error: PERSON_RULE }).check(
  z.refine((text) => asPerson(text) !== null, { error: PERSON_RULE }),
  z.toLowerCase(),
);
inDocument(personName, { wire: { type: "string", pattern: PERSON_PATTERN } });

/** Zero-width, bidirectional and other characters that are invisible or change how a name looks. */
export const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/u;

/** Most fonts draw these like the letters (UTS #39, confusables). NFKD already handles full width and accents. */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  r: "гґғᴦⲅꮁʀɍɼɽɾꞃꞧꭇꭈꭱꮢꓣᖇ🅡🆁",
  o: "0оοσόөѳօøɵᴏᴑꬽⲟჿዐଠഠ๐໐၀०০੦૦୦௦౦೦൦٥۵ہهסⵔⵙ〇ꓳ𐐬○◯●◦°⚪⭕🅞🅾",
  t: "тτᴛŧƭʈƫȶⲧꞇꭲꓔ†+⊤🅣🆃",
  oo: "∞ꝏꚙꙭɷ",
};

const FOLDED: ReadonlyMap<string, string> = new Map(
  Object.entries(LOOK_ALIKES).flatMap(([letter, alikes]) => [...alikes].map((alike) => [alike, letter])),
);

/** Whether a reader could mistake the name for the operator's. Marks, spaces and punctuation make no difference. */
export function looksLikeRoot(name: string): boolean {
  const folded = [...name.normalize("NFKD").toLowerCase()].map((one) => FOLDED.get(one) ?? one).join("");
  return folded.replaceAll(/[^\p{L}\p{N}]/gu, "") === "root";
}
