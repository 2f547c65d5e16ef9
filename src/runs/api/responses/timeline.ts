/** zod: the events of a run's timeline. */

import * as z from "zod";
import { described, responseInstant } from "../../../http/response-schemas.ts";
import { END_CAUSES, WAITING_FOR } from "../../run.ts";
import { RUN_EXAMPLE, urlRefused } from "./runs.ts";

const seq = z.int().meta({ wire: { type: "integer", minimum: 1 } });

/** The name of `attempt_started` is `RunAttemptStartedEvent`, because generators number variants without a name. */
const event = <T extends string, S extends z.core.$ZodLooseShape>(type: T, more: S) =>
  z
    .object({ seq, type: z.literal(type), at: responseInstant, ...more })
    .meta({ id: `Run${`_${type}`.replaceAll(/_(.)/g, (_, first: string) => first.toUpperCase())}Event` });

/** What is told of an attempt to call the receiver, to start its job or to stop it. */
const begun = { attempt: z.int().min(1), host: z.string() };
const OUTCOMES = ["accepted", "retry", "given_up"] as const;
const answered = {
  attempt: z.int().min(1),
  outcome: z.enum(OUTCOMES),
  status: z.int().nullable(),
  durationMs: z.int(),
  reason: z.string(),
  excerpt: described(
    z.string().nullable().optional(),
    "The first 1 KiB of what the receiver answered. Control characters are escaped, except line feeds. It is null if it " +
      "answered nothing, or if the key that sealed the excerpt has left the key ring. Only for tokens with " +
      "`actions:manage`, because receivers echo secrets. Left out for all others.",
  ),
  nextAttemptAt: responseInstant.nullable(),
};

const said = { by: z.string(), via: z.string().optional(), reason: z.string().optional() };

const proved = {
  execution: described(z.string(), "The execution that the proof of the job names."),
  attempt: described(z.string().optional(), "Which attempt of the execution it is, if the proof says so."),
};

const CREATED = { seq: 1, type: "created", at: RUN_EXAMPLE.createdAt, by: "ci" };

const timelineEvent = z
  .discriminatedUnion("type", [
    event("created", { by: z.string().optional() }),
    event("attempt_started", begun),
    event("attempt_answered", {
      ...answered,
      outcome: described(
        z.enum([...OUTCOMES, "overtaken"]),
        "`overtaken`: a heartbeat, a report, or the response to another attempt came before this response.",
      ),
    }),
    event("stop_started", begun),
    event("stop_answered", answered),
    event("started", { cause: z.enum(["delivery", "heartbeat", "callback"]).optional() }),
    event("heartbeat", {
      message: z.string().optional(),
      progress: z.number().min(0).max(1).optional(),
      externalUrl: z.string().meta({ format: "uri" }).optional(),
      externalUrlRefused: urlRefused.optional(),
    }),
    event("heartbeats_thinned", { count: z.int().min(1) }),
    event("external_url", { url: described(z.string(), "The job's page, as the receiver's response names it.") }),
    event("token_issued", proved),
    event("token_refused", proved),
    event("cancel_requested", { by: z.string(), reason: z.string().nullable(), until: responseInstant.nullable() }),
    event("waiting", {
      for: z.enum(WAITING_FOR),
      until: responseInstant,
      notBefore: responseInstant.optional(),
      group: z.string().optional(),
      key: z.string().optional(),
      reason: z.string().optional(),
      by: z.string().optional(),
      via: z.string().optional(),
    }),
    event("approved", said),
    event("rejected", said),
    event("let_through", said),
    event("approval_withdrawn", {
      by: described(z.string(), "Whose approval no longer counts, because the token was revoked."),
      via: z.string().optional(),
    }),
    event("released", {
      by: z.string().optional(),
      via: z.string().optional(),
      approversUnchecked: described(
        z.literal(true).optional(),
        "The database did not answer, so nobody knows whether a token that approved the run was revoked.",
      ),
    }),
    event("ended", {
      status: z.enum(["succeeded", "failed", "cancelled"]),
      cause: z.enum(END_CAUSES).nullable().optional(),
      by: z.string().optional(),
      via: z.string().optional(),
      reason: z.string().optional(),
      replacedBy: z.string().meta({ format: "uuid" }).optional(),
      retryAt: described(responseInstant.optional(), "When an automatic retry may start."),
    }),
  ])
  .meta({ id: "TimelineEvent", examples: [CREATED] });

export const timeline = z.array(timelineEvent).meta({ id: "Timeline", examples: [[CREATED]] });
