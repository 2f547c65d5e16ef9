/**
 * The signing secrets of a webhook endpoint: the newest one, and those that rotations replaced, which sign until their
 * grace period is over. They are sealed beside the definition, with the rotations that a caller may repeat. PURE but
 * for the new secret.
 */

import { GRACE_PERIOD_DEFAULT_SECONDS, SIGNING_SECRETS_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { Secrets } from "../definitions/sealing.ts";

const NEWEST = "signingSecret";
/** The names have no dot and are no members, so no secret of the definition has them. */
const OLDER = "olderSigningSecrets";
const ROTATIONS = "rotations";
const SECRET_BYTES = 32;
/** Of the rotations that a repetition can find. */
const ROTATIONS_MAX = 10;

/** A secret that a rotation replaced. `until`: ms. */
interface OlderSecret {
  readonly secret: string;
  readonly until: number;
}

/** Identifies a rotation. `key`: of the caller. `request`: tells whether the same was asked. */
export interface RotationKey {
  readonly key: string;
  readonly request: string;
}

export function newSigningSecret(): string {
  return `whsec_${crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toBase64()}`;
}

/** All that sign at `now`, the newest first. */
export function signingSecretsOf(secrets: Secrets, now: number): readonly string[] {
  const newest = secrets.get(NEWEST);
  const older = olderOf(secrets, now).map(({ secret }) => secret);
  return newest === undefined ? older : [newest, ...older];
}

/** When the last replaced secret ends, in ms. Null if only the newest signs. */
export function graceEndsAt(secrets: Secrets, now: number): number | null {
  const ends = olderOf(secrets, now).map(({ until }) => until);
  return ends.length === 0 ? null : Math.max(...ends);
}

/** What a PUT keeps, also if it replaces the newest secret: receivers may rely on the older ones until they end. */
export function keptBesides(secrets: Secrets): Secrets {
  return new Map([...secrets].filter(([name]) => name === OLDER || name === ROTATIONS));
}

/** The rotation that this caller asked for with this key; undefined if there is none. */
export function rotationOf(secrets: Secrets, key: string): RotationKey | undefined {
  return rotationsOf(secrets).find((rotation) => rotation.key === key);
}

/**
 * The secrets after a rotation at `now`. `gracePeriodSeconds`: how long the replaced secret still signs, and then no
 * older one signs longer; undefined: the default, and older ones keep their end. `rotation` null: the caller sent no key. A secret that still signs is never
 * dropped to make room, because receivers may know no other. The error is when one of them ends, in ms.
 */
export function rotated(
  secrets: Secrets,
  newest: string,
  gracePeriodSeconds: number | undefined,
  now: number,
  rotation: RotationKey | null,
): Result<Secrets, number> {
  const end = now + (gracePeriodSeconds ?? GRACE_PERIOD_DEFAULT_SECONDS) * 1000;
  const latest = gracePeriodSeconds === undefined ? Number.MAX_SAFE_INTEGER : end;
  const replaced = secrets.get(NEWEST);
  const before = olderOf(secrets, now);
  const older = [
    ...(replaced === undefined ? [] : [{ secret: replaced, until: end }]),
    ...before.map(({ secret, until }) => ({ secret, until: Math.min(until, latest) })),
  ].filter(({ until }) => until > now);
  if (older.length >= SIGNING_SECRETS_MAX) return err(Math.min(...before.map(({ until }) => until)));
  const rotations = rotation === null ? [] : [rotation];
  return ok(
    new Map([
      ...secrets,
      [NEWEST, newest],
      [OLDER, JSON.stringify(older)],
      [ROTATIONS, JSON.stringify([...rotations, ...rotationsOf(secrets)].slice(0, ROTATIONS_MAX))],
    ]),
  );
}

function olderOf(secrets: Secrets, now: number): readonly OlderSecret[] {
  const older = JSON.parse(secrets.get(OLDER) ?? "[]") as readonly OlderSecret[];
  return older.filter(({ until }) => until > now);
}

function rotationsOf(secrets: Secrets): readonly RotationKey[] {
  return JSON.parse(secrets.get(ROTATIONS) ?? "[]") as readonly RotationKey[];
}
