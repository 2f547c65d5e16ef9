/**
 * Access tokens: what a program gets for its proof. An access token is sealed and has no row, so there can be any number
 * of them, and a matrix of jobs costs one read of D1, of the token that they opened. Whoever has the key ring can seal
 * one for every token whose trust is for programs. PURE except for WebCrypto.
 */
import { MINUTE_MS } from "../../base/time.ts";
import type { KeyRing } from "../../settings/key-ring.ts";
import type { Principal } from "../principal.ts";

/** It ends with its token at the latest, whose end never changes. */
export const ACCESS_TOKEN_LASTS_MS = 15 * MINUTE_MS;

const ACCESS_TOKEN = /^tera_([A-Za-z0-9_-]{100,4000})$/;
const ABOUT = "access token v1";

/** What an access token says. */
interface ProgramAccess {
  readonly tokenId: string;
  /** `{org}/{project}`. */
  readonly project: string;
  readonly issuer: string;
  /** The program, as its issuer names it. */
  readonly subject: string;
  /** Log lines name the requests of one access token by it. */
  readonly id: string;
  /** In ms. */
  readonly expiresAt: number;
}

/** Whether a text has the format of an access token, genuine or not. */
export function isAccessToken(text: string): boolean {
  return ACCESS_TOKEN.test(text);
}

export async function sealAccessToken(ring: KeyRing, access: ProgramAccess): Promise<string> {
  const sealed = await ring.seal(JSON.stringify(access), ABOUT, "access-tokens");
  return `tera_${sealed.toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

/** Null if no key of the ring sealed it. The caller checks `expiresAt`. */
export async function openAccessToken(ring: KeyRing, token: string): Promise<ProgramAccess | null> {
  const [, text = ""] = ACCESS_TOKEN.exec(token) ?? [];
  // Four characters of base64 code three bytes. A single one at the end codes nothing, and decoding would throw.
  if (text.length % 4 === 1) return null;
  const opened = await ring.open(Uint8Array.fromBase64(text, { alphabet: "base64url" }), ABOUT, "access-tokens");
  return opened === null ? null : (JSON.parse(opened) as ProgramAccess);
}

/**
 * The principal of an access token. The program is the creator of its runs, not the person who started it. `token`: the token's row, which has the proven person and identity of who minted it.
 */
export function programOf(token: Principal, { issuer, subject, expiresAt }: ProgramAccess): Principal {
  const person = token.person ?? token.proven?.person;
  return { ...token, proven: { ...token.proven, subject, ...(person !== undefined && { person }) }, issuer, expiresAt };
}
