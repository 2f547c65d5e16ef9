/** zod: the body of a run of a stored action. */

import * as z from "zod/mini";
import { INPUTS_MAX_BYTES } from "../http/limits.ts";
import { maxBytes } from "../http/schema-bounds.ts";
import { described } from "../http/schema-parts.ts";
import { newRun } from "../runs/api/request-schemas.ts";
import { labels, minutes } from "./definition.ts";

const { entityId, parameters, recommendations } = newRun.shape;

export const newRunOfAction = z
  .strictObject({
    entityId,
    parameters,
    recommendations,
    timeout: z.optional(
      described(minutes, "Minutes after which the run fails. Without it, the action's timeout counts."),
    ),
    labels: z.optional(described(labels, "Labels of this run. The action's own labels are added.")),
  })
  .check(
    maxBytes(
      INPUTS_MAX_BYTES,
      (body) => JSON.stringify(body.parameters) + JSON.stringify(body.recommendations),
      "parameters and recommendations together have",
    ),
  )
  .register(z.globalRegistry, {
    id: "NewRunOfAction",
    examples: [{ parameters: { version: "1.4.2" } }],
  });

export type NewRunOfActionBody = z.output<typeof newRunOfAction>;
