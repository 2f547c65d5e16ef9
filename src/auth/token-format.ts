/**
 * The formats of tokens. PURE except for WebCrypto.
 *
 * - An API token is `terr_` and 32 random bytes. D1 keeps only the SHA-256 hash of a token, which is shown once.
 * - The command line sends `ters_` and 32 random bytes for a session by sign-in. The session's row has the hash.
 * - A callback token opens one run: it reads and reports it. It is `{runId}:{expiresAtMs}:{hmac}`: a lower-case UUID, 13
 *   digits, 64 lower-case hex digits. The one spelling is checked before any crypto. All refusals except lateness look
 *   alike, so that a forger learns nothing.
 */
import type { KeyRing } from "../settings/key-ring.ts";

const API_TOKEN = /^terr_[A-Za-z0-9_-]{43}$/;

export function isApiToken(text: string): boolean {
  return API_TOKEN.test(text);
}

export function newApiToken(): string {
  return `terr_${randomText(32)}`;
}

const COMMAND_LINE_TOKEN = /^ters_[A-Za-z0-9_-]{43}$/;

/** Whether a text has the format of what the command line sends for a session by sign-in. */
export function isCommandLineToken(text: string): boolean {
  return COMMAND_LINE_TOKEN.test(text);
}

export function newCommandLineToken(): string {
  return `ters_${randomText(32)}`;
}

/** `bytes` random bytes as base64url. */
export function randomText(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return random.toBase64({ alphabet: "base64url", omitPadding: true });
}

const CALLBACK_TOKEN = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9]{13}):([0-9a-f]{64})$/;

/** Whether a text has the format of a callback token, genuine or not. */
export function isCallbackToken(text: string): boolean {
  return CALLBACK_TOKEN.test(text);
}

/** What a token grants. `scope` is `{org}/{project}/{env}`; `expiresAt` is in ms. */
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

/** A token in the format of a genuine one, for a run that does not exist. No key has signed it, so it opens nothing. */
export function madeUpCallbackToken({ runId, expiresAt }: Omit<CallbackGrant, "scope">): string {
  return `${runId}:${expiresAt}:${"0".repeat(64)}`;
}

/**
 * The grant, or null if `token` is not genuine for this run. The caller checks `expiresAt`, because a late token may
 * open a replay.
 */
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
