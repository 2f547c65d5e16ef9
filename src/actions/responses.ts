/** zod: the responses of stored actions, for the OpenAPI document and the tests. */

import * as z from "zod";
import { responseInstant, version } from "../http/response-schemas.ts";
import { actionDefinition, approval, cancelRequest, concurrency, storedTrigger } from "./definition.ts";

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

export const action = z
  .object({ ...actionDefinition.shape, trigger: shownTrigger.optional(), ...shownGates })
  .meta({
    id: "Action",
    description:
      "The definition of an action as the last PUT stored it, with all defaults and with null instead of each secret. You can send it back unchanged.",
    examples: [DEFINITION],
  });

const LISTED = {
  name: "deploy",
  version: 1795612908373,
  changedAt: "2026-11-25T13:21:48.373Z",
  definition: DEFINITION,
};

export const actionList = z
  .array(
    z
      .object({ name: z.string(), version, changedAt: responseInstant, definition: action })
      .meta({ id: "ListedAction", examples: [LISTED] }),
  )
  .meta({ id: "ActionList", examples: [[LISTED]] });

const LISTED_VERSION = {
  version: 1795612908373,
  changedAt: "2026-11-25T13:21:48.373Z",
  actor: "root",
  actorName: "root",
  definition: DEFINITION,
};

export const versionList = z
  .array(
    z
      .object({
        version,
        changedAt: responseInstant,
        actor: z.string().meta({ description: "The id of the token that stored it, or `root`." }),
        actorName: z.string(),
        definition: action,
      })
      .meta({ id: "ListedVersion", examples: [LISTED_VERSION] }),
  )
  .meta({ id: "VersionList", examples: [[LISTED_VERSION]] });
