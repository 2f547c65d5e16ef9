/** zod: the request bodies of /webhook-endpoints, but for an endpoint itself. */

import * as z from "zod/mini";
import {
  GRACE_PERIOD_DEFAULT_SECONDS,
  GRACE_PERIOD_MAX_SECONDS,
  RECOVER_MISSING_MAX_DAYS,
  RECOVERED_MAX,
  SIGNING_SECRETS_MAX,
} from "../base/limits.ts";
import { parseUuid } from "../base/uuid.ts";
import { parsedText, wholeNumber } from "../http/schema-bounds.ts";
import { deliveryPageQuery, described, instant } from "../http/schema-parts.ts";
import { DELIVERY_STATES } from "../runs/message.ts";
import { EVENT_TYPES } from "../runs/telling.ts";
import { storedEndpoint } from "./definition.ts";

export const secretRotation = z
  .strictObject({
    gracePeriodSeconds: z.optional(
      described(
        wholeNumber("whole seconds", 0, GRACE_PERIOD_MAX_SECONDS),
        "How many seconds the replaced secret still signs, beside the new one. If you send it, no older secret signs " +
          "longer than that. With 0, only the new secret signs. Default: " +
          `\`${GRACE_PERIOD_DEFAULT_SECONDS}\`, and older secrets keep their end. At most ${SIGNING_SECRETS_MAX} ` +
          "secrets sign at a time.",
      ),
    ),
  })
  .register(z.globalRegistry, { id: "SigningSecretRotation", examples: [{ gracePeriodSeconds: 3600 }, {}] });

const eventType = z.enum(EVENT_TYPES, { error: `send one of ${EVENT_TYPES.join(", ")}.` });

export const deliveriesQuery = z.strictObject({
  ...deliveryPageQuery,
  state: z.optional(
    z
      .enum(DELIVERY_STATES, { error: `send one of ${DELIVERY_STATES.join(", ")}, once.` })
      .register(z.globalRegistry, {
        wire: { type: "string", enum: [...DELIVERY_STATES], examples: ["failed"] },
        description: "Only deliveries in this state. A page can then be short, or empty, and still have a next one.",
      }),
  ),
});

export const resendRequest = z
  .strictObject({
    type: z.optional(
      described(eventType, "Which event of the run. Default: its newest one: its end, or that it waits for approval."),
    ),
  })
  .register(z.globalRegistry, { id: "ResendRequest", examples: [{}, { type: "action_run.succeeded" }] });

export const recoveryRequest = z
  .strictObject({
    since: described(
      instant,
      "Only runs that ended at this instant or later. A run that waits for approval counts by its creation.",
    ),
    until: z.optional(
      described(instant, "Only runs that ended, or were created, before this instant. Default: all later ones."),
    ),
    include: described(
      z.enum(["failed", "missing"], { error: "send failed or missing." }),
      "`failed`: messages that the service gave up. `missing`: runs that match the endpoint, that it never heard of, and " +
        `that ended at most ${RECOVER_MISSING_MAX_DAYS} days ago. A request for approval comes back only while the run ` +
        `waits for it. A recovery sends at most ${RECOVERED_MAX} messages, newest first. Send the same request again to go on.`,
    ),
  })
  .register(z.globalRegistry, {
    id: "RecoveryRequest",
    examples: [{ since: "2026-01-31T12:00:00Z", include: "failed" }],
  });

const uuid = parsedText(z.string({ error: "send a uuid." }), parseUuid, "send a uuid.").register(z.globalRegistry, {
  wire: { type: "string", format: "uuid" },
});

export const testRequest = z
  .strictObject({
    type: z.optional(
      described(
        eventType,
        "The event of the made-up run. Default: the first one that the endpoint hears of. With `runId`, it must be the event of that run.",
      ),
    ),
    runId: z.optional(
      described(
        uuid,
        "A run that has ended or waits for approval. Without it, the message is about a made-up run, with `data.test` true.",
      ),
    ),
    // Tried without being stored. Null stands for a stored secret, as in a PUT.
    definition: z.optional(storedEndpoint),
  })
  .register(z.globalRegistry, { id: "EndpointTest", examples: [{}, { type: "action_run.succeeded" }] });
