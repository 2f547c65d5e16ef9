/**
 * Run ids: UUIDs of version 8 (RFC 9562 section 5.8) that sort by creation and can't be forged.
 *
 *   48 bits  createdAt, ms since the epoch
 *    4 bits  version, 8
 *   12 bits  random
 *    2 bits  variant, 0b10
 *   30 bits  random
 *   32 bits  HMAC over the rest and the scope
 *
 * The tag may be short because it grants no access. It only keeps a stranger from waking objects that need not exist.
 */

import { hyphenated, timeHex } from "../base/ids.ts";
import type { KeyRing } from "../settings/key-ring.ts";

export const AFTER_ALL_IDS = "g";

export function behind(id: string): string {
  return `${id}~`;
}

/** `{o}/{p}/{envName}`: the environment, which is also the name of its coordinator. */
const SCOPE = /^[^/]+\/[^/]+\/[^/]+$/;

/** When a run was created, in ms, by its canonical id, whether or not it is genuine. NaN for a text that is no id. */
export function createdAtOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

export async function createRunId(ring: KeyRing, scope: string, createdAt: number): Promise<string> {
  const random = crypto.getRandomValues(new Uint8Array(6));
  // The version and the variant take the place of six random bits.
  random[0] = 0x80 | ((random[0] ?? 0) & 0x0f);
  random[2] = 0x80 | ((random[2] ?? 0) & 0x3f);
  const head = timeHex(createdAt) + random.toHex();
  return hyphenated(head + tagOf(await ring.sign("run-id", taggedText(scope, head))));
}

export async function isGenuineRunId(ring: KeyRing, scope: string, id: string): Promise<boolean> {
  const hex = id.replaceAll("-", "");
  const head = hex.slice(0, 24);
  if (hex[12] !== "8") return false;
  const signatures = await ring.signWithEach("run-id", taggedText(scope, head));
  // No constant-time comparison, because the tag is no secret and grants no access.
  return signatures.some((signature) => tagOf(signature) === hex.slice(24));
}

export function isScope(name: string): boolean {
  return SCOPE.test(name);
}

function taggedText(scope: string, head: string): string {
  return `action-runs run-id v1\n${scope}\n${head}`;
}

function tagOf(signature: Uint8Array<ArrayBuffer>): string {
  return signature.subarray(0, 4).toHex();
}
