/** zod: the responses about many runs: lists, the feed of changes, counts and facets. */

import * as z from "zod";
import { CHANGE_CURSOR, FACET_MAX_VALUES } from "../base/limits.ts";
import type { Status } from "../runs/run.ts";
import { detailedActionRun, RUN_EXAMPLE } from "./run-schemas.ts";

export const actionRunList = z.array(detailedActionRun).meta({ id: "ActionRunList", examples: [[RUN_EXAMPLE]] });

export const CHANGE_CURSOR_EXAMPLE = "1790812800000.33";

export const runChanges = z
  .object({
    runs: z
      .array(detailedActionRun)
      .meta({
        description:
          "The runs that changed since the cursor, each once and in its newest version. A run that you know already replaces the one that you have.",
      }),
    cursor: z
      .string()
      .regex(new RegExp(CHANGE_CURSOR))
      .meta({
        description:
          "Send it as `after` to go on: the number of a change, behind the epoch in which it counts. It grants no access.",
      }),
    caughtUp: z.boolean().meta({ description: "False if more changes are there already. Then ask again at once." }),
  })
  .meta({ id: "ActionRunChanges", examples: [{ runs: [RUN_EXAMPLE], cursor: CHANGE_CURSOR_EXAMPLE, caughtUp: true }] });

export const runCount = z
  .union([z.int().min(0), z.object({ atLeast: z.int().min(0) }).meta({ id: "AtLeast" })])
  .meta({ description: "An exact number, or `atLeast` if there can be more." });

export const runSummary = z
  .object({
    pending: runCount,
    running: runCount,
    succeeded: runCount,
    failed: runCount,
    cancelled: runCount,
  } satisfies Record<Status, typeof runCount>)
  .meta({
    id: "ActionRunSummary",
    examples: [{ pending: 2, running: 1, succeeded: { atLeast: 1000 }, failed: 17, cancelled: 0 }],
  });

export const runFacets = z
  .object({
    values: z.array(z.string()).max(FACET_MAX_VALUES),
    more: z.boolean().meta({ description: "Whether the environment has, or can have, further values." }),
  })
  .meta({ id: "ActionRunFacets", examples: [{ values: ["deploy", "deploy-storefront"], more: false }] });
