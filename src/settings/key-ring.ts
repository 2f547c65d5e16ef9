/**
 * The signing keys of CALLBACK_SIGNING_KEYS. The first key signs and seals, and all keys verify and open, so that keys
 * rotate while runs are open. HKDF (RFC 5869) derives a key for each purpose, so that a signature made for one purpose
 * never passes for another.
 */
import { BoundedMap } from "../base/bounded-map.ts";
import { err, ok, type Result } from "../base/result.ts";

const KEYS_MAX = 4;

type Bytes = Uint8Array<ArrayBuffer>;
/** `key-id` identifies a key without revealing anything of it. */
export type KeyPurpose = "callback-token" | "run-id" | "fingerprint" | "key-id";
/** The purposes of the AES-256-GCM keys that seal. The other keys are for HMAC. */
const SEAL_PURPOSES = ["webhooks", "definition-secrets"] as const;
export type SealPurpose = (typeof SEAL_PURPOSES)[number];
const IV_BYTES = 12;

export interface KeyRing {
  sign(purpose: KeyPurpose, text: string): Promise<Bytes>;
  /** True if any key of the ring made `signature` over `text`. */
  verify(purpose: KeyPurpose, text: string, signature: Bytes): Promise<boolean>;
  /** The signature of each key, for callers that keep only a part of a signature. */
  signWithEach(purpose: KeyPurpose, text: string): Promise<readonly Bytes[]>;
  /** Encrypts `text`. Only the same purpose and the same `about`, which says what the text belongs to, open it. */
  seal(text: string, about: string, purpose?: SealPurpose): Promise<Bytes>;
  /** The text, or null if no key of the ring sealed this with this `about`. */
  open(sealed: Bytes, about: string, purpose?: SealPurpose): Promise<string | null>;
  /** A short id of each key for `purpose`, the first key's first. */
  keyIds(purpose: string): Promise<readonly string[]>;
}

/** Enough to tell a few keys apart. */
const KEY_ID_BYTES = 8;

const encoder = new TextEncoder();

/** Per isolate: one ring for each value of the secret. A deploy starts new isolates, so there are one or two. */
const rings = new BoundedMap<Result<KeyRing, string>>(8);

/** The ring for a value of CALLBACK_SIGNING_KEYS, or a sentence that says what is wrong with the value. */
export function keyRing(secret = ""): Result<KeyRing, string> {
  const known = rings.get(secret);
  if (known !== undefined) return known;
  const ring = parse(secret);
  rings.set(secret, ring);
  return ring;
}

function parse(value: string): Result<KeyRing, string> {
  const advice = "Make a key with `openssl rand -hex 32` and set it with `wrangler secret put CALLBACK_SIGNING_KEYS`.";
  if (value.trim() === "") return err(`CALLBACK_SIGNING_KEYS is not set. ${advice}`);
  const keys = value.split(",").map((key) => key.trim());
  if (keys.length > KEYS_MAX) {
    return err(`CALLBACK_SIGNING_KEYS has ${keys.length} keys; at most ${KEYS_MAX} are used. Remove the oldest.`);
  }
  for (const [index, key] of keys.entries()) {
    const weakness = weaknessOf(key);
    if (weakness !== null) return err(`Key ${index + 1} of CALLBACK_SIGNING_KEYS ${weakness} ${advice}`);
  }
  return ok(createRing(keys.map((key) => Uint8Array.from(encoder.encode(key)))));
}

function createRing(secrets: readonly Bytes[]): KeyRing {
  // Keys and not promises: a promise of a cancelled request never settles, and later requests would wait for it.
  const derived = new Map<string, CryptoKey[]>();
  async function keysFor(purpose: KeyPurpose | SealPurpose): Promise<CryptoKey[]> {
    const known = derived.get(purpose);
    if (known !== undefined) return known;
    const keys = await Promise.all(secrets.map((secret) => derive(secret, purpose)));
    derived.set(purpose, keys);
    return keys;
  }
  async function firstKeyFor(purpose: KeyPurpose | SealPurpose): Promise<CryptoKey> {
    const [first] = await keysFor(purpose);
    if (first === undefined) throw new Error("an empty key ring");
    return first;
  }
  return {
    sign: async (purpose, text) => hmac(await firstKeyFor(purpose), text),
    signWithEach: async (purpose, text) => Promise.all((await keysFor(purpose)).map((key) => hmac(key, text))),
    keyIds: async (purpose) =>
      Promise.all(
        (await keysFor("key-id")).map(async (key) => (await hmac(key, purpose)).subarray(0, KEY_ID_BYTES).toHex()),
      ),
    async verify(purpose, text, signature) {
      const bytes = encoder.encode(text);
      for (const key of await keysFor(purpose)) {
        if (await crypto.subtle.verify("HMAC", key, signature, bytes)) return true;
      }
      return false;
    },
    async seal(text, about, purpose = "webhooks") {
      const key = await firstKeyFor(purpose);
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const sealed = await crypto.subtle.encrypt(aesGcm(iv, about), key, encoder.encode(text));
      return new Uint8Array(await new Blob([iv, sealed]).arrayBuffer());
    },
    async open(sealed, about, purpose = "webhooks") {
      const algorithm = aesGcm(sealed.subarray(0, IV_BYTES), about);
      for (const key of await keysFor(purpose)) {
        const opening = crypto.subtle.decrypt(algorithm, key, sealed.subarray(IV_BYTES));
        const bytes = await opening.catch(() => null);
        if (bytes !== null) return new TextDecoder().decode(bytes);
      }
      return null;
    },
  };
}

async function hmac(key: CryptoKey, text: string): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
}

function aesGcm(iv: Bytes, about: string) {
  return { name: "AES-GCM", iv, additionalData: encoder.encode(about) };
}

async function derive(secret: Bytes, purpose: KeyPurpose | SealPurpose): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const info = encoder.encode(`action-runs ${purpose} v1`);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
  const [algorithm, usages] = SEAL_PURPOSES.some((one) => one === purpose)
    ? [{ name: "AES-GCM", length: 256 }, ["encrypt", "decrypt"]]
    : [{ name: "HMAC", hash: "SHA-256", length: 256 }, ["sign", "verify"]];
  return crypto.subtle.deriveKey(hkdf, material, algorithm, false, usages);
}

/* SECTION: Checks that a secret of the operator's can't be guessed. The sentence never contains any of the secret. */

const MIN_BYTES = 32;
/**
 * Refuses a key or a short word that repeats, however long the secret is. A random key almost never fails: 64 hex
 * digits fail once in 10^18, and 32 hex digits once in 25 million.
 */
const MIN_DIFFERENT = 8;

/** What is wrong, as a sentence that continues the secret's name; null if nothing is wrong. */
export function weaknessOf(secret: string): string | null {
  const bytes = new TextEncoder().encode(secret);
  if (bytes.byteLength < MIN_BYTES) {
    return `has ${bytes.byteLength} bytes; at least ${MIN_BYTES} are needed.`;
  }
  if (new Set(bytes).size < MIN_DIFFERENT) {
    return `has fewer than ${MIN_DIFFERENT} different bytes, so it is easy to guess.`;
  }
  return null;
}
