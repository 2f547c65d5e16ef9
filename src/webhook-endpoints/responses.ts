/** zod: the responses of webhook endpoints and about their deliveries, for the OpenAPI document and the tests. */

import * as z from "zod";
import { attemptResult, listsOf, rotatedOf } from "../definitions/operations.ts";
import {
  flag,
  instantOrNull,
  listOf,
  named,
  natural,
  responseInstant,
  runName,
  text,
  textOrNull,
} from "../http/response-schemas.ts";
import { DELIVERY_STATES, EVENT_TYPES } from "../runs/endpoint-deliveries.ts";
import { storedEndpoint } from "./definition.ts";

const ENDPOINT = {
  url: null,
  headers: { Authorization: null },
  events: ["action_run.failed"],
  actionNames: ["deploy"],
  includeUnstored: false,
  onlyOnChange: true,
  final: false,
  disabled: false,
  signingSecret: null,
};

const isSecret = (description: string) => z.null().meta({ wire: { type: ["string", "null"] }, description });

export const endpoint = z
  .object({
    ...storedEndpoint.shape,
    url: isSecret("The whole URL is a secret."),
    signingSecret: isSecret("A secret. Only the response to the request that made it shows it."),
  })
  .meta({
    id: "StoredWebhookEndpoint",
    description:
      "A webhook endpoint as the last PUT stored it, with all defaults and with null instead of each secret. You can send it back unchanged.",
    examples: [ENDPOINT],
  });

const CREATED = { ...ENDPOINT, signingSecret: `whsec_${"0".repeat(43)}=` };

export const createdEndpoint = named("CreatedWebhookEndpoint", CREATED, {
  ...endpoint.shape,
  signingSecret: textOrNull.describe(
    "The signing secret that the service made for the new endpoint. Only this response shows it. Null if you sent one.",
  ),
});

export const { list: endpointList, versions: endpointVersionList } = listsOf(
  endpoint,
  { one: "WebhookEndpoint", version: "WebhookEndpointVersion" },
  { name: "chat", definition: ENDPOINT },
  undefined,
  "The id of the token that stored it or rotated its secret, or `root`.",
);

const graceEndsAt = instantOrNull.describe(
  "Until then, replaced secrets sign as well. Null if only the newest secret signs.",
);

export const rotatedSecret = rotatedOf("signingSecret", "RotatedSigningSecret", graceEndsAt);

const ATTEMPT = {
  at: "2026-11-25T13:21:48.373Z",
  status: 503,
  durationMs: 41,
  reason: "answered 503",
  excerpt: "Service Unavailable",
};

const DELIVERY = {
  runId: "01890a5d-ac96-774b-bcce-b302099a8057",
  actionName: "deploy",
  title: "deploy shop 1.4.2",
  subject: "shop",
  type: "action_run.failed",
  state: "waiting",
  attempts: [ATTEMPT],
  nextAttemptAt: "2026-11-25T13:21:53.373Z",
};

const attempt = named("DeliveryAttempt", ATTEMPT, { at: responseInstant, ...attemptResult });

const delivery = named("Delivery", DELIVERY, {
  runId: z.uuid(),
  ...runName,
  type: z.enum(EVENT_TYPES),
  state: z
    .enum(DELIVERY_STATES)
    .describe("`failed`: the service gave it up, because the receiver refused it, or after the last attempt."),
  attempts: z.array(attempt).describe("The last 10 attempts, oldest first."),
  nextAttemptAt: instantOrNull.describe(
    "Null if there is none, during an attempt, or while the receiver is down. While it is down, the service sends only one of its messages a minute.",
  ),
});

export const deliveryList = listOf("DeliveryList", delivery);

const RECOVERY = { since: "2026-11-25T13:00:00.000Z", until: null, include: "missing", messages: 12, isOver: true };

export const recovery = named("Recovery", RECOVERY, {
  since: responseInstant,
  until: instantOrNull,
  include: z.enum(["failed", "missing"]),
  messages: natural.describe("How many messages it has sent so far."),
  isOver: flag,
});

const HEALTH = { state: "working", failingSince: null, lastSuccessAt: ATTEMPT.at, isProbed: false };

const health = named("EndpointHealth", HEALTH, {
  state: z
    .enum(["unknown", "working", "failing"])
    .describe("`failing`: an attempt failed after the last success. `unknown`: this version has no result yet."),
  failingSince: instantOrNull,
  lastSuccessAt: instantOrNull.describe("While all attempts succeed, this instant moves once a day."),
  isProbed: flag.describe("True while the receiver is down, so that the service sends only one message a minute."),
});

const STATUS = {
  origin: "https://hooks.example.com",
  health: HEALTH,
  disabledReason: null,
  disabledAt: null,
  recover: RECOVERY,
  createdBy: "root",
  changedBy: "root",
  changedAt: ATTEMPT.at,
  newestDelivery: DELIVERY,
  incomplete: false,
};

export const endpointStatus = named("EndpointStatus", STATUS, {
  origin: textOrNull.describe(
    "Scheme, host and port of the URL. The rest of the URL is secret. Null if the key that sealed it was removed.",
  ),
  health,
  disabledReason: textOrNull.describe("Why the service has disabled the endpoint. Null if it has not."),
  disabledAt: instantOrNull,
  recover: recovery.nullable().describe("The last recovery. Null if there was none."),
  createdBy: text.describe("The name of the token that created it, or `root`."),
  changedBy: text.describe("The name of the token that changed it last, or `root`."),
  changedAt: responseInstant,
  newestDelivery: delivery.nullable().describe("Of the newest run. Null if there is none."),
  incomplete: flag.describe(
    "Whether the environment's runs can't be reached, so that health and deliveries are missing here.",
  ),
});
