/**
 * The journal's table of claims. A caller's key names a coordinator, and so does a concurrency group. The action may
 * gain, lose or change its group between a request and its repetition. So the key's coordinator is the authority on the
 * key: it has the run, or a claim that says which group and key the run lives in.
 */

import type { Slot } from "../gates.ts";
import type { ChangeKey } from "../run-calls.ts";

/** `createFingerprint`, `fingerprintKeyId`: of the request that made the claim, as a run has them. */
export interface Claim extends Slot {
  readonly createFingerprint: string;
  readonly fingerprintKeyId: string | null;
}

export class ClaimRows {
  readonly #sql: SqlStorage;
  /** The first end, or an earlier instant; Infinity if there are no claims. In memory because each alarm that is set asks. */
  #nextEndAt: number;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#nextEndAt = this.#firstEndAt();
  }

  nextEndAt(): number {
    return this.#nextEndAt;
  }

  of(key: string): Claim | null {
    // Most environments have no claims. Then a create needs no query.
    if (this.#nextEndAt === Number.POSITIVE_INFINITY) return null;
    const rows = this.#sql.exec<Pick<Claim, keyof Claim>>(
      `SELECT fingerprint AS createFingerprint, fingerprint_key_id AS fingerprintKeyId, slot_group AS "group",
         slot_key AS key
       FROM claims WHERE key = ?`,
      key,
    );
    return [...rows][0] ?? null;
  }

  insert({ key, fingerprint, keyIds }: ChangeKey, slot: Slot, expiresAt: number): void {
    this.#nextEndAt = Math.min(this.#nextEndAt, expiresAt);
    this.#sql.exec(
      `INSERT INTO claims (key, fingerprint, fingerprint_key_id, slot_group, slot_key, expires_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
      ...[key, fingerprint, keyIds?.[0] ?? null, slot.group, slot.key, expiresAt],
    );
  }

  /** A claim lasts as long as a run that is made now could live. */
  extend(key: string, expiresAt: number): void {
    this.#sql.exec("UPDATE claims SET expires_at = max(expires_at, ?) WHERE key = ?", expiresAt, key);
  }

  eraseEnded(now: number, limit: number): void {
    if (now < this.#nextEndAt) return;
    this.#sql.exec(
      "DELETE FROM claims WHERE key IN (SELECT key FROM claims WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
      now,
      limit,
    );
    this.#nextEndAt = this.#firstEndAt();
  }

  #firstEndAt(): number {
    const first = "SELECT min(expires_at) AS at FROM claims";
    return this.#sql.exec<{ at: number | null }>(first).one().at ?? Number.POSITIVE_INFINITY;
  }
}
