/** UUIDs as text: one spelling, and ids that sort by creation. Also what identifies an actor. PURE. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The canonical lower-case spelling, or null if `text` is not a UUID. */
export function parseUuid(text: string): string | null {
  return UUID.test(text) ? text.toLowerCase() : null;
}

/** A UUID of version 7 (RFC 9562 section 5.7), for entries that only need to sort by creation. */
export function newUuidV7(now: number): string {
  const random = crypto.getRandomValues(new Uint8Array(10));
  random[0] = 0x70 | ((random[0] ?? 0) & 0x0f);
  random[2] = 0x80 | ((random[2] ?? 0) & 0x3f);
  return hyphenated(timeHex(now) + random.toHex());
}

export function timeHex(ms: number): string {
  return ms.toString(16).padStart(12, "0");
}

const MAX_MS = 2 ** 48 - 1;

/** The lowest id that can be created at `ms` or later. */
export function firstIdAt(ms: number): string {
  return hyphenated(timeHex(Math.min(Math.max(ms, 0), MAX_MS)) + "0".repeat(20));
}

export function hyphenated(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * A token and its parents as one text: `/{top}/…/{parent}/{token}/`. What a token or one below it created has a lineage
 * that begins with the token's, so an index finds it, also when these tokens are gone.
 */
export function lineageOf(tokenId: string, parents: readonly string[]): string {
  return `/${[tokenId, ...parents].reverse().join("/")}/`;
}

/** What a proof said of who acts (src/auth/identity). */
export interface Proven {
  /** SHA-256 of issuer and subject of the sign-in, in hex, without a key: runs wait longer than keys last. */
  readonly identity?: string;
  /** The person of that sign-in, or of the program's token. */
  readonly person?: string;
  readonly subject?: string;
}

/** SQL: whether `column` is `lineage`, or one below it. No id contains a character behind the tilde. */
export function isWithinLineage(column: string, lineage: string): string {
  return `${column} >= ${lineage} AND ${column} < ${lineage} || '~'`;
}
