/** zod: the response to a heartbeat. The timeline shows its `urlRefused` as well. */

import * as z from "zod";
import { STATUSES } from "../runs/run.ts";
import { responseInstant } from "./describe.ts";

const order = z
  .object({
    reason: z.string().nullable(),
    requestedAt: responseInstant,
    until: responseInstant.meta({
      description: "When the run ends as cancelled, if nobody reported its end before.",
      wire: { type: "string", format: "date-time" },
    }),
    remainingMs: z
      .int()
      .min(0)
      .meta({ description: "The milliseconds until then. Use it if the job's clock may be wrong." }),
  })
  .meta({ id: "StopOrder" })
  .nullable()
  .meta({ description: "A request to stop. `null`: nobody asked." });

export const urlRefused = z
  .string()
  .meta({
    description:
      "Why the heartbeat's `externalUrl` did not become the run's, and what to send instead. Otherwise missing.",
  });

export const heartbeatResponse = z
  .object({
    status: z.enum(STATUSES),
    deadlineAt: responseInstant.meta({
      description: "When the run ends by itself, however many heartbeats come.",
      wire: { type: "string", format: "date-time" },
    }),
    cancel: order,
    externalUrlRefused: urlRefused.optional(),
  })
  .meta({
    id: "HeartbeatAnswer",
    examples: [{ status: "running", deadlineAt: "2026-11-25T13:51:48.373Z", cancel: null }],
  });
