/** Who acts on a run: a token, and perhaps the person for whom it acts. PURE. */

/** What a rule must know of who acts. `parents` is the token's line of parents as it was at that moment. */
export interface Actor {
  /** The API token's id, or `root`. */
  readonly tokenId: string;
  readonly tokenName: string;
  /** Ids of the tokens above it, the nearest first. The operator is nobody's parent. */
  readonly parents: readonly string[];
  /** The person for whom the token acts, in lower case; null if it names none. */
  readonly person: string | null;
}

/** The name that a run shows: the person, or the token. */
export function nameOf({ person, tokenName }: Actor): string {
  return person ?? tokenName;
}

/** The token that acted for a person; null if the run shows the token itself. */
export function viaOf({ person, tokenName }: Actor): string | null {
  return person === null ? null : tokenName;
}

/** Whether both are the same: the same person, or the same token if one of them names no person. */
export function isSameActor(a: Actor, b: Actor): boolean {
  if (a.person !== null && b.person !== null) return a.person === b.person;
  return a.tokenId === b.tokenId && a.person === b.person;
}

/**
 * Whether one could act as the other. If both name a person, persons alone decide. Otherwise the same token, a token
 * above it and a token below it count as one, because the holder of a token can create the tokens below it.
 */
export function isOneself(a: Actor, b: Actor): boolean {
  if (a.person !== null && b.person !== null) return a.person === b.person;
  return a.tokenId === b.tokenId || a.parents.includes(b.tokenId) || b.parents.includes(a.tokenId);
}
