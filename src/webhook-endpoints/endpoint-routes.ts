/** /{o}/{p}/envs/{envName}/webhook-endpoints: the routes of a stored definition, enabling, and rotating the secret. */

import { logAudit, requireNewestSecret, writeAudited } from "../auth/audit.ts";
import { requires } from "../auth/authentication.ts";
import { ENDPOINTS_MAX_PER_ENVIRONMENT, SIGNING_SECRETS_MAX, VERSIONS_MAX_PER_DEFINITION } from "../base/limits.ts";
import {
  askCoordinator,
  auditEntryOf,
  changed,
  definitionRefOf,
  environmentOf,
  noteChange,
  requireStored,
} from "../definitions/change.ts";
import { OF_ROTATION, rotateSecret, secretRotation } from "../definitions/rotation.ts";
import { DEFINITION, definitionRoutes } from "../definitions/routes.ts";
import type { Described } from "../http/operation.ts";
import { validBody } from "../http/validate.ts";
import { endpointKey } from "../runs/endpoint-deliveries.ts";
import { ENDPOINT_KIND, enableEndpoint, SIGNING } from "./kind.ts";
import { createdEndpoint, endpoint, endpointList, endpointVersionList, rotatedSecret } from "./responses.ts";

export const endpointRoutes = definitionRoutes(
  ENDPOINT_KIND,
  DESCRIBE && {
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
);

const ENABLE_WEBHOOK_ENDPOINT: Described = DESCRIBE && {
  operationId: "enableWebhookEndpoint",
  summary: "Enable a webhook endpoint",
  description:
    "Enables an endpoint that the service disabled, because no message was delivered for days or the receiver answered " +
    "410. It does not change the member `disabled`, which is your own switch.",
  responses: { 204: { description: "The service does not disable the endpoint now" } },
  errors: ["coordinator_unavailable", "storage_full"],
};
endpointRoutes.post(`${DEFINITION}/enable`, requires("webhooks:manage", ENABLE_WEBHOOK_ENDPOINT), async (c) => {
  const stored = await requireStored(c, ENDPOINT_KIND);
  await requireNewestSecret(c);
  // First, or the failures of before would disable it again with its next failure.
  if (stored.disabledReason === null) await noteChange(c);
  else await askCoordinator(environmentOf(c), ({ endpoints }) => endpoints.forgetHealth(endpointKey(stored)));
  const entry = auditEntryOf(c, "webhook_endpoint_enabled");
  const isDone = await writeAudited(c, () => enableEndpoint(c.env.DB, definitionRefOf(c), entry));
  if (isDone) logAudit(entry, c.get("requestId"));
  else await requireStored(c, ENDPOINT_KIND);
  await changed(c);
  return c.body(null, 204);
});

const ROTATE_SIGNING_SECRET: Described = DESCRIBE && {
  operationId: "rotateSigningSecret",
  summary: "Rotate the signing secret of a webhook endpoint",
  description:
    "Gives the endpoint a new signing secret and returns it. Only this response contains the secret. The replaced secret " +
    "signs beside it for `gracePeriodSeconds` more, so that the receiver can change over. At most " +
    `${SIGNING_SECRETS_MAX} secrets sign at a time. The service refuses a rotation that needs more, because a receiver ` +
    "may know only an older secret. A request that repeats an `Idempotency-Key` makes no secret and shows null. The last 10 keys count.",
  idempotencyKey: "rotate-2026-11",
  responses: {
    200: { description: "The new secret, shown once", json: rotatedSecret, headers: ["ETag", "Idempotent-Replayed"] },
  },
  errors: [...OF_ROTATION, "endpoint_secrets_lost"],
};
endpointRoutes.post(
  `${DEFINITION}/rotate-secret`,
  requires("webhooks:manage", ROTATE_SIGNING_SECRET),
  validBody(secretRotation, { mayBeEmpty: true }),
  async (c) => {
    const { secret: signingSecret, graceEndsAt } = await rotateSecret(c, ENDPOINT_KIND, SIGNING, c.req.valid("json"));
    return c.json({ signingSecret, graceEndsAt });
  },
);
