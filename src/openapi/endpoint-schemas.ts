/** zod: the responses of webhook endpoints, for the OpenAPI document and the tests. */

import * as z from "zod";
import { storedEndpoint } from "../webhook-endpoints/definition.ts";
import { responseInstant, version } from "./describe.ts";

const ENDPOINT = {
  url: null,
  headers: { Authorization: null },
  events: ["action_run.failed"],
  actionNames: ["deploy"],
  includeUnstored: false,
  onlyOnChange: true,
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

export const createdEndpoint = z
  .object({
    ...endpoint.shape,
    signingSecret: z
      .string()
      .nullable()
      .meta({
        description:
          "The signing secret that the service made for the new endpoint. Only this response shows it. Null if you sent one.",
      }),
  })
  .meta({ id: "CreatedWebhookEndpoint", examples: [{ ...ENDPOINT, signingSecret: `whsec_${"0".repeat(43)}=` }] });

const LISTED = { name: "chat", version: 1795612908373, changedAt: "2026-11-25T13:21:48.373Z", definition: ENDPOINT };

export const endpointList = z
  .array(
    z
      .object({ name: z.string(), version, changedAt: responseInstant, definition: endpoint })
      .meta({ id: "ListedWebhookEndpoint", examples: [LISTED] }),
  )
  .meta({ id: "WebhookEndpointList", examples: [[LISTED]] });

const LISTED_VERSION = {
  version: 1795612908373,
  changedAt: "2026-11-25T13:21:48.373Z",
  actor: "root",
  actorName: "root",
  definition: ENDPOINT,
};

export const endpointVersionList = z
  .array(
    z
      .object({
        version,
        changedAt: responseInstant,
        actor: z.string().meta({ description: "The id of the token that stored it or rotated its secret, or `root`." }),
        actorName: z.string(),
        definition: endpoint,
      })
      .meta({ id: "ListedWebhookEndpointVersion", examples: [LISTED_VERSION] }),
  )
  .meta({ id: "WebhookEndpointVersionList", examples: [[LISTED_VERSION]] });

export const rotatedSecret = z
  .object({
    signingSecret: z
      .string()
      .nullable()
      .meta({
        description:
          "The new secret. Only this response shows it. Null if your `Idempotency-Key` has already rotated it.",
      }),
    graceEndsAt: responseInstant
      .nullable()
      .meta({ description: "Until then, replaced secrets sign as well. Null if only the newest secret signs." }),
  })
  .meta({
    id: "RotatedSigningSecret",
    examples: [{ signingSecret: `whsec_${"1".repeat(43)}=`, graceEndsAt: "2026-11-26T13:21:48.373Z" }],
  });
