/** The secret of a definition that the service makes and rotates. Replaced ones are sealed beside the definition. */
import type { Context } from "hono";
import * as z from "zod/mini";
import { type AuditAction, writeAudited } from "../auth/audit.ts";
import { tokenState } from "../auth/credential-memory.ts";
import { GRACE_PERIOD_DEFAULT_SECONDS, GRACE_PERIOD_MAX_SECONDS, SIGNING_SECRETS_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { rfc3339 } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import { ApiError, type ErrorCode } from "../http/errors.ts";
import { etagOf, idempotencyKey } from "../http/headers.ts";
import { type AppEnv, projectOf, usableRing } from "../http/request-context.ts";
import { objectOf, wholeNumber } from "../http/schemas.ts";
import { auditEntryOf, changeDefinition, definitionRefOf, requireMayStart, secretsOf } from "./change.ts";
import type { DefinitionKind } from "./kind.ts";
import { type Secrets, sealSecrets } from "./sealing.ts";
import { putDefinition, type StoredDefinition, versionAfter } from "./store.ts";

/** The names have no dot and are no members, so no secret of a definition has them. */
const OLDER = "olderSigningSecrets";
const ROTATIONS = "rotations";
/** Of the rotations that a repetition can find. */
const ROTATIONS_MAX = 10;

export interface RotatingSecret<D> {
  /** Where the definition has the newest one, such as `signingSecret`. */
  readonly member: string;
  /** The error if no key opens the secrets. */
  readonly lost: ErrorCode;
  readonly audit: AuditAction;
  /** Throws an ApiError if the definition has no such secret. Default: every definition has one. */
  readonly requireIn?: (definition: D) => void;
}

/** `key`: of the caller. `request`: tells whether the same was asked. */
interface RotationKey {
  readonly key: string;
  readonly request: string;
}

/** In the format of Standard Webhooks. As a text, it also fits what takes any secret. */
export function newSecret(): string {
  return `whsec_${crypto.getRandomValues(new Uint8Array(32)).toBase64()}`;
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

/** What a PUT keeps, also if it replaces the newest secret: others may rely on the older ones. */
export function keptBesides(secrets: Secrets): Secrets {
  return new Map([...secrets].filter(([name]) => name === OLDER || name === ROTATIONS));
}

/**
 * The secrets after a rotation at `now`. `gracePeriodSeconds`: how long the replaced secret still counts, and then no
 * older one counts longer; undefined: the default, and older ones keep their end. `rotation` null: the caller sent no
 * key. A secret that still counts is never dropped: others may know no other. The error is when one ends.
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

/** Those that rotations replaced. `until`: ms. */
function olderOf(secrets: Secrets, now: number) {
  const older = JSON.parse(secrets.get(OLDER) ?? "[]") as { readonly secret: string; readonly until: number }[];
  return older.filter(({ until }) => until > now);
}

function rotationsOf(secrets: Secrets): readonly RotationKey[] {
  return JSON.parse(secrets.get(ROTATIONS) ?? "[]") as readonly RotationKey[];
}

export const secretRotation = objectOf(
  { gracePeriodSeconds: z.optional(wholeNumber("whole seconds", 0, GRACE_PERIOD_MAX_SECONDS)) },
  DESCRIBE && {
    id: "SecretRotation",
    members: {
      gracePeriodSeconds:
        "How many seconds the replaced secret still counts, beside the new one. If you send it, no older secret counts " +
        "longer than that. With 0, only the new secret counts. Default: " +
        `\`${GRACE_PERIOD_DEFAULT_SECONDS}\`, and older secrets keep their end. At most ${SIGNING_SECRETS_MAX} ` +
        "secrets count at a time.",
    },
    examples: [{ gracePeriodSeconds: 3600 }, {}],
  },
);

/** The errors of every rotation, besides that of secrets which no key opens. */
export const OF_ROTATION = [
  "too_many_signing_secrets",
  "precondition_failed",
  "idempotency_key_reused",
  "not_configured",
  "storage_full",
] as const;

/**
 * The new secret, with the response's headers set. Null if the rotation is repeated. Throws that there is no definition
 * or no secret, `lost` of the secret, `too_many_signing_secrets`, `idempotency_key_reused` and errors of D1.
 */
export async function rotateSecret<D>(
  c: Context<AppEnv>,
  kind: DefinitionKind<D>,
  { member, lost, audit, requireIn }: RotatingSecret<D>,
  { gracePeriodSeconds }: z.output<typeof secretRotation>,
) {
  const ref = definitionRefOf(c);
  const entry = auditEntryOf(c, audit);
  const key = idempotencyKey(c);
  const ring = usableRing(c);
  // An id contains no colon, so no key can spell another caller's.
  const rotation = key === null ? null : { key: `${entry.actor}:${key}`, request: String(gracePeriodSeconds) };
  const { version, isUnchanged, secret, secrets } = await changeDefinition(c, kind, entry, async ({ stored }) => {
    if (stored === null) throw new ApiError(`${kind.name}_not_found`);
    const definition = JSON.parse(stored.definition) as D;
    requireIn?.(definition);
    const startsRuns = kind.startsRuns?.(definition) === true;
    // Whoever makes the new version is whose runs it starts.
    if (startsRuns) requireMayStart(c);
    const secrets = await secretsOf(kind, ring, ref, stored);
    if (secrets === null) throw new ApiError(lost);
    const now = entry.at;
    const before = rotationsOf(secrets).find(({ key }) => key === rotation?.key);
    if (before !== undefined) {
      if (before.request !== rotation?.request) throw new ApiError("idempotency_key_reused");
      return { version: stored.version, isUnchanged: true, secret: null, secrets };
    }
    const newest = newSecret();
    // Until now, such a definition started nothing. So nobody needs the old secrets, and the thief of a token may know one.
    const isRevived = startsRuns && gracePeriodSeconds === undefined && !(await isLiving(c, stored, now));
    const after = rotated(secrets, member, newest, isRevived ? 0 : gracePeriodSeconds, now, rotation);
    if (!after.ok) throw new ApiError("too_many_signing_secrets", tooMany(after.error));
    const version = versionAfter(stored.version, now);
    const put = {
      ref,
      replaces: stored.version,
      version,
      definition: stored.definition,
      staysDisabled: true,
      filter: kind.filterOf?.(definition, secrets, c) ?? null,
      // Not made anew: newer code may have stored what this code does not know.
      features: stored.features,
      sealed: await sealSecrets(ring, after.value, { ...ref, kind: kind.name, version }),
    };
    const putting = await writeAudited(c, () => putDefinition(c.env.DB, kind, put, entry));
    if (putting !== "put") return null;
    return { version, isUnchanged: false, secret: newest, secrets: after.value };
  });
  c.header("ETag", etagOf(version));
  if (isUnchanged) c.header("Idempotent-Replayed", "true");
  return { secret, graceEndsAt: rfc3339(graceEndsAt(secrets, entry.at)) };
}

async function isLiving(c: Context<AppEnv>, { storedBy }: StoredDefinition, now: number): Promise<boolean> {
  const tokenId = storedBy.lineage.split("/").at(-2) ?? "";
  return (await readD1(c.get("hops"), () => tokenState(c.env.DB, projectOf(c), tokenId, now))) === "living";
}

function tooMany(endsAt: number): string {
  return `3 secrets count now, the maximum. Rotate again after ${rfc3339(endsAt)}, when an old one ends. Or send gracePeriodSeconds 0, and only the new one counts.`;
}
