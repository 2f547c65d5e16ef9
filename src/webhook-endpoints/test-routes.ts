/**
 * POST …/webhook-endpoints/{name}/test: sends one delivery at once, and says what became of it. It counts for nothing:
 * neither as a delivery nor for the endpoint's health.
 */

import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { requires } from "../auth/authentication.ts";
import { TESTS_PER_MINUTE } from "../base/limits.ts";
import { admitTest, definitionRefOf, inDefinition, triedDefinition } from "../definitions/change.ts";
import { askCoordinator, environmentOf } from "../definitions/coordinator.ts";
import { testResult } from "../definitions/operations.ts";
import { newSecret, secretsAt } from "../definitions/rotation.ts";
import { DEFINITION } from "../definitions/routes.ts";
import { ApiError } from "../http/errors.ts";
import { type AppEnv, scopeOf, usableRing } from "../http/request-context.ts";
import { objectOf, uuid } from "../http/schemas.ts";
import { validBody } from "../http/validate.ts";
import { type DeliveryAttempt, type EventType, endpointKey } from "../runs/endpoint-deliveries.ts";
import { isGenuineRunId } from "../runs/run-id.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { type EndpointDefinition, type StoredEndpoint, storedEndpoint, type WholeEndpoint } from "./definition.ts";
import { madeUpAttempt } from "./delivery-content.ts";
import { eventType } from "./delivery-routes.ts";
import { ENDPOINT_KIND, loadEndpoint, SIGNING } from "./kind.ts";
import { openExcerpt, sendDelivery } from "./send-delivery.ts";

const testRequest = objectOf(
  {
    type: z.optional(eventType),
    runId: z.optional(uuid),
    // Tried without being stored. Null stands for a stored secret, as in a PUT.
    definition: z.optional(storedEndpoint),
  },
  DESCRIBE && {
    id: "EndpointTest",
    members: {
      type: "The event of the made-up run. Default: the first one that the endpoint hears of. With `runId`, it must be the event of that run.",
      runId:
        "A run that has ended or waits for approval. Without it, the message is about a made-up run, with `data.test` true.",
    },
    examples: [{}, { type: "action_run.succeeded" }],
  },
);

export const testRoutes = new Hono<AppEnv>().post(
  `${DEFINITION}/test`,
  requires(
    "webhooks:manage",
    DESCRIBE && {
      operationId: "testWebhookEndpoint",
      tag: "Webhook endpoints",
      summary: "Test a webhook endpoint",
      description:
        "Sends one message now and returns what the receiver answered. Without `runId` it is about a made-up run, and " +
        "`data.test` is true. With `definition` it tries that definition and stores nothing, also if there is no such " +
        "endpoint yet. A test is no delivery. It does not count for the endpoint's health. At most " +
        `${TESTS_PER_MINUTE} tests a minute in an environment, those of actions included.`,
      responses: { 200: { description: "What became of the message", json: testResult } },
      errors: [
        "run_not_found",
        "event_not_happened",
        "endpoint_secrets_lost",
        "secret_required",
        "too_many_tests",
        "not_configured",
        "coordinator_unavailable",
        "storage_full",
      ],
    },
  ),
  validBody(testRequest, { mayBeEmpty: true }),
  async (c) => {
    const { type, runId, definition } = c.req.valid("json");
    const ring = usableRing(c);
    const endpoint = await endpointOf(c, ring, definition as StoredEndpoint | undefined).catch(inDefinition);
    const attempt = runId === undefined ? madeUp(c, endpoint, type) : await ofRun(c, ring, endpoint, runId, type);
    await admitTest(c, "webhook_endpoint_tested");
    const { verdict, status, durationMs, reason, excerpt } = await sendDelivery(endpoint, attempt, {
      env: c.env,
      ring,
    });
    const owner = { scope: scopeOf(c), endpoint: attempt.endpoint, runId: attempt.runId };
    return c.json({
      status,
      durationMs,
      outcome: verdict === "unwanted" ? "refused" : verdict,
      reason,
      excerpt: excerpt === null ? null : await openExcerpt(ring, excerpt, owner),
    });
  },
);

/** What is tried: the stored endpoint, or the definition that was sent, with the stored secrets where it has null. */
async function endpointOf(c: Context<AppEnv>, ring: KeyRing, sent: StoredEndpoint | undefined): Promise<WholeEndpoint> {
  const ref = definitionRefOf(c);
  if (sent === undefined) {
    const whole = await loadEndpoint(c.env, { ...ref, hops: c.get("hops") });
    if (whole === null) throw new ApiError("webhook_endpoint_not_found");
    if (whole === "secrets_lost") throw new ApiError("endpoint_secrets_lost");
    return whole;
  }
  const { stored, split, whole } = await triedDefinition(c, ENDPOINT_KIND, ring, sent);
  const signingSecrets = secretsAt(split.secrets, SIGNING.member, Date.now());
  return {
    name: ref.name,
    version: stored?.version ?? 0,
    createdVersion: stored?.createdVersion ?? 0,
    definition: whole as EndpointDefinition,
    signingSecrets: signingSecrets.length > 0 ? signingSecrets : [newSecret()],
    origin: new URL(c.req.url).origin,
    disabledReason: null,
  };
}

function madeUp(c: Context<AppEnv>, endpoint: WholeEndpoint, type: EventType | undefined): DeliveryAttempt {
  const scope = scopeOf(c);
  const triggeredBy = c.get("person") ?? c.get("principal").name;
  const { definition } = endpoint;
  return madeUpAttempt({ scope, endpoint: endpointKey(endpoint), definition, type, triggeredBy, now: Date.now() });
}

/** Throws `run_not_found` and `event_not_happened`. */
async function ofRun(
  c: Context<AppEnv>,
  ring: KeyRing,
  endpoint: WholeEndpoint,
  runId: string,
  type: EventType | undefined,
): Promise<DeliveryAttempt> {
  const scope = scopeOf(c);
  if (!(await isGenuineRunId(ring, scope, runId))) throw new ApiError("run_not_found");
  const event = await askCoordinator(environmentOf(c), ({ endpoints }) => endpoints.lastEvent(runId));
  if (event === "run_not_found") throw new ApiError("run_not_found");
  if (event === "no_such_event" || (type ?? event.type) !== event.type) throw new ApiError("event_not_happened");
  return { ...event, scope, endpoint: endpointKey(endpoint) };
}
