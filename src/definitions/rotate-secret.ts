/** Rotates the secret of a definition that the service makes: a new version with the same definition. */
import type { Context } from "hono";
import * as z from "zod/mini";
import { writeAudited } from "../auth/audit.ts";
import { tokenState } from "../auth/token-state.ts";
import { GRACE_PERIOD_DEFAULT_SECONDS, GRACE_PERIOD_MAX_SECONDS, SIGNING_SECRETS_MAX } from "../base/limits.ts";
import { rfc3339 } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import { ApiError } from "../http/errors.ts";
import { etagOf, idempotencyKey } from "../http/headers.ts";
import { type AppEnv, projectOf, usableRing } from "../http/request-context.ts";
import { described, inDocument, wholeNumber } from "../http/schemas.ts";
import { changeDefinition, requireMayStart, secretsOf } from "./change.ts";
import type { DefinitionKind } from "./kind.ts";
import {
  graceEndsAt,
  newSecret,
  type RotatingSecret,
  type RotationKey,
  rotated,
  rotationOf,
} from "./rotating-secret.ts";
import { auditEntryOf, definitionRefOf } from "./routes.ts";
import { sealSecrets } from "./sealing.ts";
import { putDefinition, type StoredDefinition, versionAfter } from "./store.ts";

export const secretRotation = z.strictObject({
  gracePeriodSeconds: z.optional(
    described(
      wholeNumber("whole seconds", 0, GRACE_PERIOD_MAX_SECONDS),
      DESCRIBE &&
        "How many seconds the replaced secret still counts, beside the new one. If you send it, no older secret counts " +
          "longer than that. With 0, only the new secret counts. Default: " +
          `\`${GRACE_PERIOD_DEFAULT_SECONDS}\`, and older secrets keep their end. At most ${SIGNING_SECRETS_MAX} ` +
          "secrets count at a time.",
    ),
  ),
});
inDocument(secretRotation, { id: "SecretRotation", examples: [{ gracePeriodSeconds: 3600 }, {}] });

/** The errors of every rotation, besides that of secrets which no key opens. */
export const OF_ROTATION = [
  "too_many_signing_secrets",
  "precondition_failed",
  "idempotency_key_reused",
  "not_configured",
  "storage_full",
] as const;

/** `secret` null: this rotation was made before, and only its first response shows the secret. */
interface Rotated {
  readonly version: number;
  readonly isUnchanged: boolean;
  readonly secret: string | null;
  /** When the last replaced secret ends, in ms. Null if only the newest counts. */
  readonly endsAt: number | null;
}

/**
 * The new secret for the response, whose headers are set. Throws the kind's error for a missing definition, `lost` and
 * `missing` of the secret, `too_many_signing_secrets`, `idempotency_key_reused` and errors of D1.
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
  const rotation: RotationKey | null =
    key === null ? null : { key: `${entry.actor}:${key}`, request: String(gracePeriodSeconds) };
  const { version, isUnchanged, secret, endsAt } = await changeDefinition<Rotated>(
    c,
    kind,
    ref,
    entry,
    async ({ stored }) => {
      if (stored === null) throw new ApiError(kind.notFound);
      const definition = JSON.parse(stored.definition) as D;
      requireIn?.(definition);
      const startsRuns = kind.startsRuns?.(definition) === true;
      // Whoever makes the new version is whose runs it starts.
      if (startsRuns) requireMayStart(c);
      const secrets = await secretsOf(kind, ring, ref, stored);
      if (secrets === null) throw new ApiError(lost);
      const now = entry.at;
      const before = rotation === null ? undefined : rotationOf(secrets, rotation.key);
      if (before !== undefined) {
        if (before.request !== rotation?.request) throw new ApiError("idempotency_key_reused");
        return { version: stored.version, isUnchanged: true, secret: null, endsAt: graceEndsAt(secrets, now) };
      }
      const newest = newSecret();
      // Until now, such a definition started nothing. So nobody needs the old secrets, and the thief of a token may know one.
      const isRevived = startsRuns && gracePeriodSeconds === undefined && !(await isLiving(c, stored, now));
      const after = rotated(secrets, member, newest, isRevived ? 0 : gracePeriodSeconds, now, rotation);
      if (!after.ok) throw tooMany(after.error);
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
      return { version, isUnchanged: false, secret: newest, endsAt: graceEndsAt(after.value, now) };
    },
  );
  c.header("ETag", etagOf(version));
  if (isUnchanged) c.header("Idempotent-Replayed", "true");
  return { secret, graceEndsAt: rfc3339(endsAt) };
}

/** Whether the token that stored the definition still works. */
async function isLiving(c: Context<AppEnv>, { storedBy }: StoredDefinition, now: number): Promise<boolean> {
  const tokenId = storedBy.lineage.split("/").at(-2) ?? "";
  return (await readD1(c.get("hops"), () => tokenState(c.env.DB, projectOf(c), tokenId, now))) === "living";
}

function tooMany(endsAt: number): ApiError {
  return new ApiError(
    "too_many_signing_secrets",
    `3 secrets count now, the maximum. Rotate again after ${rfc3339(endsAt)}, when an old one ends. Or send gracePeriodSeconds 0, and only the new one counts.`,
  );
}
