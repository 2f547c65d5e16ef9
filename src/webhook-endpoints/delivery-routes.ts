/** …/webhook-endpoints/{name}: its deliveries, what sends them again, and a test, which counts for nothing. */

import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { requires } from "../auth/authentication.ts";
import { parseUuid } from "../base/ids.ts";
import { RECOVER_MISSING_MAX_DAYS, RECOVERED_MAX, TESTS_PER_MINUTE } from "../base/limits.ts";
import { DAY_MS, rfc3339, shownMs } from "../base/time.ts";
import {
  admitTest,
  askCoordinator,
  definitionRefOf,
  inDefinition,
  requireStored,
  secretsOf,
  triedDefinition,
} from "../definitions/change.ts";
import { testResult } from "../definitions/operations.ts";
import { newSecret, secretsAt } from "../definitions/rotation.ts";
import { DEFINITION } from "../definitions/routes.ts";
import type { StoredDefinition } from "../definitions/store.ts";
import { ApiError, refusalOf } from "../http/errors.ts";
import type { Described } from "../http/operation.ts";
import { deliveryPageQuery, linkNext } from "../http/paging.ts";
import { type AppEnv, environmentOf, scopeOf, usableRing } from "../http/request-context.ts";
import { instant, objectOf, oneOf, uuid } from "../http/schemas.ts";
import { validBody, validQuery } from "../http/validate.ts";
import {
  DELIVERY_STATES,
  type DeliveryAttempt,
  type DeliveryPosition,
  type EndpointReport,
  EVENT_TYPES,
  type EventType,
  endpointKey,
  type NamedDelivery,
  type Recovery,
} from "../runs/endpoint-deliveries.ts";
import { isGenuineRunId } from "../runs/run-id.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { plainUrl } from "../webhooks/template.ts";
import { type EndpointDefinition, type StoredEndpoint, storedEndpoint, type WholeEndpoint } from "./definition.ts";
import { madeUpAttempt } from "./delivery-content.ts";
import { auditedKey, ENDPOINT_KIND, loadEndpoint, SIGNING } from "./kind.ts";
import { deliveryList, endpointStatus, recovery } from "./responses.ts";
import { openExcerpt, sendDelivery } from "./send-delivery.ts";

const eventType = z.enum(EVENT_TYPES, { error: `send one of ${EVENT_TYPES.join(", ")}.` });

const deliveriesQuery = z.strictObject({
  ...deliveryPageQuery,
  state: z.optional(
    oneOf(DELIVERY_STATES, {
      wire: { type: "string", enum: [...DELIVERY_STATES], examples: ["failed"] },
      description: "Only deliveries in this state. A page can then be short, or empty, and still have a next one.",
    }),
  ),
});

const resendRequest = objectOf(
  { type: z.optional(eventType) },
  DESCRIBE && {
    id: "ResendRequest",
    members: { type: "Which event of the run. Default: its newest one: its end, or that it waits for approval." },
    examples: [{}, { type: "action_run.succeeded" }],
  },
);

const recoveryRequest = objectOf(
  {
    since: instant,
    until: z.optional(instant),
    include: z.enum(["failed", "missing"], { error: "send failed or missing." }),
  },
  DESCRIBE && {
    id: "RecoveryRequest",
    members: {
      since: "Only runs that ended at this instant or later. A run that waits for approval counts by its creation.",
      until: "Only runs that ended, or were created, before this instant. Default: all later ones.",
      include:
        "`failed`: messages that the service gave up. `missing`: runs that match the endpoint, that it never heard of, and " +
        `that ended at most ${RECOVER_MISSING_MAX_DAYS} days ago. A request for approval comes back only while the run ` +
        `waits for it. A recovery sends at most ${RECOVERED_MAX} messages, newest first. Send the same request again to go on.`,
    },
    examples: [{ since: "2026-01-31T12:00:00Z", include: "failed" }],
  },
);

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

/** The errors of what asks the coordinator for deliveries, and is in the audit. */
const OF_CHANGE = ["endpoint_disabled", "coordinator_unavailable", "storage_full"] as const;
const DELIVERIES = `${DEFINITION}/deliveries` as const;

export const deliveryRoutes = new Hono<AppEnv>();

const GET_WEBHOOK_ENDPOINT_STATUS: Described = DESCRIBE && {
  operationId: "getWebhookEndpointStatus",
  summary: "Get the status of a webhook endpoint",
  description:
    "Returns whether the receiver takes messages, whether the service has disabled the endpoint, and how far a recovery has come.",
  responses: { 200: { description: "The status", json: endpointStatus } },
  errors: ["not_configured"],
};
deliveryRoutes.get(`${DEFINITION}/status`, requires("webhooks:manage", GET_WEBHOOK_ENDPOINT_STATUS), async (c) => {
  const row = await requireStored(c, ENDPOINT_KIND);
  const asking = askCoordinator(environmentOf(c), ({ endpoints }) => endpoints.report(endpointKey(row)));
  return c.json(await statusOf(c, usableRing(c), row, await asking.catch(() => null)));
});

