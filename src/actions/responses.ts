/** zod: the responses of stored actions, for the OpenAPI document and the tests. */

import * as z from "zod";
import { listsOf, rotatedOf } from "../definitions/operations.ts";
import { flag, instantOrNull, named, text, textOrNull } from "../http/response-schemas.ts";
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
  .object({ ...storedTrigger.shape, cancel: named("ShownCancelRequest", null, cancelRequest.shape).optional() })
  .meta({ id: "ShownTrigger", description: "A trigger with all defaults, and null instead of each secret." });

const shownInbound = named("ShownInbound", null, {
  ...inbound.shape,
  secret: textOrNull.describe("Null, but for the response to the PUT for which the service made it."),
});

export const action = z
  .object({
    ...actionDefinition.shape,
    trigger: shownTrigger.optional(),
    approval: named("ShownApprovalGate", null, approval.shape).optional(),
    concurrency: named("ShownConcurrencyGate", null, concurrency.shape).optional(),
    retry: named("ShownAutomaticRetry", null, retry.shape).optional(),
    reporter: named("ShownReporter", null, reporter.shape).optional(),
    agents: named("ShownAgentTool", null, agents.shape).optional(),
    inbound: shownInbound.optional(),
  })
  .meta({
    id: "Action",
    description:
      "The definition of an action as the last PUT stored it, with all defaults and with null instead of each secret. You can send it back unchanged.",
    examples: [DEFINITION],
  });

export const { list: actionList, versions: versionList } = listsOf(
  action,
  { one: "Action", version: "Version" },
  { name: "deploy", definition: DEFINITION },
);

const graceEndsAt = instantOrNull.describe(
  "Until then, replaced secrets count as well. Null if only the newest secret counts.",
);

const INBOUND = {
  url: "https://runs.example.com/acme/shop/envs/production/actions/deploy/inbound/q0Vb4Yc0J1kYy0n2m3l4k5j6h7g8f9d0s1a2p3o4i5u",
  verify: "github",
  graceEndsAt: null,
};

export const inboundOfAction = named("InboundOfAction", INBOUND, {
  url: text.describe(
    "Where the product sends its events. Whoever knows it can't start anything without the secret. It changes if the signing " +
      "key that made it is removed.",
  ),
  verify: inbound.shape.verify,
  graceEndsAt,
});

export const rotatedEventSecret = rotatedOf("secret", "RotatedInboundSecret", graceEndsAt);

const TRIED = { matches: true, parameters: { version: "1.4.2" }, error: null };

export const triedEvent = named("TriedEvent", TRIED, {
  matches: flag.describe("Whether the event meets the conditions of `when`."),
  parameters: z
    .record(text, z.unknown())
    .nullable()
    .describe("The parameters that the run would get. Null if the action can't make parameters of this event."),
  error: textOrNull.describe("Why the parameters are refused. Null if they are not."),
});
