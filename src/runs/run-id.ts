/**
 * Run ids: UUIDs of version 8 (RFC 9562 section 5.8) that sort by creation, say which coordinator owns the
 * run, and can't be made up.
 *
 *   48 bits  createdAt, ms since the epoch
 *    4 bits  version, 8
 *   12 bits  coordinator number
 *    2 bits  variant, 0b10
 *   30 bits  random
 *   32 bits  HMAC over the rest and the scope
 *
 * The tag is short on purpose: it keeps a stranger from waking objects that need not exist. It opens nothing.
 */

import type { KeyRing } from "../key-ring.ts";
import { hyphenated, timeHex } from "../uuid.ts";

/** How many coordinators share an environment's runs. What an Idempotency-Key hashes over must never move. */
export const COORDINATORS = 4;

const COORDINATOR_NAME = /^([^/]+\/[^/]+\/[^/]+)\/(0|[1-9]\d{0,3})$/;
/** As many as an id's 12 bits can tell apart. */
const MAX_COORDINATOR = 2 ** 12 - 1;
const MAX_MS = 2 ** 48 - 1;

export interface RunIdParts {
  readonly createdAt: number;
  readonly coordinator: number;
}

/** What a canonical run id says of itself, whether genuine or not. */
export function readRunId(id: string): RunIdParts {
  return {
    createdAt: Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16),
    coordinator: Number.parseInt(id.slice(15, 18), 16),
  };
}

export async function mintRunId(ring: KeyRing, scope: string, parts: RunIdParts): Promise<string> {
  const random = crypto.getRandomValues(new Uint8Array(4));
  random[0] = 0x80 | ((random[0] ?? 0) & 0x3f);
  const head = `${timeHex(parts.createdAt)}8${parts.coordinator.toString(16).padStart(3, "0")}${random.toHex()}`;
  return hyphenated(head + tagOf(await ring.sign("run-id", taggedText(scope, head))));
}

/** Whether the id was minted here, for this scope, under a key that is still in the ring. */
export async function isGenuineRunId(ring: KeyRing, scope: string, id: string): Promise<boolean> {
  const hex = id.replaceAll("-", "");
  const head = hex.slice(0, 24);
  if (hex[12] !== "8") return false;
  const signatures = await ring.signWithEach("run-id", taggedText(scope, head));
  // A plain compare: the tag is 32 bits against waking objects, not a secret that opens anything.
  return signatures.some((signature) => tagOf(signature) === hex.slice(24));
}

/** The name of the object that owns the runs of `coordinator` in `scope`. */
export function coordinatorName(scope: string, coordinator: number): string {
  return `${scope}/${coordinator}`;
}

/** Whose runs a coordinator owns: `{o}/{p}/{envName}` and its number. `name` is the object's. */
export interface Owner {
  readonly name: string;
  readonly scope: string;
  readonly n: number;
}

/** What a coordinator's name says, or null where it names none. */
export function readCoordinatorName(name: string): { readonly scope: string; readonly n: number } | null {
  const [, scope = "", digits = ""] = COORDINATOR_NAME.exec(name) ?? [];
  const n = Number(digits);
  return scope !== "" && n <= MAX_COORDINATOR ? { scope, n } : null;
}

/** FNV-1a of the key: the same key goes to the same coordinator, for ever. */
export function coordinatorOfKey(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % COORDINATORS;
}

export function randomCoordinator(): number {
  return (crypto.getRandomValues(new Uint8Array(1))[0] ?? 0) % COORDINATORS;
}

/** Every id made at `ms` or later is at least this. */
export function firstIdAt(ms: number): string {
  return hyphenated(timeHex(Math.min(Math.max(ms, 0), MAX_MS)) + "0".repeat(20));
}

function taggedText(scope: string, head: string): string {
  return `action-runs run-id v1\n${scope}\n${head}`;
}

function tagOf(signature: Uint8Array<ArrayBuffer>): string {
  return signature.subarray(0, 4).toHex();
}
