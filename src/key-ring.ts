/**
 * The signing keys of CALLBACK_SIGNING_KEYS: the first signs and seals, all verify and open, so that keys rotate
 * without killing runs in flight. Each purpose has a key of its own, derived with HKDF (RFC 5869), so that what is
 * made for one can never be taken for another.
 */

import { err, ok, type Result } from "./result.ts";
import { weaknessOf } from "./secret-strength.ts";

export const KEYS_MAX = 4;

/** `key-id`: to name a key without telling anything of it. */
export type KeyPurpose = "callback-token" | "run-id" | "fingerprint" | "key-id";
/** Of the key that seals, AES-256-GCM. */
const SEALING = "delivery";
const IV_BYTES = 12;

export interface KeyRing {
  sign(purpose: KeyPurpose, text: string): Promise<Uint8Array<ArrayBuffer>>;
  /** True if any key of the ring made `signature` over `text`. */
  verify(purpose: KeyPurpose, text: string, signature: Uint8Array<ArrayBuffer>): Promise<boolean>;
  /** For signatures kept only in part: what each key would sign. */
  signWithEach(purpose: KeyPurpose, text: string): Promise<readonly Uint8Array<ArrayBuffer>[]>;
  /** Encrypts `text`, to be opened only with the same `about`: what it belongs to. */
  seal(text: string, about: string): Promise<Uint8Array<ArrayBuffer>>;
  /** The text, or null where no key of the ring sealed this about that. */
  open(sealed: Uint8Array<ArrayBuffer>, about: string): Promise<string | null>;
}

const encoder = new TextEncoder();
const HMAC = { name: "HMAC", hash: "SHA-256" } as const;

/** Per isolate: one ring for each value of the secret; a deploy starts new isolates, so it holds one or two. */
const rings = new Map<string, Result<KeyRing, string>>();

/** The ring for a value of CALLBACK_SIGNING_KEYS, or a sentence that says what is wrong with it. */
export function keyRing(secret: string | undefined): Result<KeyRing, string> {
  const value = secret ?? "";
  let ring = rings.get(value);
  if (ring === undefined) {
    ring = parse(value);
    if (rings.size >= 8) rings.clear();
    rings.set(value, ring);
  }
  return ring;
}

function parse(value: string): Result<KeyRing, string> {
  const advice =
    "Make one with `openssl rand -hex 32` and set it with `wrangler secret put CALLBACK_SIGNING_KEYS`.";
  if (value.trim() === "") return err(`CALLBACK_SIGNING_KEYS is not set. ${advice}`);
  const keys = value.split(",").map((key) => Uint8Array.from(encoder.encode(key.trim())));
  if (keys.length > KEYS_MAX) {
    return err(
      `CALLBACK_SIGNING_KEYS holds ${keys.length} keys; at most ${KEYS_MAX} are used. Drop the oldest.`,
    );
  }
  for (const [index, key] of keys.entries()) {
    const weakness = weaknessOf(key);
    if (weakness !== null) return err(`Key ${index + 1} of CALLBACK_SIGNING_KEYS ${weakness} ${advice}`);
  }
  return ok(createRing(keys));
}

function createRing(secrets: readonly Uint8Array<ArrayBuffer>[]): KeyRing {
  // Keys, not promises of them: one that a cancelled request left behind would hang every later request.
  const derived = new Map<KeyPurpose | typeof SEALING, CryptoKey[]>();
  async function keysFor(purpose: KeyPurpose | typeof SEALING): Promise<CryptoKey[]> {
    const known = derived.get(purpose);
    if (known !== undefined) return known;
    const keys = await Promise.all(secrets.map((secret) => derive(secret, purpose)));
    derived.set(purpose, keys);
    return keys;
  }
  async function signWith(key: CryptoKey, text: string) {
    return new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
  }
  return {
    async sign(purpose, text) {
      const [first] = await keysFor(purpose);
      if (first === undefined) throw new Error("an empty key ring");
      return signWith(first, text);
    },
    async signWithEach(purpose, text) {
      return Promise.all((await keysFor(purpose)).map((key) => signWith(key, text)));
    },
    async verify(purpose, text, signature) {
      const bytes = encoder.encode(text);
      for (const key of await keysFor(purpose)) {
        if (await crypto.subtle.verify("HMAC", key, signature, bytes)) return true;
      }
      return false;
    },
    async seal(text, about) {
      const [first] = await keysFor(SEALING);
      if (first === undefined) throw new Error("an empty key ring");
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const sealed = await crypto.subtle.encrypt(sealing(iv, about), first, encoder.encode(text));
      const whole = new Uint8Array(IV_BYTES + sealed.byteLength);
      whole.set(iv);
      whole.set(new Uint8Array(sealed), IV_BYTES);
      return whole;
    },
    async open(sealed, about) {
      const iv = sealed.subarray(0, IV_BYTES);
      for (const key of await keysFor(SEALING)) {
        const bytes = await crypto.subtle
          .decrypt(sealing(iv, about), key, sealed.subarray(IV_BYTES))
          .catch(() => null);
        if (bytes !== null) return new TextDecoder().decode(bytes);
      }
      return null;
    },
  };
}

function sealing(iv: Uint8Array<ArrayBuffer>, about: string) {
  return { name: "AES-GCM", iv, additionalData: encoder.encode(about) };
}

async function derive(
  secret: Uint8Array<ArrayBuffer>,
  purpose: KeyPurpose | typeof SEALING,
): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const hkdf = {
    name: "HKDF",
    hash: "SHA-256",
    salt: new Uint8Array(0),
    info: encoder.encode(`action-runs ${purpose} v1`),
  };
  return purpose === SEALING
    ? crypto.subtle.deriveKey(hkdf, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"])
    : crypto.subtle.deriveKey(hkdf, material, { ...HMAC, length: 256 }, false, ["sign", "verify"]);
}