const LIST_DELIVERIES: Described = DESCRIBE && {
  operationId: "listDeliveries",
  summary: "List the deliveries of a webhook endpoint",
  description:
    "Returns the messages of an endpoint with their attempts, newest run first. A message is kept for seven days, or as " +
    "long as its run if that is shorter. Follow `Link` until it is missing, because a page can be short.",
  responses: { 200: { description: "Deliveries", json: deliveryList, headers: ["Link"] } },
  errors: ["not_configured", "coordinator_unavailable"],
};
deliveryRoutes.get(DELIVERIES, requires("webhooks:manage", LIST_DELIVERIES), validQuery(deliveriesQuery), async (c) => {
  const { limit, state, cursor } = c.req.valid("query");
  const key = endpointKey(await requireStored(c, ENDPOINT_KIND));
  const ring = usableRing(c);
  const before = cursor as DeliveryPosition | undefined;
  const { isHalfOpen, deliveries, nextBefore } = await askCoordinator(environmentOf(c), ({ endpoints }) =>
    endpoints.page(key, { state, before, limit }),
  );
  linkNext(c, nextBefore && `${nextBefore.runId} ${nextBefore.kind}`);
  const scope = scopeOf(c);
  return c.json(await Promise.all(deliveries.map((delivery) => shownDelivery(delivery, { ring, scope, isHalfOpen }))));
});

const RESEND_MESSAGE: Described = DESCRIBE && {
  operationId: "resendMessage",
  summary: "Send a message again",
  description:
    "Sends the message of a run's event to the endpoint, again or for the first time, whatever the endpoint's filters " +
    "say. Its `webhook-id` is the same as before. The result is in the list of deliveries. It does not count for the " +
    "endpoint's health.",
  responses: { 202: { description: "The message will be sent" } },
  errors: ["webhook_endpoint_not_found", "event_not_happened", "not_configured", ...OF_CHANGE],
};
deliveryRoutes.post(
  `${DELIVERIES}/:id/resend`,
  requires("webhooks:manage", RESEND_MESSAGE),
  validBody(resendRequest, { mayBeEmpty: true }),
  async (c) => {
    const { type = null } = c.req.valid("json");
    const runId = await genuineId(c);
    const key = await auditedKey(c, "webhook_endpoint_message_resent", `/deliveries/${runId}`);
    const reply = await askCoordinator(environmentOf(c), ({ endpoints }) => endpoints.resend(key, runId, type));
    if (reply === "run_not_found") throw new ApiError("run_not_found");
    if (reply === "no_such_event") throw new ApiError("event_not_happened");
    return c.body(null, 202);
  },
);

const RECOVER_MESSAGES: Described = DESCRIBE && {
  operationId: "recoverMessages",
  summary: "Send many messages again",
  description:
    "Sends the messages that were given up, or those of runs that the endpoint never heard of, newest first. It sends at " +
    `most ${RECOVERED_MAX}. The same request goes on where the last one stopped. Runs that the endpoint never heard of ` +
    `can have ended at most ${RECOVER_MISSING_MAX_DAYS} days ago. A run that waits for approval counts by its creation, ` +
    "and its request comes back only while it waits.",
  responses: { 202: { description: "The recovery is under way", json: recovery } },
  errors: ["recovery_under_way", ...OF_CHANGE],
};
deliveryRoutes.post(
  `${DEFINITION}/recover`,
  requires("webhooks:manage", RECOVER_MESSAGES),
  validBody(recoveryRequest),
  async (c) => {
    const { since, until, include } = c.req.valid("json");
    const order = { since: shownMs(since), until: until === undefined ? null : shownMs(until), include };
    if (order.until !== null && order.until <= order.since) {
      throw refusalOf("invalid_body", [{ path: ["until"], message: "is not after since; send a later instant." }]);
    }
    if (include === "missing" && order.since < Date.now() - RECOVER_MISSING_MAX_DAYS * DAY_MS) {
      const message = `is more than ${RECOVER_MISSING_MAX_DAYS} days ago; send a later instant.`;
      throw refusalOf("invalid_body", [{ path: ["since"], message }]);
    }
    const key = await auditedKey(c, "webhook_endpoint_recovery_started");
    const begun = await askCoordinator(environmentOf(c), ({ endpoints }) => endpoints.recover(key, order));
    if (begun === null) throw new ApiError("recovery_under_way");
    return c.json(shownRecovery(begun), 202);
  },
);

