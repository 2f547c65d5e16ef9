/**
 * /{o}/{p}/envs/{envName}/webhook-endpoints: what every stored definition has, and what only an endpoint has: enabling
 * it, and rotating its signing secret.
 */

import type { Context } from "hono";
import * as z from "zod/mini";
import { logAudit, requireNewestSecret, writeAudited } from "../auth/audit.ts";
import { requires } from "../auth/authentication.ts";
import {
  ENDPOINTS_MAX_PER_ENVIRONMENT,
  GRACE_PERIOD_DEFAULT_SECONDS,
  GRACE_PERIOD_MAX_SECONDS,
  SIGNING_SECRETS_MAX,
  VERSIONS_MAX_PER_DEFINITION,
} from "../base/limits.ts";
import { rfc3339 } from "../base/time.ts";
import { changeDefinition, secretsOf } from "../definitions/change.ts";
import { askCoordinator, changed, environmentOf, noteChange } from "../definitions/coordinator.ts";
import { auditEntryOf, DEFINITION, definitionRefOf, definitionRoutes, requireRow } from "../definitions/routes.ts";
import { sealSecrets } from "../definitions/sealing.ts";
import { putDefinition, versionAfter } from "../definitions/store.ts";
import { ApiError } from "../http/errors.ts";
import { etagOf, idempotencyKey } from "../http/headers.ts";
import { type AppEnv, usableRing } from "../http/request-context.ts";
import { described, inDocument, wholeNumber } from "../http/schemas.ts";
import { validBody } from "../http/validate.ts";
import { endpointKey } from "../runs/endpoint-deliveries.ts";
import { filterOf, type StoredEndpoint } from "./definition.ts";
import { enableEndpoint } from "./disabling.ts";
import { ENDPOINT_KIND } from "./kind.ts";
import { createdEndpoint, endpoint, endpointList, endpointVersionList, rotatedSecret } from "./responses.ts";
import { graceEndsAt, newSigningSecret, type RotationKey, rotated, rotationOf } from "./signing-secrets.ts";

const secretRotation = z.strictObject({
  gracePeriodSeconds: z.optional(
    described(
      wholeNumber("whole seconds", 0, GRACE_PERIOD_MAX_SECONDS),
      DESCRIBE &&
        "How many seconds the replaced secret still signs, beside the new one. If you send it, no older secret signs " +
          "longer than that. With 0, only the new secret signs. Default: " +
          `\`${GRACE_PERIOD_DEFAULT_SECONDS}\`, and older secrets keep their end. At most ${SIGNING_SECRETS_MAX} ` +
          "secrets sign at a time.",
    ),
  ),
});
inDocument(secretRotation, { id: "SigningSecretRotation", examples: [{ gracePeriodSeconds: 3600 }, {}] });

