/** The OpenAPI operations of webhook endpoints, by method and path. */

import { ENDPOINTS_MAX_PER_ENVIRONMENT, SIGNING_SECRETS_MAX, VERSIONS_MAX_PER_DEFINITION } from "../base/limits.ts";
import {
  BODY,
  headersOf,
  IF_MATCH_OF_DELETE,
  IF_MATCH_OF_PUT,
  IF_NONE_MATCH,
  IN_ENVIRONMENT,
  idempotencyKey,
  OF_ENDPOINT,
  OF_ENDPOINT_VERSION,
  type Operation,
  refuses,
  responds,
  TOKEN,
} from "./describe.ts";
import { createdEndpoint, endpoint, endpointList, endpointVersionList, rotatedSecret } from "./endpoint-schemas.ts";

const common = { tags: ["Webhook endpoints"], security: [{ apiToken: [] }] };
const PERMISSION = "Requires the permission `webhooks:manage`.";

const LIST: Operation = {
  ...common,
  operationId: "listWebhookEndpoints",
  summary: "List webhook endpoints",
  description: `Returns the webhook endpoints of an environment by name, without their secrets. ${PERMISSION}`,
  parameters: IN_ENVIRONMENT,
  responses: {
    ...responds(200, "Webhook endpoints", endpointList, ["Link"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "database_unavailable"),
  },
};

const GET: Operation = {
  ...common,
  operationId: "getWebhookEndpoint",
  summary: "Get a webhook endpoint",
  description:
    "Returns a webhook endpoint, with null instead of each secret. You can send it back with PUT: null keeps " +
    `the stored value. \`ETag\` is the version. ${PERMISSION}`,
  parameters: OF_ENDPOINT,
  responses: {
    ...responds(200, "The endpoint", endpoint, ["ETag"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "webhook_endpoint_not_found", "database_unavailable"),
  },
};

const PUT: Operation = {
  ...common,
  operationId: "putWebhookEndpoint",
  summary: "Store a webhook endpoint",
  description:
    "Creates or replaces a webhook endpoint. Send `If-Match` with the ETag that you read, so that you overwrite " +
    "nobody's change. The URL is write-only as a whole, and so are header values, `secrets` and `signingSecret`. Null " +
    "keeps the stored URL. While `url` is null, null also keeps a header or a secret. If you send a URL, even " +
    "the stored one, send them again. A new endpoint without `signingSecret` gets one, and only that response shows " +
    "it. If you lose that response, rotate the secret. A change takes effect within 30 seconds. The service tells " +
    `the environment's coordinator first, and stores nothing if that can't be reached. An environment has at most ${ENDPOINTS_MAX_PER_ENVIRONMENT} endpoints. ${PERMISSION}`,
  parameters: [...OF_ENDPOINT, IF_MATCH_OF_PUT, IF_NONE_MATCH],
  responses: {
    ...responds(200, "The endpoint that replaced an older version", endpoint, ["ETag"]),
    ...responds(201, "The new endpoint, with a signing secret that the service made", createdEndpoint, [
      "ETag",
      "Location",
    ]),
    ...refuses(
      ...TOKEN,
      ...BODY,
      "forbidden",
      "not_found",
      "too_many_endpoints",
      "precondition_failed",
      "secret_required",
      "not_configured",
      "database_unavailable",
      "coordinator_unavailable",
      "storage_full",
    ),
  },
};

const DELETE: Operation = {
  ...common,
  operationId: "deleteWebhookEndpoint",
  summary: "Delete a webhook endpoint",
  description:
    "Deletes a webhook endpoint, its secrets, its versions and its messages that wait. A message can still be sent for " +
    `up to 30 seconds. ${PERMISSION}`,
  parameters: [...OF_ENDPOINT, IF_MATCH_OF_DELETE],
  responses: {
    204: { description: "The endpoint is deleted", headers: headersOf([]) },
    ...refuses(
      ...TOKEN,
      "forbidden",
      "not_found",
      "webhook_endpoint_not_found",
      "precondition_failed",
      "database_unavailable",
      "storage_full",
    ),
  },
};

const LIST_VERSIONS: Operation = {
  ...common,
  operationId: "listWebhookEndpointVersions",
  summary: "List the versions of a webhook endpoint",
  description:
    "Returns the versions of a webhook endpoint, newest first, without secrets. The first one is the current version. " +
    `The service keeps the newest ${VERSIONS_MAX_PER_DEFINITION} of an endpoint. A rotation of the signing secret is a ` +
    `version, too. ${PERMISSION}`,
  parameters: OF_ENDPOINT,
  responses: {
    ...responds(200, "Versions", endpointVersionList, ["Link"]),
    ...refuses(
      ...TOKEN,
      "forbidden",
      "not_found",
      "webhook_endpoint_not_found",
      "invalid_query",
      "database_unavailable",
    ),
  },
};

const GET_VERSION: Operation = {
  ...common,
  operationId: "getWebhookEndpointVersion",
  summary: "Get a version of a webhook endpoint",
  description:
    "Returns a version, with null instead of each secret. To restore it, send it with PUT and the `If-Match` of the " +
    `current version. Null then keeps the secrets of the current version. ${PERMISSION}`,
  parameters: OF_ENDPOINT_VERSION,
  responses: {
    ...responds(200, "The version", endpoint),
    ...refuses(...TOKEN, "forbidden", "not_found", "version_not_found", "database_unavailable"),
  },
};

const DELETE_VERSION: Operation = {
  ...common,
  operationId: "deleteWebhookEndpointVersion",
  summary: "Delete a version of a webhook endpoint",
  description: `Deletes an older version. You can't delete the current version. ${PERMISSION}`,
  parameters: OF_ENDPOINT_VERSION,
  responses: {
    204: { description: "The version is deleted", headers: headersOf([]) },
    ...refuses(
      ...TOKEN,
      "forbidden",
      "not_found",
      "version_not_found",
      "version_current",
      "database_unavailable",
      "storage_full",
    ),
  },
};

const ENABLE: Operation = {
  ...common,
  operationId: "enableWebhookEndpoint",
  summary: "Enable a webhook endpoint",
  description:
    "Enables an endpoint that the service disabled, because no message was delivered for days or the receiver answered " +
    `410. It does not change the member \`disabled\`, which is your own switch. ${PERMISSION}`,
  parameters: OF_ENDPOINT,
  responses: {
    204: { description: "The service does not disable the endpoint now", headers: headersOf([]) },
    ...refuses(
      ...TOKEN,
      "forbidden",
      "not_found",
      "webhook_endpoint_not_found",
      "database_unavailable",
      "coordinator_unavailable",
      "storage_full",
    ),
  },
};

const ROTATE: Operation = {
  ...common,
  operationId: "rotateSigningSecret",
  summary: "Rotate the signing secret of a webhook endpoint",
  description:
    "Gives the endpoint a new signing secret and returns it. Only this response contains the secret. The replaced secret " +
    "signs beside it for `gracePeriodSeconds` more, so that the receiver can change over. At most " +
    `${SIGNING_SECRETS_MAX} secrets sign at a time. The service refuses a rotation that needs more, because a receiver ` +
    "may know only an older secret. A request that repeats an `Idempotency-Key` makes no secret and shows null. The last " +
    `10 keys count. ${PERMISSION}`,
  parameters: [...OF_ENDPOINT, idempotencyKey("rotate-2026-11")],
  responses: {
    ...responds(200, "The new secret, shown once", rotatedSecret, ["ETag", "Idempotent-Replayed"]),
    ...refuses(
      ...TOKEN,
      ...BODY,
      "forbidden",
      "not_found",
      "webhook_endpoint_not_found",
      "too_many_signing_secrets",
      "endpoint_secrets_lost",
      "precondition_failed",
      "invalid_idempotency_key",
      "idempotency_key_reused",
      "not_configured",
      "database_unavailable",
      "storage_full",
    ),
  },
};

const ENDPOINTS = "/{o}/{p}/envs/{envName}/webhook-endpoints";

export const ENDPOINT_OPERATIONS: Readonly<Record<string, Operation>> = {
  [`GET ${ENDPOINTS}`]: LIST,
  [`GET ${ENDPOINTS}/{name}`]: GET,
  [`PUT ${ENDPOINTS}/{name}`]: PUT,
  [`DELETE ${ENDPOINTS}/{name}`]: DELETE,
  [`GET ${ENDPOINTS}/{name}/versions`]: LIST_VERSIONS,
  [`GET ${ENDPOINTS}/{name}/versions/{version}`]: GET_VERSION,
  [`DELETE ${ENDPOINTS}/{name}/versions/{version}`]: DELETE_VERSION,
  [`POST ${ENDPOINTS}/{name}/enable`]: ENABLE,
  [`POST ${ENDPOINTS}/{name}/rotate-secret`]: ROTATE,
};
