/** zod: the responses of stored actions, for the OpenAPI document and the tests. */

import * as z from "zod";
import { listsOf } from "../definitions/operations.ts";
import { described } from "../http/response-schemas.ts";
import { actionDefinition, approval, cancelRequest, concurrency, storedTrigger } from "./definition.ts";
import { inbound } from "./inbound-definition.ts";

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
