/**
 * Seals the secrets of stored definitions again under the first key of the ring, a bounded number each minute, so that
 * an older key can leave the ring. The version stays, because nothing that a caller sees has changed.
 *
 * Only secrets under a later key of this ring are sealed again. During a deploy, an isolate can lack a key. It leaves
 * alone what it can't open.
 */

import { log, logFailure } from "../base/log.ts";
import { type KeyRing, keyRing } from "../settings/key-ring.ts";
import { resealed, type SecretsOwner, sealingKeyIds } from "./sealing.ts";

const PER_MINUTE = 100;
/** One definition's secrets always fit. D1 sends each byte as a number in JSON, which is several times as long. */
const BYTES_PER_MINUTE = 2 * 1024 * 1024;
/** How many entries of the index one minute looks at. */
const LOOKED_AT_PER_MINUTE = 10_000;
/**
 * What was sealed again is left alone for longer than a deploy takes to roll out. Otherwise isolates with the keys
 * `old,new` and `new,old` would seal it back and forth.
 */
const LEFT_ALONE_MS = 300_000;

interface Row extends SecretsOwner {
  readonly keyId: string;
  readonly secrets: ArrayBuffer | number[];
}

/** Never throws. */
export async function resealDefinitions(db: D1Database, signingKeys: string | undefined, now: number): Promise<void> {
  const ring = keyRing(signingKeys);
  if (!ring.ok) return;
  try {
    await reseal(db, ring.value, now);
  } catch (error) {
    logFailure("sweep_failed", error, { step: "reseal_definitions" });
  }
}

async function reseal(db: D1Database, ring: KeyRing, now: number): Promise<void> {
  const [current = "", ...later] = await sealingKeyIds(ring);
  // The same key can be in the ring twice.
  const older = later.filter((id) => id !== current);
  if (older.length === 0) return;
  const { results } = await db
    .prepare(SELECT)
    .bind(JSON.stringify(older), now - LEFT_ALONE_MS)
    .all<Row>();
  if (results.length === 0) return;
  const updates = await Promise.all(results.map((row) => updateOf(db, ring, row, now)));
  const written = updates.filter((update) => update !== null);
  const lost = updates.length - written.length;
  const done = written.length === 0 ? [] : await db.batch(written);
  const changed = done.reduce((sum, { meta }) => sum + meta.changes, 0);
  log(lost > 0 ? "error" : "info", "secrets_resealed", { resealed: changed, lost });
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
  const sealed = await resealed(ring, new Uint8Array(row.secrets), { scope, kind, name, version });
  if (sealed === null) return null;
  return db
    .prepare(
      `UPDATE definitions SET secrets = ?1, key_id = ?2, resealed_at = ?8
       WHERE scope = ?3 AND kind = ?4 AND name = ?5 AND version = ?6 AND key_id = ?7`,
    )
    .bind(sealed.bytes, sealed.keyId, scope, kind, name, version, keyId, now);
}
