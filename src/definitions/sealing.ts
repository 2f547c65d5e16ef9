/** Seals the secrets of a definition for its scope, kind, name and version. Seals all again, so that a key can go. */

import { log, logFailure } from "../base/log.ts";
import { type KeyRing, keyRing } from "../settings/key-ring.ts";

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

const PER_MINUTE = 100;
/** One definition's secrets always fit. D1 sends each byte as a number in JSON, which is several times as long. */
const BYTES_PER_MINUTE = 2 * 1024 * 1024;
const LOOKED_AT_PER_MINUTE = 10_000;
/** Longer than a deploy rolls out. Otherwise isolates with the keys `old,new` and `new,old` would seal back and forth. */
const LEFT_ALONE_MS = 300_000;

interface Row extends SecretsOwner {
  readonly keyId: string;
  readonly secrets: ArrayBuffer | number[];
}

/**
 * Seals secrets again under the first key of the ring, a bounded number each minute. The version stays. Only secrets
 * under a later key are sealed again: during a deploy, an isolate can lack a key. Never throws.
 */
export async function resealDefinitions(db: D1Database, signingKeys: string | undefined, now: number): Promise<void> {
  const ring = keyRing(signingKeys);
  if (!ring.ok) return;
  try {
    const [current = "", ...later] = await sealingKeyIds(ring.value);
    // The same key can be in the ring twice.
    const older = later.filter((id) => id !== current);
    if (older.length === 0) return;
    const select = db.prepare(SELECT).bind(JSON.stringify(older), now - LEFT_ALONE_MS);
    const { results } = await select.all<Row>();
    if (results.length === 0) return;
    const updates = await Promise.all(results.map((row) => updateOf(db, ring.value, row, now)));
    const written = updates.filter((update) => update !== null);
    const lost = updates.length - written.length;
    const done = written.length === 0 ? [] : await db.batch(written);
    const changed = done.reduce((sum, { meta }) => sum + meta.changes, 0);
    log(lost > 0 ? "error" : "info", "secrets_resealed", { resealed: changed, lost });
  } catch (error) {
    logFailure("sweep_failed", error, { step: "reseal_definitions" });
  }
}

/** In a random order. Otherwise, secrets that no key opens could fill the batch of every minute. */
const SELECT = `
  SELECT scope, kind, name, version, keyId, secrets FROM (
    SELECT scope, kind, name, version, key_id AS keyId, secrets,
           sum(length(secrets)) OVER (ORDER BY random() ROWS UNBOUNDED PRECEDING) AS total
    FROM definitions WHERE rowid IN (
      SELECT row FROM (
        SELECT rowid AS row FROM definitions INDEXED BY definitions_by_key
        WHERE key_id IN (SELECT value FROM json_each(?1)) AND resealed_at <= ?2 LIMIT ${LOOKED_AT_PER_MINUTE})
      ORDER BY random() LIMIT ${PER_MINUTE}))
  WHERE total <= ${BYTES_PER_MINUTE}`;

/** Null if the secrets can't be opened, although their key is in the ring. */
async function updateOf(db: D1Database, ring: KeyRing, row: Row, now: number): Promise<D1PreparedStatement | null> {
  const { scope, kind, name, version, keyId } = row;
  const text = await ring.open(new Uint8Array(row.secrets), about(row), PURPOSE);
  if (text === null) return null;
  const sealed = await sealText(ring, text, row);
  return db
    .prepare(
      `UPDATE definitions SET secrets = ?1, key_id = ?2, resealed_at = ?8
       WHERE scope = ?3 AND kind = ?4 AND name = ?5 AND version = ?6 AND key_id = ?7`,
    )
    .bind(sealed.bytes, sealed.keyId, scope, kind, name, version, keyId, now);
}