export const endpointRoutes = definitionRoutes(
  ENDPOINT_KIND,
  DESCRIBE && {
    tag: "Webhook endpoints",
    id: "WebhookEndpoint",
    noun: ["a", "webhook endpoint"],
    descriptions: {
      list: "Returns the webhook endpoints of an environment by name, without their secrets.",
      get: "Returns a webhook endpoint, with null instead of each secret. You can send it back with PUT: null keeps the stored value. `ETag` is the version.",
      put:
        "Creates or replaces a webhook endpoint. Send `If-Match` with the ETag that you read, so that you overwrite " +
        "nobody's change. The URL is write-only as a whole, and so are header values, `secrets` and `signingSecret`. Null " +
        "keeps the stored URL. While `url` is null, null also keeps a header or a secret. If you send a URL, even " +
        "the stored one, send them again. A new endpoint without `signingSecret` gets one, and only that response shows " +
        "it. If you lose that response, rotate the secret. A change takes effect within 30 seconds. The service tells " +
        `the environment's coordinator first, and stores nothing if that can't be reached. An environment has at most ${ENDPOINTS_MAX_PER_ENVIRONMENT} endpoints.`,
      delete:
        "Deletes a webhook endpoint, its secrets, its versions and its messages that wait. A message can still be sent for up to 30 seconds.",
      listVersions:
        "Returns the versions of a webhook endpoint, newest first, without secrets. The first one is the current version. " +
        `The service keeps the newest ${VERSIONS_MAX_PER_DEFINITION} of an endpoint. A rotation of the signing secret is a version, too.`,
      getVersion:
        "Returns a version, with null instead of each secret. To restore it, send it with PUT and the `If-Match` of the " +
        "current version. Null then keeps the secrets of the current version.",
      deleteVersion: "Deletes an older version. You can't delete the current version.",
    },
    shown: {
      get: "The endpoint",
      replaced: "The endpoint that replaced an older version",
      created: "The new endpoint, with a signing secret that the service made",
      version: "The version",
    },
    schemas: { list: endpointList, one: endpoint, created: createdEndpoint, versions: endpointVersionList },
    errorsOfPut: ["too_many_endpoints", "coordinator_unavailable"],
  },
)
  .post(
    `${DEFINITION}/enable`,
    requires(
      "webhooks:manage",
      DESCRIBE && {
        operationId: "enableWebhookEndpoint",
        tag: "Webhook endpoints",
        summary: "Enable a webhook endpoint",
        description:
          "Enables an endpoint that the service disabled, because no message was delivered for days or the receiver answered " +
          "410. It does not change the member `disabled`, which is your own switch.",
        responses: { 204: { description: "The service does not disable the endpoint now" } },
        errors: ["coordinator_unavailable", "storage_full"],
      },
    ),
    async (c) => {
      const row = await requireRow(c, ENDPOINT_KIND);
      await requireNewestSecret(c);
      // First, or the failures of before would disable it again with its next failure.
      if (row.disabledReason === null) await noteChange(c);
      else await askCoordinator(environmentOf(c), ({ endpoints }) => endpoints.forgetHealth(endpointKey(row)));
      const entry = auditEntryOf(c, "webhook_endpoint_enabled");
      const enabling = await writeAudited(c, () => enableEndpoint(c.env.DB, definitionRefOf(c), entry));
      if (enabling === "missing") throw new ApiError("webhook_endpoint_not_found");
      if (enabling === "enabled") logAudit(entry, c.get("requestId"));
      await changed(c);
      return c.body(null, 204);
    },
  )
  .post(
    `${DEFINITION}/rotate-secret`,
    requires(
      "webhooks:manage",
      DESCRIBE && {
        operationId: "rotateSigningSecret",
        tag: "Webhook endpoints",
        summary: "Rotate the signing secret of a webhook endpoint",
        description:
          "Gives the endpoint a new signing secret and returns it. Only this response contains the secret. The replaced secret " +
          "signs beside it for `gracePeriodSeconds` more, so that the receiver can change over. At most " +
          `${SIGNING_SECRETS_MAX} secrets sign at a time. The service refuses a rotation that needs more, because a receiver ` +
          "may know only an older secret. A request that repeats an `Idempotency-Key` makes no secret and shows null. The last 10 keys count.",
        idempotencyKey: "rotate-2026-11",
        responses: {
          200: {
            description: "The new secret, shown once",
            json: rotatedSecret,
            headers: ["ETag", "Idempotent-Replayed"],
          },
        },
        errors: [
          "too_many_signing_secrets",
          "endpoint_secrets_lost",
          "precondition_failed",
          "idempotency_key_reused",
          "not_configured",
          "storage_full",
        ],
      },
    ),
    validBody(secretRotation, { mayBeEmpty: true }),
    async (c) => {
      const { version, isUnchanged, signingSecret, endsAt } = await rotateSecret(c, c.req.valid("json"));
      c.header("ETag", etagOf(version));
      if (isUnchanged) c.header("Idempotent-Replayed", "true");
      return c.json({ signingSecret, graceEndsAt: rfc3339(endsAt) });
    },
  );

/** `signingSecret` null: this rotation was made before, and only its first response shows the secret. */
interface RotatedSecret {
  readonly version: number;
  readonly isUnchanged: boolean;
  readonly signingSecret: string | null;
  /** When the last replaced secret ends, in ms. Null if only the newest signs. */
  readonly endsAt: number | null;
}

/**
 * Gives a webhook endpoint a new signing secret: a new version with the same definition. Throws
 * `webhook_endpoint_not_found`, `too_many_signing_secrets`, `idempotency_key_reused`, `endpoint_secrets_lost` and
 * errors of D1.
 */
async function rotateSecret(
  c: Context<AppEnv>,
  { gracePeriodSeconds }: z.output<typeof secretRotation>,
): Promise<RotatedSecret> {
  const ref = definitionRefOf(c);
  const entry = auditEntryOf(c, "webhook_endpoint_secret_rotated");
  const key = idempotencyKey(c);
  const ring = usableRing(c);
  // An id contains no colon, so no key can spell another caller's.
  const rotation: RotationKey | null =
    key === null ? null : { key: `${entry.actor}:${key}`, request: String(gracePeriodSeconds) };
  return changeDefinition(c, ENDPOINT_KIND, ref, entry, async ({ stored }) => {
    if (stored === null) throw new ApiError("webhook_endpoint_not_found");
    const secrets = await secretsOf(ENDPOINT_KIND, ring, ref, stored);
    if (secrets === null) throw new ApiError("endpoint_secrets_lost");
    const now = entry.at;
    const before = rotation === null ? undefined : rotationOf(secrets, rotation.key);
    if (before !== undefined) {
      if (before.request !== rotation?.request) throw new ApiError("idempotency_key_reused");
      const endsAt = graceEndsAt(secrets, now);
      return { version: stored.version, isUnchanged: true, signingSecret: null, endsAt };
    }
    const signingSecret = newSigningSecret();
    const after = rotated(secrets, signingSecret, gracePeriodSeconds, now, rotation);
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
    return { version, isUnchanged: false, signingSecret, endsAt: graceEndsAt(after.value, now) };
  });
}

function tooMany(endsAt: number): ApiError {
  return new ApiError(
    "too_many_signing_secrets",
    `3 secrets sign now, the maximum. Rotate again after ${rfc3339(endsAt)}, when an old one ends. Or send gracePeriodSeconds 0, and only the new one signs.`,
  );
}
