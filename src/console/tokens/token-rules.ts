/** The roles of tokens, from the most to the least. PURE. */
import type { Schemas } from "../../client/index.ts";

type ApiToken = Schemas["ApiToken"];
type CurrentToken = Schemas["CurrentToken"];

export type Role = ApiToken["role"];

/** What each role may do, in words. TypeScript reports a missing one. */
export const RIGHTS: Readonly<Record<Role, string>> = {
  owner: "everything, and creates every token",
  admin: "everything, but can't create owners",
  member: "reads, runs, cancels and retries",
  viewer: "only reads",
};

const ROLES = Object.keys(RIGHTS) as readonly Role[];

interface RoleChoice {
  readonly role: Role;
  readonly rights: string;
}

/**
 * A token creates only tokens of its own role and of those below. A session of ROOT_TOKEN, or by signing in, creates no
 * owners and no token with a flag.
 */
export function grantableRoles(holder: Pick<Holder, "id" | "issuer" | "role">): readonly RoleChoice[] {
  const roles = ROLES.slice(ROLES.indexOf(holder.role)).filter((role) => role !== "owner" || !isPassing(holder));
  return roles.map((role) => ({ role, rights: RIGHTS[role] }));
}

type Holder = Pick<CurrentToken, "id" | "issuer" | "role" | "person" | "mayActForOthers">;

/** Whether the session began with ROOT_TOKEN or by signing in. What it creates outlives it. */
function isPassing({ id, issuer }: Pick<Holder, "id" | "issuer">): boolean {
  return id === null || issuer !== null;
}

interface Grantable {
  readonly mayApprove: boolean;
  readonly mayActForOthers: boolean;
  /** Whether the holder chooses the person. An owner's token with a person chooses between that person and nobody. */
  readonly person: boolean;
}

