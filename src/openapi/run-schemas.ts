/** zod: the responses of runs, for the OpenAPI document and the tests. The service prints its JSON without them. */

import * as z from "zod";
import { FACET_MAX_VALUES } from "../base/limits.ts";
import { WAITING_FOR } from "../runs/gates.ts";
import { END_CAUSES, STATUSES, type Status } from "../runs/run.ts";
import { responseInstant } from "./describe.ts";

const uuid = z.string().meta({ format: "uuid" });
const jsonObject = z.record(z.string(), z.unknown());

const EXAMPLE = {
  id: "01a212de-9b55-8003-a8a9-dd2c148ea617",
  actionName: "deploy",
  entityId: null,
  status: "pending",
  parameters: { version: "1.4.2" },
  recommendations: {},
  triggeredBy: "ci",
  createdAt: "2026-11-25T13:21:48.373Z",
  startedAt: null,
  completedAt: null,
  error: null,
  output: null,
};

export const actionRun = z
  .object({
    id: uuid,
    actionName: z.string(),
    entityId: uuid.nullable(),
    status: z.enum(STATUSES),
    parameters: jsonObject,
    recommendations: jsonObject,
    triggeredBy: z
      .string()
      .meta({ description: "The person for whom the API token acted, or the name of the token." }),
    createdAt: responseInstant,
    startedAt: responseInstant.nullable(),
    completedAt: responseInstant.nullable(),
    error: z.string().nullable().meta({
      description:
        "`[timeout] …`: nobody reported in time. `[delivery] …`: the job could not be started. `[gate] …`: the run waited too long, or there was no slot for it.",
    }),
    output: jsonObject.nullable(),
  })
  .meta({ id: "ActionRun", examples: [EXAMPLE] });

/** An approval that counts. */
export const approval = z.object({
  by: z.string().meta({ description: "The person, or the name of the API token." }),
  byId: z.string().meta({ description: "The id of the API token; `root` for the operator." }),
  via: z.string().nullable().meta({ description: "The name of the API token, if `by` is a person." }),
  at: responseInstant,
  reason: z.string().nullable(),
});

const waiting = z.object({
  for: z.enum(WAITING_FOR).meta({ description: "The first gate that is still closed." }),
  since: responseInstant,
  until: responseInstant.meta({
    description: "When the run fails if it still waits.",
    wire: { type: "string", format: "date-time" },
  }),
  notBefore: responseInstant.nullable(),
  group: z.string().nullable(),
  key: z.string().nullable(),
  reason: z
    .string()
    .nullable()
    .meta({ description: "The reason of the pause. Null unless the run waits for its end." }),
  position: z.int().min(1).nullable().optional().meta({
    description:
      "The place in the line: 1 comes next. Only a run that waits for a slot has one. Lists and the feed leave it out.",
  }),
  behind: z.array(uuid).optional().meta({
    description:
      "The runs that hold the slots. Only a run that waits for a slot has them. Lists and the feed leave them out.",
  }),
});

const details = z
  .object({
    source: z.enum(["action", "trigger", "none"]).meta({
      description:
        "What the run came from: a stored action, a create with a `trigger`, or a create without one. A run of a `trigger` can't be retried.",
    }),
    action: z
      .object({ name: z.string(), version: z.int().min(1) })
      .nullable()
      .meta({ description: "The stored action that the run came from, as it was then." }),
    retryOf: uuid.nullable().meta({ description: "The run that this one repeats." }),
    labels: z.array(z.string()),
    traceparent: z.string().nullable().meta({
      description:
        "The `traceparent` of the request that created the run. Null if it sent none, or a malformed one.",
    }),
    externalUrl: z.string().nullable().meta({
      description:
        "The page of the job that does the work, as the receiver or a heartbeat gave it. An `https` URL.",
    }),
    heartbeat: z
      .object({ at: responseInstant, message: z.string().nullable(), progress: z.number().nullable() })
      .nullable()
      .meta({ description: "The last heartbeat with news. A list leaves it null." }),
    cancel: z
      .object({
        by: z.string().nullable(),
        reason: z.string().nullable(),
        requestedAt: responseInstant,
        until: responseInstant,
      })
      .nullable()
      .meta({ description: "The cancel that counts. The run is open until `until` at the latest." }),
    via: z.string().nullable().meta({
      description: "The API token that acted, if `triggeredBy` names a person.",
    }),
    waiting: waiting
      .nullable()
      .meta({ description: "What the run waits for before its webhook is sent. Null if it does not wait." }),
    approval: z
      .object({ required: z.int().min(1), approvals: z.array(approval) })
      .nullable()
      .meta({ description: "How many different approvers the run needs, and who has approved." }),
  })
  .meta({
    id: "ActionRunDetails",
    description: "Only with `include=details`. More members may come. Ignore those that you do not know.",
  });

export const detailedActionRun = z
  .object({ ...actionRun.shape, details: details.optional() })
  .meta({ id: "DetailedActionRun", examples: [EXAMPLE] });

