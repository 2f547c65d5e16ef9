/**
 * CALLBACK_SIGNING_KEYS. The first key signs and seals, and all verify and open, so that keys rotate while runs are open.
 * HKDF (RFC 5869) derives a key for each purpose, so that no signature passes for another purpose's.
 */
import { BoundedMap } from "../base/bounded-map.ts";
import { err, ok, type Result } from "../base/result.ts";

const KEYS_MAX = 4;

type Bytes = Uint8Array<ArrayBuffer>;
/** `key-id` reveals nothing of the key. */
export type KeyPurpose = "callback-token" | "run-id" | "fingerprint" | "inbound-url" | "key-id";
/** The purposes of the AES-256-GCM keys that seal. The other keys are for HMAC. */
const SEAL_PURPOSES = ["webhooks", "definition-secrets", "access-tokens", "sign-in"] as const;
export type SealPurpose = (typeof SEAL_PURPOSES)[number];
const IV_BYTES = 12;
const KEY_ID_BYTES = 8;

const encoder = new TextEncoder();

/** Per isolate, by the secret. */
const rings = new BoundedMap<Result<KeyRing, string>>(8);

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
  return ok(new KeyRing(keys.map((key) => Uint8Array.from(encoder.encode(key)))));
}

export class KeyRing {
  readonly #secrets: readonly Bytes[];
  /** Keys and not promises: a promise of a cancelled request never settles, and later requests would wait for it. */
  readonly #derived = new Map<string, readonly CryptoKey[]>();

  constructor(secrets: readonly Bytes[]) {
    this.#secrets = secrets;
  }

  async sign(purpose: KeyPurpose, text: string): Promise<Bytes> {
    return hmac(await this.#firstKeyFor(purpose), text);
  }

  /** The signature of each key, for callers that keep only a part of a signature. */
  async signWithEach(purpose: KeyPurpose, text: string): Promise<readonly Bytes[]> {
    return Promise.all((await this.#keysFor(purpose)).map((key) => hmac(key, text)));
  }

  async verify(purpose: KeyPurpose, text: string, signature: Bytes): Promise<boolean> {
    const bytes = encoder.encode(text);
    for (const key of await this.#keysFor(purpose)) {
      if (await crypto.subtle.verify("HMAC", key, signature, bytes)) return true;
    }
    return false;
  }

  /** A short id of each key for `purpose`, the first key's first. */
  async keyIds(purpose: string): Promise<readonly string[]> {
    const signatures = await this.signWithEach("key-id", purpose);
    return signatures.map((signature) => signature.subarray(0, KEY_ID_BYTES).toHex());
  }

  /** Encrypts `text`. Only the same purpose and the same `about`, which says what the text belongs to, open it. */
  async seal(text: string, about: string, purpose: SealPurpose = "webhooks"): Promise<Bytes> {
    const key = await this.#firstKeyFor(purpose);
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const sealed = await crypto.subtle.encrypt(aesGcm(iv, about), key, encoder.encode(text));
    return new Uint8Array(await new Blob([iv, sealed]).arrayBuffer());
  }

  /** The text, or null if no key of the ring sealed this with this `about`. */
  async open(sealed: Bytes, about: string, purpose: SealPurpose = "webhooks"): Promise<string | null> {
    const algorithm = aesGcm(sealed.subarray(0, IV_BYTES), about);
    for (const key of await this.#keysFor(purpose)) {
      const opening = crypto.subtle.decrypt(algorithm, key, sealed.subarray(IV_BYTES));
      const bytes = await opening.catch(() => null);
      if (bytes !== null) return new TextDecoder().decode(bytes);
    }
    return null;
  }

  /** The same for base64. Null also if the text is not base64, so that one broken text does not hide those around it. */
  async openBase64(sealed: string, about: string): Promise<string | null> {
    let bytes: Bytes;
    try {
      bytes = Uint8Array.fromBase64(sealed);
    } catch {
      return null;
    }
    return this.open(bytes, about);
  }

  async #keysFor(purpose: KeyPurpose | SealPurpose): Promise<readonly CryptoKey[]> {
    const known = this.#derived.get(purpose);
    if (known !== undefined) return known;
    const keys = await Promise.all(this.#secrets.map((secret) => derive(secret, purpose)));
    this.#derived.set(purpose, keys);
    return keys;
  }

  async #firstKeyFor(purpose: KeyPurpose | SealPurpose): Promise<CryptoKey> {
    const [first] = await this.#keysFor(purpose);
    if (first === undefined) throw new Error("an empty key ring");
    return first;
  }
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

const MIN_BYTES = 32;
/** Refuses a word that repeats. Of random keys, 64 hex digits fail once in 10^18, and 32 once in 25 million. */
const MIN_DIFFERENT = 8;

/** Why a secret of the operator's is easy to guess, to be read after its name; null if it is not. Contains none of it. */
export function weaknessOf(secret: string): string | null {
  const bytes = encoder.encode(secret);
  if (bytes.byteLength < MIN_BYTES) return `has ${bytes.byteLength} bytes; at least ${MIN_BYTES} are needed.`;
  const isRepeated = new Set(bytes).size < MIN_DIFFERENT;
  return isRepeated ? `has fewer than ${MIN_DIFFERENT} different bytes, so it is easy to guess.` : null;
}