const TEST_WEBHOOK_ENDPOINT: Described = DESCRIBE && {
  operationId: "testWebhookEndpoint",
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
};
deliveryRoutes.post(
  `${DEFINITION}/test`,
  requires("webhooks:manage", TEST_WEBHOOK_ENDPOINT),
  validBody(testRequest, { mayBeEmpty: true }),
  async (c) => {
    const { type, runId, definition } = c.req.valid("json");
    const ring = usableRing(c);
    const endpoint = await endpointOf(c, ring, definition as StoredEndpoint | undefined).catch(inDefinition);
    const attempt = runId === undefined ? madeUp(c, endpoint, type) : await ofRun(c, ring, endpoint, runId, type);
    await admitTest(c, "webhook_endpoint_tested");
    const sent = await sendDelivery(endpoint, attempt, { env: c.env, ring });
    const { verdict, status, durationMs, reason, excerpt } = sent;
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

/** The run's id in the path. An id that this service has not made asks no coordinator. */
async function genuineId(c: Context<AppEnv>): Promise<string> {
  const id = parseUuid(c.req.param("id") ?? "");
  if (id === null || !(await isGenuineRunId(usableRing(c), scopeOf(c), id))) throw new ApiError("run_not_found");
  return id;
}

/** How an endpoint does, and who changed it. `report`: null if the coordinator could not be reached. */
async function statusOf(c: Context<AppEnv>, ring: KeyRing, row: StoredDefinition, report: EndpointReport | null) {
  const { createdBy, storedBy, changedAt, disabledReason, disabledAt } = row;
  const { newest = null, isHalfOpen = false, recovery: last = null } = report ?? {};
  return {
    origin: await originOf(c, ring, row),
    health: healthOf(row, report),
    disabledReason,
    disabledAt: rfc3339(disabledAt),
    recover: shownRecovery(last),
    createdBy,
    changedBy: storedBy.tokenName,
    changedAt: rfc3339(changedAt),
    newestDelivery: newest && (await shownDelivery(newest, { ring, scope: scopeOf(c), isHalfOpen })),
    incomplete: report === null,
  };
}

/** How the attempts with this version went. */
function healthOf({ version }: StoredDefinition, report: EndpointReport | null) {
  const health = report?.health?.version === version ? report.health : null;
  const { failingSince = null, succeededAt = null } = health ?? {};
  const worked = succeededAt === null ? "unknown" : "working";
  return {
    state: failingSince === null ? worked : "failing",
    failingSince: rfc3339(failingSince),
    lastSuccessAt: rfc3339(succeededAt),
    isProbed: report?.isHalfOpen ?? false,
  };
}

/** Scheme, host and port of the endpoint's URL, whose rest is secret. Null if no key opens it. */
async function originOf(c: Context<AppEnv>, ring: KeyRing, row: StoredDefinition): Promise<string | null> {
  const url = (await secretsOf(ENDPOINT_KIND, ring, definitionRefOf(c), row))?.get("url");
  return url === undefined ? null : new URL(plainUrl(url)).origin;
}

/** `isHalfOpen`: the endpoint gets only trial requests, so the schedules of its deliveries stand still. */
async function shownDelivery(
  { endpoint, runId, actionName, title, subject, type, state, attempts, nextAt }: NamedDelivery,
  { ring, scope, isHalfOpen }: { readonly ring: KeyRing; readonly scope: string; readonly isHalfOpen: boolean },
) {
  const shown = attempts.map(async ({ at, status, durationMs, reason, excerpt }) => ({
    at: rfc3339(at),
    status,
    durationMs,
    reason,
    excerpt: excerpt === null ? null : await openExcerpt(ring, excerpt, { scope, endpoint, runId }),
  }));
  const nextAttemptAt = isHalfOpen || state !== "waiting" ? null : rfc3339(nextAt);
  const name = { actionName, title, subject };
  return { runId, ...name, type, state, attempts: await Promise.all(shown), nextAttemptAt };
}

function shownRecovery(one: Recovery | null) {
  if (one === null) return null;
  const { since, until, include, deliveries, isOver } = one;
  return { since: rfc3339(since), until: rfc3339(until), include, messages: deliveries, isOver };
}

/** What is tried: the stored endpoint, or the definition that was sent, with the stored secrets where it has null. */
async function endpointOf(c: Context<AppEnv>, ring: KeyRing, sent: StoredEndpoint | undefined): Promise<WholeEndpoint> {
  const ref = definitionRefOf(c);
  if (sent === undefined) {
    const whole = await loadEndpoint(c.env, ref, c.get("hops"));
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
