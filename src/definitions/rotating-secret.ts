/**
 * The secret of a definition that the service makes and rotates: the newest one, and those that rotations replaced,
 * which count until their grace period is over. The older ones are sealed beside the definition, with the rotations that
 * a caller may repeat. `member`: where the definition has the newest one, such as `signingSecret`. PURE but for the new
 * secret.
 */

import type { AuditAction } from "../auth/audit.ts";
import { GRACE_PERIOD_DEFAULT_SECONDS, SIGNING_SECRETS_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { ErrorCode } from "../http/errors.ts";
import type { Secrets } from "./sealing.ts";

/** The names have no dot and are no members, so no secret of a definition has them. */
const OLDER = "olderSigningSecrets";
const ROTATIONS = "rotations";
const SECRET_BYTES = 32;
/** Of the rotations that a repetition can find. */
const ROTATIONS_MAX = 10;

/** Which secret of a kind rotates. */
export interface RotatingSecret<D> {
  readonly member: string;
  /** The error if no key opens the secrets. */
  readonly lost: ErrorCode;
  readonly audit: AuditAction;
  /** Throws an ApiError if the definition has no such secret. Default: every definition has one. */
  readonly requireIn?: (definition: D) => void;
}

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

/** In the format of Standard Webhooks. As a text, it also fits what takes any secret. */
export function newSecret(): string {
  return `whsec_${crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toBase64()}`;
}

/** All that count at `now`, the newest first. */
export function secretsAt(secrets: Secrets, member: string, now: number): readonly string[] {
  const newest = secrets.get(member);
  const older = olderOf(secrets, now).map(({ secret }) => secret);
  return newest === undefined ? older : [newest, ...older];
}

/** When the last replaced secret ends, in ms. Null if only the newest counts. */
export function graceEndsAt(secrets: Secrets, now: number): number | null {
  const ends = olderOf(secrets, now).map(({ until }) => until);
  return ends.length === 0 ? null : Math.max(...ends);
}

/** What a PUT keeps, also if it replaces the newest secret: others may rely on the older ones until they end. */
export function keptBesides(secrets: Secrets): Secrets {
  return new Map([...secrets].filter(([name]) => name === OLDER || name === ROTATIONS));
}

/** The rotation that this caller asked for with this key; undefined if there is none. */
export function rotationOf(secrets: Secrets, key: string): RotationKey | undefined {
  return rotationsOf(secrets).find((rotation) => rotation.key === key);
}

/**
 * The secrets after a rotation at `now`. `gracePeriodSeconds`: how long the replaced secret still counts, and then no
 * older one counts longer; undefined: the default, and older ones keep their end. `rotation` null: the caller sent no
 * key. A secret that still counts is never dropped to make room, because others may know no other. The error is when
 * one of them ends, in ms.
 */
export function rotated(
  secrets: Secrets,
  member: string,
  newest: string,
  gracePeriodSeconds: number | undefined,
  now: number,
  rotation: RotationKey | null,
): Result<Secrets, number> {
  const end = now + (gracePeriodSeconds ?? GRACE_PERIOD_DEFAULT_SECONDS) * 1000;
  const latest = gracePeriodSeconds === undefined ? Number.MAX_SAFE_INTEGER : end;
  const replaced = secrets.get(member);
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
      [member, newest],
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