const order = z
  .object({
    reason: z.string().nullable(),
    requestedAt: responseInstant,
    until: responseInstant.meta({
      description: "When the run ends as cancelled, if nobody reported its end before.",
      wire: { type: "string", format: "date-time" },
    }),
    remainingMs: z.int().min(0).meta({
      description: "The milliseconds until then. Use it if the job's clock may be wrong.",
    }),
  })
  .nullable()
  .meta({ description: "A request to stop. `null`: nobody asked." });

const urlRefused = z.string().meta({
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
    description: "More members may come. Ignore those that you do not know.",
    examples: [{ status: "running", deadlineAt: "2026-11-25T13:51:48.373Z", cancel: null }],
  });

export const actionRunList = z.array(detailedActionRun).meta({ id: "ActionRunList", examples: [[EXAMPLE]] });

export const runChanges = z
  .object({
    runs: z.array(detailedActionRun).meta({
      description:
        "The runs that changed since the cursor, each once and in its newest version. A run that you know already replaces the one that you have.",
    }),
    cursor: z.string().meta({ description: "Send it as `after` to go on. It grants no access." }),
    caughtUp: z
      .boolean()
      .meta({ description: "False if more changes are there already. Then ask again at once." }),
    incomplete: z.boolean().meta({
      description:
        "True if a part of the runs could not be reached. Its changes come later, and none is lost.",
    }),
  })
  .meta({
    id: "ActionRunChanges",
    examples: [{ runs: [EXAMPLE], cursor: "12.0.7.33", caughtUp: true, incomplete: false }],
  });

export const runCount = z.union([z.int().min(0), z.object({ atLeast: z.int().min(0) })]).meta({
  description: "An exact number, or `atLeast` if there can be more.",
});

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

const callback = z.object({
  url: z.string().meta({ format: "uri" }),
  token: z.string().meta({ description: "Opens this run's callback. Only this response shows the token." }),
  expiresAt: responseInstant,
});

/** A run of a stored action or a retry of one. */
export const startedActionRun = z
  .object({
    ...detailedActionRun.shape,
    callback: callback.optional().meta({
      description: "Missing if the action has a trigger, because then only the receiver may report.",
    }),
  })
  .meta({ id: "StartedActionRun", examples: [EXAMPLE] });

export const createdActionRun = z.object({ ...detailedActionRun.shape, callback }).meta({
  id: "CreatedActionRun",
  examples: [
    {
      ...EXAMPLE,
      callback: {
        url: `https://runs.example.com/acme/shop/envs/production/action-runs/${EXAMPLE.id}/callback`,
        token: `${EXAMPLE.id}:1795614708373:${"0".repeat(64)}`,
        expiresAt: "2026-11-25T13:51:48.373Z",
      },
    },
  ],
});

const seq = z.int().meta({ wire: { type: "integer", minimum: 1 } });

const event = <T extends string, S extends z.core.$ZodLooseShape>(type: T, more: S) =>
  z.object({ seq, type: z.literal(type), at: responseInstant, ...more });

/** What is told of an attempt to call the receiver, to start its job or to stop it. */
const begun = { attempt: z.int().min(1), host: z.string() };
const OUTCOMES = ["accepted", "retry", "given_up"] as const;
const answered = {
  attempt: z.int().min(1),
  outcome: z.enum(OUTCOMES),
  status: z.int().nullable(),
  durationMs: z.int(),
  reason: z.string(),
  excerpt: z
    .string()
    .nullable()
    .optional()
    .describe(
      "The first 1 KiB of what the receiver answered. Control characters are escaped, except line feeds. It is null if it " +
        "answered nothing, or if the key that sealed the excerpt has left the key ring. Only for tokens with " +
        "`actions:manage`, because receivers echo secrets. Left out for all others.",
    ),
  nextAttemptAt: responseInstant.nullable(),
};

const said = { by: z.string(), via: z.string().optional(), reason: z.string().optional() };

const CREATED = { seq: 1, type: "created", at: EXAMPLE.createdAt, by: "ci" };

const timelineEvent = z
  .discriminatedUnion("type", [
    event("created", { by: z.string().optional() }),
    event("attempt_started", begun),
    event("attempt_answered", {
      ...answered,
      outcome: z.enum([...OUTCOMES, "overtaken"]).meta({
        description:
          "`overtaken`: a heartbeat, a report, or the response to another attempt came before this response.",
      }),
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
    event("external_url", {
      url: z.string().describe("The job's page, as the receiver's response names it."),
    }),
    event("cancel_requested", {
      by: z.string(),
      reason: z.string().nullable(),
      until: responseInstant.nullable(),
    }),
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
    event("released", { by: z.string().optional(), via: z.string().optional() }),
    event("ended", {
      status: z.enum(["succeeded", "failed", "cancelled"]),
      cause: z.enum(END_CAUSES).nullable().optional(),
      by: z.string().optional(),
      via: z.string().optional(),
      reason: z.string().optional(),
      replacedBy: uuid.optional(),
    }),
  ])
  .meta({ id: "TimelineEvent", examples: [CREATED] });

export const timeline = z.array(timelineEvent).meta({ id: "Timeline", examples: [[CREATED]] });
