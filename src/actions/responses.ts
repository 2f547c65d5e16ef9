/** zod: the responses of stored actions, for the OpenAPI document and the tests. */

import * as z from "zod";
import { listsOf, rotatedOf } from "../definitions/operations.ts";
import { described, responseInstant } from "../http/response-schemas.ts";
import {
  actionDefinition,
  agents,
  approval,
  cancelRequest,
  concurrency,
  reporter,
  retry,
  storedTrigger,
} from "./definition.ts";
import { inbound } from "./inbound.ts";

const DEFINITION = {
  description: "Deploys a version of the shop.",
  trigger: {
    type: "webhook",
    url: "https://ci.example.com/hooks/deploy",
    method: "POST",
    headers: { Authorization: null },
    startOn: "accepted",
  },
  parametersSchema: { type: "object", required: ["version"] },
  timeout: 30,
};

const shownTrigger = z
  .object({
    ...storedTrigger.shape,
    cancel: z.object(cancelRequest.shape).meta({ id: "ShownCancelRequest" }).optional(),
  })
  .meta({ id: "ShownTrigger", description: "A trigger with all defaults, and null instead of each secret." });

const shownGates = {
  approval: z.object(approval.shape).meta({ id: "ShownApprovalGate" }).optional(),
  concurrency: z.object(concurrency.shape).meta({ id: "ShownConcurrencyGate" }).optional(),
  retry: z.object(retry.shape).meta({ id: "ShownAutomaticRetry" }).optional(),
  reporter: z.object(reporter.shape).meta({ id: "ShownReporter" }).optional(),
  agents: z.object(agents.shape).meta({ id: "ShownAgentTool" }).optional(),
};

const shownInbound = z
  .object({
    ...inbound.shape,
    secret: described(z.string().nullable(), "Null, but for the response to the PUT for which the service made it."),
  })
  .meta({ id: "ShownInbound" });

export const action = z
  .object({
    ...actionDefinition.shape,
    trigger: shownTrigger.optional(),
    ...shownGates,
    inbound: shownInbound.optional(),
  })
  .meta({
    id: "Action",
    description:
      "The definition of an action as the last PUT stored it, with all defaults and with null instead of each secret. You can send it back unchanged.",
    examples: [DEFINITION],
  });

export { testResult } from "../definitions/operations.ts";

export const { list: actionList, versions: versionList } = listsOf(
  action,
  { one: "Action", version: "Version" },
  { name: "deploy", definition: DEFINITION },
  "The id of the token that stored it, or `root`.",
);

const graceEndsAt = described(
  responseInstant.nullable(),
  "Until then, replaced secrets count as well. Null if only the newest secret counts.",
);

const URL =
  "https://runs.example.com/acme/shop/envs/production/actions/deploy/inbound/q0Vb4Yc0J1kYy0n2m3l4k5j6h7g8f9d0s1a2p3o4i5u";

export const inboundOfAction = z
  .object({
    url: described(
      z.string(),
      "Where the product sends its events. Whoever knows it can't start anything without the secret. It changes if the signing " +
        "key that made it is removed.",
    ),
    verify: inbound.shape.verify,
    graceEndsAt,
  })
  .meta({ id: "InboundOfAction", examples: [{ url: URL, verify: "github", graceEndsAt: null }] });

export const rotatedEventSecret = rotatedOf("secret", "RotatedInboundSecret", graceEndsAt);

export const triedEvent = z
  .object({
    matches: described(z.boolean(), "Whether the event meets the conditions of `when`."),
    parameters: described(
      z.record(z.string(), z.unknown()).nullable(),
      "The parameters that the run would get. Null if the action can't make parameters of this event.",
    ),
    error: described(z.string().nullable(), "Why the parameters are refused. Null if they are not."),
  })
  .meta({ id: "TriedEvent", examples: [{ matches: true, parameters: { version: "1.4.2" }, error: null }] });
