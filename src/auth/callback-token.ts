/**
 * Callback tokens: what opens one run's callback and nothing else. PURE but for WebCrypto.
 *
 * On the wire `{runId}:{expiresAtMs}:{hmac}`: lower-case uuid, 13 digits, 64 lower-case hex digits. There is
 * one spelling, checked before any crypto, so that no two strings are the same token.
 * Every refusal but lateness is one and the same to the caller: a forger learns nothing.
 */

import type { KeyRing } from "../key-ring.ts";
import { err, ok, type Result } from "../result.ts";

const TOKEN = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9]{13}):([0-9a-f]{64})$/;

/** What a token speaks for. `scope` is `{org}/{project}/{env}`; `expiresAt` in ms. */
export interface CallbackGrant {
  readonly scope: string;
  readonly runId: string;
  readonly expiresAt: number;
}

/** Names its purpose and a version, so that no other use of the key can be mistaken for it. */
function signedText(grant: CallbackGrant): string {
  return `action-runs callback v1\n${grant.scope}\n${grant.runId}\n${grant.expiresAt}`;
}

export async function signCallbackToken(ring: KeyRing, grant: CallbackGrant): Promise<string> {
  const hmac = await ring.sign("callback-token", signedText(grant));
  return `${grant.runId}:${grant.expiresAt}:${hmac.toHex()}`;
}

/**
 * The grant, if `token` is genuine for this run of this scope. Expiry is the caller's to judge by
 * `expiresAt`: a genuine late token may still open a replay.
 */
export async function verifyCallbackToken(
  ring: KeyRing,
  token: string,
  scope: string,
  runId: string,
): Promise<Result<CallbackGrant, "not_genuine">> {
  const [, tokenRunId, expiresAt, hmac] = TOKEN.exec(token) ?? [];
  if (tokenRunId !== runId || expiresAt === undefined || hmac === undefined) return err("not_genuine");
  const grant = { scope, runId, expiresAt: Number(expiresAt) };
  const genuine = await ring.verify("callback-token", signedText(grant), Uint8Array.fromHex(hmac));
  return genuine ? ok(grant) : err("not_genuine");
}