export function grantableOf(holder: Holder): Grantable {
  const { role, person, issuer, mayActForOthers } = holder;
  const isOwner = role === "owner";
  return {
    mayApprove: isOwner && !isPassing(holder),
    mayActForOthers: (isOwner || mayActForOthers) && !isPassing(holder),
    person: issuer === null && (isOwner || (person === null && mayActForOthers)),
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

export type Trust = NonNullable<ApiToken["trust"]>;

/** In a line for each: who opens the token, and what their proof must say. */
export function trustWords({ for: whom, issuer, claims }: Trust): readonly string[] {
  const said = Object.entries(claims).map(([name, value]) => `${name}: ${[value].flat().join(" or ")}`);
  return [`${whom} of ${issuer}`, ...said];
}

interface ExpiryChoice {
  /** Empty: no time is sent, so the token lives as long as the service allows. */
  readonly key: string;
  readonly label: string;
  /** From now, in ms. Null: the token expires when its creator's token does, or never. */
  readonly inMs: number | null;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const BY_SIGN_IN_MAX = 90 * DAY;

const SPANS: readonly ExpiryChoice[] = [
  { key: "1h", label: "In 1 hour", inMs: HOUR },
  { key: "1d", label: "In 1 day", inMs: DAY },
  { key: "7d", label: "In 7 days", inMs: 7 * DAY },
  { key: "30d", label: "In 30 days", inMs: 30 * DAY },
  { key: "90d", label: "In 90 days", inMs: 90 * DAY },
  { key: "365d", label: "In 1 year", inMs: 365 * DAY },
];

/**
 * `ownExpiresAt`: when the creator's token expires, in ms. Null: never. The new token can't outlive it. `isBySignIn`: the
 * creator signed in at an issuer, so the new token lives for 90 days at most.
 */
export function expiryChoices(ownExpiresAt: number | null, now: number, isBySignIn = false): readonly ExpiryChoice[] {
  const own = ownExpiresAt === null ? Number.POSITIVE_INFINITY : ownExpiresAt - now;
  const longest = isBySignIn ? Math.min(own, BY_SIGN_IN_MAX) : own;
  const spans = SPANS.filter(({ inMs }) => (inMs ?? 0) < longest);
  // The service counts these days: if the clock of this browser is ahead, it would refuse their end.
  if (longest < own) return [...spans, { key: "", label: "In 90 days", inMs: longest }];
  return [...spans, { key: "", label: ownExpiresAt === null ? "Never" : "With your own token", inMs: null }];
}

/** The longest of at most 90 days: a token that lives forever must be chosen. */
export function firstChoice(choices: readonly ExpiryChoice[]): string {
  const short = choices.filter(({ inMs }) => inMs !== null && inMs <= 90 * DAY);
  return short.at(-1)?.key ?? "";
}

/** The time to send, as RFC 3339; undefined: none. */
export function expiresAt(choices: readonly ExpiryChoice[], key: string, now: number): string | undefined {
  const inMs = choices.find((choice) => choice.key === key)?.inMs ?? null;
  return key === "" || inMs === null ? undefined : new Date(now + inMs).toISOString();
}

type Rotator = Pick<CurrentToken, "id" | "issuer" | "person">;
type Listed = Pick<
  ApiToken,
  "id" | "role" | "parentId" | "createdBy" | "oldSecretExpiresAt" | "mayApprove" | "mayActForOthers" | "trust"
>;

/**
 * False if the service would refuse. `tokens`: those that the page has. A token's parents can be on another page. The page
 * knows by name alone who minted a token.
 */
export function isRotatable(token: Listed, holder: Rotator, tokens: readonly Listed[]): boolean {
  // Proofs open it, so it has no secret.
  if (token.trust !== null) return false;
  if (isPassing(holder) && (token.role === "owner" || token.mayApprove || token.mayActForOthers)) return false;
  if (holder.id === null) return true;
  // In a grace period, a rotation ends the secret of this session at once, and nobody would see the new one.
  if (token.id === holder.id) return token.oldSecretExpiresAt === null;
  const seen = new Set<string>();
  for (let one = token; one.parentId !== null; ) {
    const id = one.parentId;
    const parent = tokens.find((other) => other.id === id);
    const isHolder = id === holder.id;
    // Somebody minted `one` who had signed in. From above, nobody else rotates it, nor what it minted.
    const isBySignIn = isHolder ? holder.issuer !== null : parent !== undefined && parent.trust !== null;
    if (isBySignIn && (holder.issuer === null || one.createdBy !== holder.person)) return false;
    if (isHolder || parent === undefined) return true;
    if (seen.has(id)) return false;
    seen.add(id);
    one = parent;
  }
  return false;
}

export interface GracePeriodChoice {
  readonly key: string;
  readonly label: string;
  /** Undefined: nothing is sent. */
  readonly seconds: number | undefined;
}

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

const AT_ONCE: GracePeriodChoice = { key: "0", label: "Stops at once", seconds: 0 };
const KEEPS: GracePeriodChoice = { key: "", label: "Keeps its end", seconds: undefined };
const GRACE_SPANS: readonly GracePeriodChoice[] = [
  { key: "1h", label: "Works for 1 more hour", seconds: HOUR_SECONDS },
  { key: "1d", label: "Works for 1 more day", seconds: DAY_SECONDS },
  { key: "7d", label: "Works for 7 more days", seconds: 7 * DAY_SECONDS },
];

/**
 * `isOwn`: the page is signed in with the token. Its session ends with the old secret, and the new one would be lost.
 * `isUnderWay`: an earlier old secret still works, and its end can only come sooner.
 */
export function gracePeriodChoices(about: {
  readonly isOwn: boolean;
  readonly isUnderWay: boolean;
}): readonly GracePeriodChoice[] {
  const later = about.isUnderWay ? [KEEPS] : GRACE_SPANS;
  return about.isOwn ? later : [...later, AT_ONCE];
}

/** A day, or the end that there is already. */
export function firstGracePeriod(choices: readonly GracePeriodChoice[]): string {
  return choices.some(({ key }) => key === "1d") ? "1d" : (choices[0]?.key ?? "");
}
