/** What a token can do, give and become. PURE. */
import type { Schemas } from "../../client/index.ts";
import { laterInstant } from "../../words/since.ts";

type ApiToken = Schemas["ApiToken"];
type CurrentToken = Schemas["CurrentToken"];

export type Role = ApiToken["role"];

/** What each role may do, from the most to the least. */
export const RIGHTS: Readonly<Record<Role, string>> = {
  owner: "everything, and creates every token",
  admin: "everything, but can't create owners",
  member: "reads, runs, cancels and retries",
  viewer: "only reads",
};

const ROLES = Object.keys(RIGHTS) as readonly Role[];

/**
 * A token creates only tokens of its own role and of those below. A session of ROOT_TOKEN, or by signing in, creates no
 * owners and no token with a flag.
 */
export function grantableRoles(holder: Pick<Holder, "id" | "issuer" | "role">): readonly Role[] {
  return ROLES.slice(ROLES.indexOf(holder.role)).filter((role) => role !== "owner" || !isPassing(holder));
}

type Holder = Pick<CurrentToken, "id" | "issuer" | "role" | "person" | "mayActForOthers">;

/** Whether the session began with ROOT_TOKEN or by signing in. What it creates outlives it. */
function isPassing({ id, issuer }: Pick<Holder, "id" | "issuer">): boolean {
  return id === null || issuer !== null;
}

/**
 * What the holder can give to a token. `person`: whether the holder chooses the person. An owner's token with a person
 * chooses between that person and nobody.
 */
export function grantableOf(holder: Holder) {
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
  const words = [
    person !== null && `for ${person}`,
    mayApprove && "may approve",
    mayActForOthers && "may act for others",
  ];
  return words.filter((one) => one !== false);
}

export type Trust = NonNullable<ApiToken["trust"]>;

/** In a line for each: who opens the token, and what their proof must say. */
export function trustWords({ for: whom, issuer, claims }: Trust): readonly string[] {
  const said = Object.entries(claims).map(([name, value]) => `${name}: ${[value].flat().join(" or ")}`);
  return [`${whom} of ${issuer}`, ...said];
}

/** Values of a select with their words. A value is a duration, `0`, or empty if nothing is sent. */
type Choices = readonly (readonly [duration: string, words: string])[];

const BY_SIGN_IN_MAX_MS = msOf("90d");

const SPANS: Choices = [
  ["1h", "In 1 hour"],
  ["1d", "In 1 day"],
  ["7d", "In 7 days"],
  ["30d", "In 30 days"],
  ["90d", "In 90 days"],
  ["365d", "In 1 year"],
];

function msOf(duration: string): number {
  return laterInstant(duration, new Date(0))?.getTime() ?? 0;
}

/**
 * When a new token can expire, and the choice that is made first: the longest of at most 90 days, because a token that
 * lives forever must be chosen. `ownExpiresAt`: when the creator's token expires, in ms. Null: never. The new token can't
 * outlive it. `isBySignIn`: the creator signed in at an issuer, so the new token lives for 90 days at most.
 */
export function expiryChoices(ownExpiresAt: number | null, now: number, isBySignIn = false) {
  const own = ownExpiresAt === null ? Number.POSITIVE_INFINITY : ownExpiresAt - now;
  const longest = isBySignIn ? Math.min(own, BY_SIGN_IN_MAX_MS) : own;
  const spans = SPANS.filter(([duration]) => msOf(duration) < longest);
  // The service counts the 90 days: if the clock of this browser is ahead, it would refuse their end.
  const last = longest < own ? "In 90 days" : ownExpiresAt === null ? "Never" : "With your own token";
  const choices: Choices = [...spans, ["", last]];
  const [first = ""] = spans.findLast(([duration]) => msOf(duration) <= BY_SIGN_IN_MAX_MS) ?? [];
  return { choices, first: longest < own ? "" : first };
}

type Listed = Pick<
  ApiToken,
  "id" | "role" | "parentId" | "createdBy" | "oldSecretExpiresAt" | "mayApprove" | "mayActForOthers" | "trust"
>;

/**
 * False if the service would refuse. `tokens`: those that the page has. A token's parents can be on another page. The page
 * knows by name alone who minted a token.
 */
export function isRotatable(
  token: Listed,
  holder: Pick<CurrentToken, "id" | "issuer" | "person">,
  tokens: readonly Listed[],
): boolean {
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

const GRACE_SPANS: Choices = [
  ["1h", "Works for 1 more hour"],
  ["1d", "Works for 1 more day"],
  ["7d", "Works for 7 more days"],
];

/**
 * `isOwn`: the page is signed in with the token. Its session ends with the old secret, and the new one would be lost.
 * `isUnderWay`: an earlier old secret still works, and its end can only come sooner.
 */
export function gracePeriodChoices(about: { readonly isOwn: boolean; readonly isUnderWay: boolean }): Choices {
  const later: Choices = about.isUnderWay ? [["", "Keeps its end"]] : GRACE_SPANS;
  return about.isOwn ? later : [...later, ["0", "Stops at once"]];
}

/** A day, or the end that there is already. */
export function firstGracePeriod(choices: Choices): string {
  return choices.some(([duration]) => duration === "1d") ? "1d" : "";
}

export function secondsOf(duration: string): number | undefined {
  return duration === "" ? undefined : msOf(duration) / 1000;
}
