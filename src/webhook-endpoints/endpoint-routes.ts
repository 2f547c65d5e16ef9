/**
 * /{o}/{p}/envs/{envName}/webhook-endpoints: what every stored definition has, and what only an endpoint has: enabling
 * it, and rotating its signing secret.
 */

import type { Context } from "hono";
import { type AuditEntry, logAudit, requireNewestSecret, writeAudited } from "../auth/audit.ts";
import { requires } from "../auth/authentication.ts";
import { rfc3339 } from "../base/time.ts";
import { changeDefinition, secretsOf } from "../definitions/change.ts";
import type { DefinitionRef } from "../definitions/kind.ts";
import { auditEntryOf, DEFINITION, definitionRefOf, definitionRoutes } from "../definitions/routes.ts";
import { sealSecrets } from "../definitions/sealing.ts";
import { putDefinition, versionAfter } from "../definitions/store.ts";
import { ApiError } from "../http/errors.ts";
import { etagOf, idempotencyKey } from "../http/headers.ts";
import { type AppEnv, scopeOf, usableRing } from "../http/request-context.ts";
import { validBody } from "../http/validate.ts";
import { endpointKey } from "../runs/endpoint-deliveries.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { filterOf, type StoredEndpoint } from "./definition.ts";
import { secretRotation } from "./delivery-routes.ts";
import { enableEndpoint } from "./disabling.ts";
import { askCoordinator, changed, ENDPOINT_KIND, noteChange } from "./kind.ts";
import { graceEndsAt, newSigningSecret, type RotationKey, rotated, rotationOf } from "./signing-secrets.ts";
import { requireEndpoint } from "./stored-endpoint.ts";

export const endpointRoutes = definitionRoutes(ENDPOINT_KIND)
  .post(`${DEFINITION}/enable`, requires("webhooks:manage"), async (c) => {
    const row = await requireEndpoint(c);
    const environment = { env: c.env, hops: c.get("hops"), scope: scopeOf(c) };
    await requireNewestSecret(c);
    // First, or the failures of before would disable it again with its next failure.
    if (row.disabledReason === null) await noteChange(c, definitionRefOf(c));
    else await askCoordinator(environment, (endpoints) => endpoints.forgetHealth(endpointKey(row)));
    const entry = auditEntryOf(c, "webhook_endpoint_enabled");
    const enabling = await writeAudited(c, () => enableEndpoint(c.env.DB, definitionRefOf(c), entry));
    if (enabling === "missing") throw new ApiError("webhook_endpoint_not_found");
    if (enabling === "enabled") logAudit(entry, c.get("requestId"));
    await changed(c, definitionRefOf(c));
    return c.body(null, 204);
  })
  .post(
    `${DEFINITION}/rotate-secret`,
    requires("webhooks:manage"),
    validBody(secretRotation, { mayBeEmpty: true }),
    async (c) => {
      const entry = auditEntryOf(c, "webhook_endpoint_secret_rotated");
      const { gracePeriodSeconds } = c.req.valid("json");
      const key = idempotencyKey(c);
      const ref = definitionRefOf(c);
      const rotated = await rotateSecret(c, usableRing(c), ref, gracePeriodSeconds, key, entry);
      c.header("ETag", etagOf(rotated.version));
      if (rotated.isUnchanged) c.header("Idempotent-Replayed", "true");
      const { signingSecret, graceEndsAt } = rotated;
      return c.json({ signingSecret, graceEndsAt: rfc3339(graceEndsAt) });
    },
  );

/* SECTION: Gives a webhook endpoint a new signing secret. The rotation is a new version with the same definition. */

/** `signingSecret` null: this rotation was made before, and only its first response shows the secret. */
interface RotatedSecret {
  readonly version: number;
  readonly isUnchanged: boolean;
  readonly signingSecret: string | null;
  /** When the last replaced secret ends, in ms. Null if only the newest signs. */
  readonly graceEndsAt: number | null;
}

/**
 * `callersKey`: null if the caller sent none. Throws `webhook_endpoint_not_found`, `too_many_signing_secrets`,
 * `idempotency_key_reused`, `endpoint_secrets_lost` and errors of D1.
 */
async function rotateSecret(
  c: Context<AppEnv>,
  ring: KeyRing,
  ref: DefinitionRef,
  gracePeriodSeconds: number | undefined,
  callersKey: string | null,
  entry: AuditEntry,
): Promise<RotatedSecret> {
  // An id contains no colon, so no key can spell another caller's.
  const rotation: RotationKey | null =
    callersKey === null ? null : { key: `${entry.actor}:${callersKey}`, request: String(gracePeriodSeconds) };
  return changeDefinition(c, ENDPOINT_KIND, ref, entry, async ({ stored }) => {
    if (stored === null) throw new ApiError("webhook_endpoint_not_found");
    const secrets = await secretsOf(ENDPOINT_KIND, ring, ref, stored);
    if (secrets === null) throw new ApiError("endpoint_secrets_lost");
    const now = entry.at;
    const before = rotation === null ? undefined : rotationOf(secrets, rotation.key);
    if (before !== undefined) {
      if (before.request !== rotation?.request) throw new ApiError("idempotency_key_reused");
      const ends = graceEndsAt(secrets, now);
      return { version: stored.version, isUnchanged: true, signingSecret: null, graceEndsAt: ends };
    }
    const signingSecret = newSigningSecret();
    const after = rotated(secrets, signingSecret, { gracePeriodSeconds, now, rotation });
    if (!after.ok) throw tooMany(after.error);
    const version = versionAfter(stored.version, now);
    const put = {
      ref,
      replaces: stored.version,
      version,
      definition: stored.definition,
      staysDisabled: true,
      filter: filterOf(JSON.parse(stored.definition) as StoredEndpoint, secrets),
      sealed: await sealSecrets(ring, after.value, { ...ref, kind: ENDPOINT_KIND.name, version }),
    };
    const putting = await writeAudited(c, () => putDefinition(c.env.DB, ENDPOINT_KIND, put, entry));
    if (putting !== "put") return null;
    return { version, isUnchanged: false, signingSecret, graceEndsAt: graceEndsAt(after.value, now) };
  });
}

function tooMany(endsAt: number): ApiError {
  return new ApiError(
    "too_many_signing_secrets",
    `3 secrets sign now, the maximum. Rotate again after ${rfc3339(endsAt)}, when an old one ends. Or send gracePeriodSeconds 0, and only the new one signs.`,
  );
}
