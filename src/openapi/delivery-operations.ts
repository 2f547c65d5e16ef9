/** The OpenAPI operations about the deliveries of webhook endpoints, by method and path. */

import { ENDPOINT_TESTS_PER_MINUTE, RECOVER_MISSING_MAX_DAYS, RECOVERED_MAX } from "../base/limits.ts";
import { deliveryList, endpointStatus, recovery, testResult } from "./delivery-schemas.ts";
import { BODY, headersOf, OF_DELIVERY, OF_ENDPOINT, type Operation, refuses, responds, TOKEN } from "./describe.ts";

const common = { tags: ["Webhook endpoints"], security: [{ apiToken: [] }] };
const PERMISSION = "Requires the permission `webhooks:manage`.";
const ANY = [...TOKEN, "forbidden", "not_found", "webhook_endpoint_not_found"] as const;

const STATUS: Operation = {
  ...common,
  operationId: "getWebhookEndpointStatus",
  summary: "Get the status of a webhook endpoint",
  description:
    "Returns whether the receiver takes messages, whether the service has disabled the endpoint, and how far a recovery " +
    `has come. ${PERMISSION}`,
  parameters: OF_ENDPOINT,
  responses: {
    ...responds(200, "The status", endpointStatus),
    ...refuses(...ANY, "not_configured", "database_unavailable"),
  },
};

const DELIVERIES: Operation = {
  ...common,
  operationId: "listDeliveries",
  summary: "List the deliveries of a webhook endpoint",
  description:
    "Returns the messages of an endpoint with their attempts, newest run first. A message is kept for seven days, or as " +
    `long as its run if that is shorter. Follow \`Link\` until it is missing, because a page can be short. ${PERMISSION}`,
  parameters: OF_ENDPOINT,
  responses: {
    ...responds(200, "Deliveries", deliveryList, ["Link"]),
    ...refuses(...ANY, "invalid_query", "not_configured", "database_unavailable", "coordinator_unavailable"),
  },
};

const RESEND: Operation = {
  ...common,
  operationId: "resendMessage",
  summary: "Send a message again",
  description:
    "Sends the message of a run's event to the endpoint, again or for the first time, whatever the endpoint's filters " +
    "say. Its `webhook-id` is the same as before. The result is in the list of deliveries. It does not count for the " +
    `endpoint's health. ${PERMISSION}`,
  parameters: OF_DELIVERY,
  responses: {
    202: { description: "The message will be sent", headers: headersOf([]) },
    ...refuses(
      ...ANY,
      ...BODY,
      "run_not_found",
      "event_not_happened",
      "endpoint_disabled",
      "not_configured",
      "database_unavailable",
      "coordinator_unavailable",
      "storage_full",
    ),
  },
};

const RECOVER: Operation = {
  ...common,
  operationId: "recoverMessages",
  summary: "Send many messages again",
  description:
    "Sends the messages that were given up, or those of runs that the endpoint never heard of, newest first. It sends at " +
    `most ${RECOVERED_MAX}. The same request goes on where the last one stopped. Runs that the endpoint never heard of ` +
    `can have ended at most ${RECOVER_MISSING_MAX_DAYS} days ago. A run that waits for approval counts by its creation, ` +
    `and its request comes back only while it waits. ${PERMISSION}`,
  parameters: OF_ENDPOINT,
  responses: {
    ...responds(202, "The recovery is under way", recovery),
    ...refuses(
      ...ANY,
      ...BODY,
      "recovery_under_way",
      "endpoint_disabled",
      "database_unavailable",
      "coordinator_unavailable",
      "storage_full",
    ),
  },
};

const TEST: Operation = {
  ...common,
  operationId: "testWebhookEndpoint",
  summary: "Test a webhook endpoint",
  description:
    "Sends one message now and returns what the receiver answered. Without `runId` it is about a made-up run, and " +
    "`data.test` is true. With `definition` it tries that definition and stores nothing, also if there is no such " +
    "endpoint yet. A test is no delivery. It does not count for the endpoint's health. At most " +
    `${ENDPOINT_TESTS_PER_MINUTE} tests a minute in an environment. ${PERMISSION}`,
  parameters: OF_ENDPOINT,
  responses: {
    ...responds(200, "What became of the message", testResult),
    ...refuses(
      ...ANY,
      ...BODY,
      "run_not_found",
      "event_not_happened",
      "endpoint_secrets_lost",
      "secret_required",
      "too_many_tests",
      "not_configured",
      "database_unavailable",
      "coordinator_unavailable",
      "storage_full",
    ),
  },
};

const ENDPOINT = "/{o}/{p}/envs/{envName}/webhook-endpoints/{name}";

export const DELIVERY_OPERATIONS: Readonly<Record<string, Operation>> = {
  [`GET ${ENDPOINT}/status`]: STATUS,
  [`GET ${ENDPOINT}/deliveries`]: DELIVERIES,
  [`POST ${ENDPOINT}/deliveries/{id}/resend`]: RESEND,
  [`POST ${ENDPOINT}/recover`]: RECOVER,
  [`POST ${ENDPOINT}/test`]: TEST,
};
