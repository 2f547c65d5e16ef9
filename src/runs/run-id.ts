/**
 * Run ids: UUIDs of version 8 (RFC 9562 section 5.8) that sort by creation, name the coordinator that owns the run, and
 * can't be forged.
 *
 *   48 bits  createdAt, ms since the epoch
 *    4 bits  version, 8
 *   12 bits  coordinator number
 *    2 bits  variant, 0b10
 *   30 bits  random
 *   32 bits  HMAC over the rest and the scope
 *
 * The tag may be short because it grants no access. It only keeps a stranger from waking objects that need not exist.
 */

import { hyphenated, timeHex } from "../base/uuid.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import type { Slot } from "./gates.ts";

/** How many coordinators share an environment's runs. Never change it, or an Idempotency-Key finds another one. */
export const COORDINATORS = 4;

/** Sorts after every id. */
export const AFTER_ALL_IDS = "g";

const COORDINATOR_NAME = /^([^/]+\/[^/]+\/[^/]+)\/(0|[1-9]\d{0,3})$/;
/** The highest number that fits into an id's 12 bits. */
const MAX_COORDINATOR = 2 ** 12 - 1;

export interface RunIdParts {
  readonly createdAt: number;
  readonly coordinator: number;
}

/** Reads a canonical run id, whether or not it is genuine. */
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

/** Whether this service minted the id for this scope, with a key that is still in the ring. */
export async function isGenuineRunId(ring: KeyRing, scope: string, id: string): Promise<boolean> {
  const hex = id.replaceAll("-", "");
  const head = hex.slice(0, 24);
  if (hex[12] !== "8") return false;
  const signatures = await ring.signWithEach("run-id", taggedText(scope, head));
  // No constant-time comparison, because the tag is no secret and grants no access.
  return signatures.some((signature) => tagOf(signature) === hex.slice(24));
}

/** The name of the object that owns the runs of `coordinator` in `scope`. */
export function coordinatorName(scope: string, coordinator: number): string {
  return `${scope}/${coordinator}`;
}

/**
 * Which runs a coordinator owns: those of the scope `{o}/{p}/{envName}` with its number `n`. `name`: the object's name.
 */
export interface Owner {
  readonly name: string;
  readonly scope: string;
  readonly n: number;
}

/** Reads a coordinator's name; null if it is not one. */
export function readCoordinatorName(name: string): Owner | null {
  const [, scope = "", digits = ""] = COORDINATOR_NAME.exec(name) ?? [];
  const n = Number(digits);
  return scope !== "" && n <= MAX_COORDINATOR ? { name, scope, n } : null;
}

/** FNV-1a of the key, so that the same key always goes to the same coordinator. */
export function coordinatorOfKey(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % COORDINATORS;
}

/**
 * All runs that share slots live in one coordinator, which alone can say who holds a slot. Neither part can contain a
 * line break, so no other slot has this text.
 */
export function coordinatorOfSlot({ group, key }: Slot): number {
  return coordinatorOfKey(`${group}\n${key}`);
}

export function randomCoordinator(): number {
  return (crypto.getRandomValues(new Uint8Array(1))[0] ?? 0) % COORDINATORS;
}

function taggedText(scope: string, head: string): string {
  return `action-runs run-id v1\n${scope}\n${head}`;
}

function tagOf(signature: Uint8Array<ArrayBuffer>): string {
  return signature.subarray(0, 4).toHex();
}
