/**
 * The formats of tokens. PURE except for WebCrypto.
 *
 * - An API token is `terr_` and 32 random bytes. D1 keeps only the SHA-256 hash of a token, which is shown once.
 * - The command line sends `ters_` and 32 random bytes for a session by sign-in. The session's row has the hash.
 * - An access token is what a program gets for its proof: `tera_` and a sealed text. It has no row, so there can be any
 *   number of them, and a matrix of jobs costs one read of D1, of the token that they opened. Whoever has the key ring can
 *   seal one for every token whose trust is for programs.
 * - A callback token opens one run: it reads and reports it. It is `{runId}:{expiresAtMs}:{hmac}`: a lower-case UUID, 13
 *   digits, 64 lower-case hex digits. The one spelling is checked before any crypto. All refusals except lateness look
 *   alike, so that a forger learns nothing.
 */
import type { KeyRing } from "../settings/key-ring.ts";

const ACCESS_TOKEN = /^tera_([A-Za-z0-9_-]{100,4000})$/;
const CALLBACK_TOKEN = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9]{13}):([0-9a-f]{64})$/;

const FORMATS = [
  ["api", /^terr_[A-Za-z0-9_-]{43}$/],
  ["command line", /^ters_[A-Za-z0-9_-]{43}$/],
  ["access", ACCESS_TOKEN],
  ["callback", CALLBACK_TOKEN],
] as const;

/** The format of a text, genuine or not. Undefined: no token has it. */
export function formatOf(text: string): (typeof FORMATS)[number][0] | undefined {
  return FORMATS.find(([, pattern]) => pattern.test(text))?.[0];
}

export function newApiToken(): string {
  return `terr_${randomText(32)}`;
}

export function newCommandLineToken(): string {
  return `ters_${randomText(32)}`;
}

/** `bytes` random bytes as base64url. */
export function randomText(bytes: number): string {
  return base64url(crypto.getRandomValues(new Uint8Array(bytes)));
}

export function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

const ACCESS = "access token v1";

/** What an access token says. */
export interface ProgramAccess {
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

export async function sealAccessToken(ring: KeyRing, access: ProgramAccess): Promise<string> {
  return `tera_${base64url(await ring.seal(JSON.stringify(access), ACCESS, "access-tokens"))}`;
}

/** Null if no key of the ring sealed it. The caller checks `expiresAt`. */
export async function openAccessToken(ring: KeyRing, token: string): Promise<ProgramAccess | null> {
  const [, text = ""] = ACCESS_TOKEN.exec(token) ?? [];
  // Four characters of base64 code three bytes. A single one at the end codes nothing, and decoding would throw.
  if (text.length % 4 === 1) return null;
  const opened = await ring.open(Uint8Array.fromBase64(text, { alphabet: "base64url" }), ACCESS, "access-tokens");
  return opened === null ? null : (JSON.parse(opened) as ProgramAccess);
}

/** What a callback token grants. `scope` is `{org}/{project}/{env}`; `expiresAt` is in ms. */
export interface CallbackGrant {
  readonly scope: string;
  readonly runId: string;
  readonly expiresAt: number;
}

/** Contains the purpose and a version, so that no other signature of the key can pass for a token. */
function signedText(grant: CallbackGrant): string {
  return `action-runs callback v1\n${grant.scope}\n${grant.runId}\n${grant.expiresAt}`;
}

export async function signCallbackToken(ring: KeyRing, grant: CallbackGrant): Promise<string> {
  const hmac = await ring.sign("callback-token", signedText(grant));
  return `${grant.runId}:${grant.expiresAt}:${hmac.toHex()}`;
}

/** For a run that does not exist. No key has signed it, so it opens nothing. */
export function madeUpCallbackToken({ runId, expiresAt }: Omit<CallbackGrant, "scope">): string {
  return `${runId}:${expiresAt}:${"0".repeat(64)}`;
}

/** Null if `token` is not genuine for this run. The caller checks `expiresAt`: a late token may open a replay. */
export async function verifyCallbackToken(
  ring: KeyRing,
  token: string,
  scope: string,
  runId: string,
): Promise<CallbackGrant | null> {
  const [, tokenRunId, expiresAt, hmac] = CALLBACK_TOKEN.exec(token) ?? [];
  if (tokenRunId !== runId || expiresAt === undefined || hmac === undefined) return null;
  const grant = { scope, runId, expiresAt: Number(expiresAt) };
  const genuine = await ring.verify("callback-token", signedText(grant), Uint8Array.fromHex(hmac));
  return genuine ? grant : null;
}
