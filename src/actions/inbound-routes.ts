/** …/actions/{name}/inbound: the URL for the events of an action, the rotation of their secret, and a try without a run. */
import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { requires } from "../auth/authentication.ts";
import { DEFINITION_NAME, EVENT_MAX_BYTES, SIGNING_SECRETS_MAX } from "../base/limits.ts";
import { rfc3339 } from "../base/time.ts";
import { definitionRefOf, requireStored, secretsOf } from "../definitions/change.ts";
import { graceEndsAt, OF_ROTATION, rotateSecret, secretRotation } from "../definitions/rotation.ts";
import { ApiError } from "../http/errors.ts";
import type { Described } from "../http/operation.ts";
import { type AppEnv, environmentOf, usableRing } from "../http/request-context.ts";
import { bounded, inDocument, objectOf } from "../http/schemas.ts";
import { validBody } from "../http/validate.ts";
import { environmentUrl } from "../settings/config.ts";
import { HEADER_NAME, HEADER_VALUE } from "../webhooks/request-schemas.ts";
import type { ActionDefinition } from "./definition.ts";
import { inbound, inboundIdOf, parametersOf, readableEvent, startsRun } from "./inbound.ts";
import { ACTION_KIND, EVENT_SECRET } from "./kind.ts";
import { faultOfParameters, knownAction } from "./resolve.ts";
import { inboundOfAction, rotatedEventSecret, triedEvent } from "./responses.ts";

const INBOUND = `/:name{${DEFINITION_NAME}}/inbound` as "/:name/inbound";
const HEADERS_MAX = 50;

const headers = bounded(
  HEADERS_MAX,
  "headers",
  z.record(
    z.string().check(z.regex(HEADER_NAME, { error: "is not a valid header name." })),
    z.string({ error: "send a string." }).check(z.regex(HEADER_VALUE, { error: "send printable ASCII." })),
  ),
);
inDocument(headers, {
  wire: {
    type: "object",
    maxProperties: HEADERS_MAX,
    propertyNames: { pattern: HEADER_NAME.source },
    additionalProperties: { type: "string", pattern: HEADER_VALUE.source },
  },
  description: "The headers of the event. Only those that `headers` of `inbound` names are read.",
});

const body = z.custom<unknown>((value) => value !== undefined, { error: "is missing; send the body of the event." });
inDocument(body, { wire: {}, description: "The body of the event: any JSON." });

const sampleEvent = objectOf(
  { headers: z.optional(headers), body, inbound: z.optional(inbound) },
  DESCRIBE && {
    id: "SampleEvent",
    description: "An event to try. With `inbound`, that one is tried and not the stored one.",
    examples: [{ headers: { "X-GitHub-Event": "push" }, body: { ref: "refs/heads/main", after: "3b1c0f2" } }],
  },
);

export const inboundRoutes = new Hono<AppEnv>();

const GET_INBOUND: Described = DESCRIBE && {
  operationId: "getInbound",
  summary: "Get the URL for the events of an action",
  description:
    "Returns the URL to which another product sends events that start the action. It never returns the secret. " +
    "If you have lost the secret, rotate it.",
  responses: { 200: { description: "The URL", json: inboundOfAction } },
  errors: ["inbound_not_found", "not_configured"],
};
inboundRoutes.get(INBOUND, requires("actions:manage", GET_INBOUND), async (c) => {
  const ref = definitionRefOf(c);
  const { scope, name } = ref;
  const ring = usableRing(c);
  const stored = await requireStored(c, ACTION_KIND);
  const { inbound } = JSON.parse(stored.definition) as ActionDefinition;
  if (inbound === undefined) throw new ApiError("inbound_not_found");
  const id = await inboundIdOf(ring, scope, name);
  // If no key opens the secrets, there is no grace period either.
  const secrets = (await secretsOf(ACTION_KIND, ring, ref, stored)) ?? new Map();
  return c.json({
    url: `${environmentUrl(c.env, c.req.url, scope)}/actions/${name}/inbound/${id}`,
    verify: inbound.verify,
    graceEndsAt: rfc3339(graceEndsAt(secrets, Date.now())),
  });
});

const ROTATE_INBOUND_SECRET: Described = DESCRIBE && {
  operationId: "rotateInboundSecret",
  summary: "Rotate the secret for the events of an action",
  description:
    "Gives the action a new secret for its events and returns it. Only this response contains the secret. The replaced " +
    "secret counts beside it for `gracePeriodSeconds` more, so that the sender can change over. If the token that stored " +
    "the action has ended, the default is 0, because somebody may have stolen that token. At most " +
    `${SIGNING_SECRETS_MAX} secrets count at a time. A rotation makes a version, and its runs have your token as ` +
    "their creator. A request that repeats an `Idempotency-Key` makes no secret and shows null.",
  idempotencyKey: "rotate-inbound-2026-11",
  responses: {
    200: {
      description: "The new secret, shown once",
      json: rotatedEventSecret,
      headers: ["ETag", "Idempotent-Replayed"],
    },
  },
  errors: [...OF_ROTATION, "inbound_not_found", "action_secrets_lost", "person_required"],
};
inboundRoutes.post(
  `${INBOUND}/rotate-secret`,
  requires("actions:manage", ROTATE_INBOUND_SECRET),
  validBody(secretRotation, { mayBeEmpty: true }),
  async (c) => c.json(await rotateSecret(c, ACTION_KIND, EVENT_SECRET, c.req.valid("json"))),
);

const TRY_INBOUND: Described = DESCRIBE && {
  operationId: "tryInbound",
  summary: "Try what an action makes of an event",
  description:
    "Returns whether an event would start a run, and the parameters that the run would get. The service starts nothing " +
    "and stores nothing. It checks the parameters against the action's `parametersSchema`, and needs no token or " +
    "signature of the event.",
  responses: { 200: { description: "What the action makes of the event", json: triedEvent } },
  errors: ["inbound_not_found", "action_needs_newer_code"],
};
inboundRoutes.post(
  `${INBOUND}/try`,
  requires("actions:manage", TRY_INBOUND),
  validBody(sampleEvent, { maxBytes: 2 * EVENT_MAX_BYTES }),
  async (c) => c.json(await triedOf(c, c.req.valid("json"))),
);

async function triedOf(c: Context<AppEnv>, sample: z.output<typeof sampleEvent>) {
  const { definition, schema } = await knownAction(environmentOf(c), definitionRefOf(c).name);
  const tried = sample.inbound ?? definition.inbound;
  if (tried === undefined) throw new ApiError("inbound_not_found");
  const event = readableEvent(tried, new Headers(sample.headers), sample.body);
  const parameters = parametersOf(tried, event);
  const matches = startsRun(tried, event);
  if (!parameters.ok) return { matches, parameters: null, error: parameters.error };
  const error = faultOfParameters(schema, parameters.value)?.sentence ?? null;
  return { matches, parameters: parameters.value, error };
}
