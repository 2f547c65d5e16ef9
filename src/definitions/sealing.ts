/** Seals the secrets of a definition. The sealed bytes open only for the same scope, kind, name and version. */

import type { KeyRing } from "../settings/key-ring.ts";

const PURPOSE = "definition-secrets";

/** By member, such as `trigger.headers.Authorization`. */
export type Secrets = ReadonlyMap<string, string>;

/** What sealed secrets are bound to. */
export interface SecretsOwner {
  readonly scope: string;
  readonly kind: string;
  readonly name: string;
  readonly version: number;
}

export interface SealedSecrets {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The id of the key that sealed. It reveals nothing of the key. */
  readonly keyId: string;
}

export async function sealSecrets(ring: KeyRing, secrets: Secrets, owner: SecretsOwner): Promise<SealedSecrets | null> {
  if (secrets.size === 0) return null;
  return sealText(ring, JSON.stringify([...secrets]), owner);
}

/** Null if no key of the ring opens them. */
export async function openSecrets(
  ring: KeyRing,
  bytes: Uint8Array<ArrayBuffer>,
  owner: SecretsOwner,
): Promise<Secrets | null> {
  const text = await ring.open(bytes, about(owner), PURPOSE);
  return text === null ? null : new Map(JSON.parse(text) as [string, string][]);
}

/** The same secrets under the first key of the ring. Null if no key opens them. */
export async function resealed(
  ring: KeyRing,
  bytes: Uint8Array<ArrayBuffer>,
  owner: SecretsOwner,
): Promise<SealedSecrets | null> {
  const text = await ring.open(bytes, about(owner), PURPOSE);
  return text === null ? null : sealText(ring, text, owner);
}

/** The ids of the ring's keys. The first key seals. */
export function sealingKeyIds(ring: KeyRing): Promise<readonly string[]> {
  return ring.keyIds(PURPOSE);
}

async function sealText(ring: KeyRing, text: string, owner: SecretsOwner): Promise<SealedSecrets> {
  const [bytes, [keyId = ""]] = await Promise.all([ring.seal(text, about(owner), PURPOSE), sealingKeyIds(ring)]);
  return { bytes, keyId };
}

function about({ scope, kind, name, version }: SecretsOwner): string {
  return `action-runs ${PURPOSE} v1\n${scope}\n${kind}\n${name}\n${version}`;
}
