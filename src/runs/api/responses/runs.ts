/**
 * zod: the responses about runs, for the OpenAPI document and the tests. The service prints its JSON without them, and the
 * Worker contains none.
 */

import * as z from "zod";
import { CHANGE_CURSOR, FACET_MAX_VALUES } from "../../../base/limits.ts";
import { count, described, responseInstant, version } from "../../../http/response-schemas.ts";
import { STATUSES, type Status } from "../../run.ts";
import { approval, waiting } from "./gates.ts";

const uuid = z.string().meta({ format: "uuid" });
const jsonObject = z.record(z.string(), z.unknown());

export const RUN_EXAMPLE = {
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
    triggeredBy: described(
      z.string(),
      "The person for whom the API token acted, in lower case, or the name of the token.",
    ),
    createdAt: responseInstant,
    startedAt: responseInstant.nullable(),
    completedAt: responseInstant.nullable(),
    error: described(
      z.string().nullable(),
      "`[timeout] …`: nobody reported in time. `[delivery] …`: the job could not be started. `[gate] …`: the run waited too long, or there was no slot for it.",
    ),
    output: jsonObject.nullable(),
  })
  .meta({ id: "ActionRun", examples: [RUN_EXAMPLE] });

const details = z
  .object({
    source: described(
      z.enum(["action", "trigger", "none"]),
      "What the run came from: a stored action, a create with a `trigger`, or a create without one. A run of a `trigger` can't be retried.",
    ),
    action: described(
      z.object({ name: z.string(), version }).meta({ id: "ActionOfRun" }).nullable(),
      "The stored action that the run came from, as it was then.",
    ),
    title: described(z.string().nullable(), "What the run does, in one line. Null if nobody said."),
    subject: described(
      z.string().nullable(),
      "What the run works on, such as a service. Runs of one action, entity and subject have one history.",
    ),
    retryOf: described(uuid.nullable(), "The run that this one repeats."),
    bulkOperationId: described(uuid.nullable(), "The bulk operation that created this run. Null for every other run."),
    schedule: described(z.string().nullable(), "The schedule that started this run. Null for every other run."),
    labels: z.array(z.string()),
    traceparent: described(
      z.string().nullable(),
      "The `traceparent` of the request that created the run. Null if it sent none, or a malformed one.",
    ),
    externalUrl: described(
      z.string().nullable(),
      "The page of the job that does the work, as the receiver or a heartbeat gave it. An `https` URL.",
    ),
    heartbeat: described(
      z
        .object({
          at: responseInstant,
          message: z.string().nullable(),
          progress: z.number().nullable(),
          tail: described(
            z.string().nullable().optional(),
            "The newest output of the job, and then `at` is when it came. Only in the response to a request for one run, while it is open, and only from " +
              "memory: null if the job sent none, or none since the service has restarted the environment's object. It can contain anything.",
          ),
        })
        .meta({ id: "LastHeartbeat" })
        .nullable(),
      "The last heartbeat with news. A list leaves it null.",
    ),
    cancel: described(
      z
        .object({
          by: z.string().nullable(),
          reason: z.string().nullable(),
          requestedAt: responseInstant,
          until: responseInstant,
        })
        .meta({ id: "RequestedCancel" })
        .nullable(),
      "The cancel that counts. The run is open until `until` at the latest.",
    ),
    via: described(
      z.string().nullable(),
      "`schedule`, `inbound` or `retry` if the service started the run by itself. Otherwise the API token that acted, if `triggeredBy` names a person.",
    ),
    agent: described(
      z.string().nullable(),
      "What the program of the agent calls itself, if an agent asked for the run. Nobody has verified the name. Otherwise null.",
    ),
    waiting: described(
      waiting.nullable(),
      "What the run waits for before its webhook is sent. Null if it does not wait.",
    ),
    approval: described(
      z
        .object({ required: z.int().min(1), approvals: z.array(approval) })
        .meta({ id: "ApprovalsOfRun" })
        .nullable(),
      "How many different approvers the run needs, and who has approved.",
    ),
    delivery: described(
      z
        .object({
          attempts: described(z.int().min(0), "How many attempts have begun."),
          reason: described(z.string(), "Why the last one that ended has failed."),
          nextAttemptAt: described(
            responseInstant.nullable(),
            "When the next one is due. Null while one is under way.",
          ),
        })
        .meta({ id: "FailingDelivery" })
        .nullable(),
      "Only of a pending run whose receiver did not take its webhook and gets it again. In a list and in the feed, " +
        "`attempts` and `nextAttemptAt` can be those of an earlier attempt that failed for the same reason.",
    ),
    retry: described(
      z
        .object({
          runId: described(uuid.nullable(), "The run that retries this one. Null until it is created."),
          at: described(responseInstant, "When it may start."),
          attempt: described(z.int().min(1), "Which automatic retry it is."),
          dropped: described(z.string().nullable(), "Why no retry follows after all. Null if one does."),
        })
        .meta({ id: "RetryOfRun" })
        .nullable(),
      "The automatic retry that follows the end of this run. Null if none does.",
    ),
    erasedAt: described(responseInstant.optional(), "When the texts of the run were erased. Missing if they were not."),
  })
  .meta({ id: "ActionRunDetails", description: "Only with `include=details`." });

export const detailedActionRun = z
  .object({ ...actionRun.shape, details: details.optional() })
  .meta({ id: "DetailedActionRun", examples: [RUN_EXAMPLE] });

/** What became of the texts of a run. */
export const runErasure = z
  .object({
    id: uuid,
    erasedAt: responseInstant,
    complete: described(
      z.boolean(),
      "Whether nothing of the texts is left in the environment's object and in the databases. If not, ask again.",
    ),
    forgottenAt: described(
      responseInstant,
      "Until then, a GET of the run can still show its texts in other locations, because they remember ended runs for a minute.",
    ),
    retries: described(
      z.array(uuid),
      "Runs that this one repeats, or that repeat it. They have the same inputs. Erase each of them, too.",
    ),
    archived: described(
      z.array(z.object({ id: uuid, prefix: z.string() })),
      "Runs of this chain that are in the archive, which stays as it is. `prefix`: of the first day whose objects can have the run.",
    ),
  })
  .meta({
    id: "RunErasure",
    examples: [
      {
        id: RUN_EXAMPLE.id,
        erasedAt: "2026-11-29T09:30:00.000Z",
        complete: true,
        forgottenAt: "2026-11-29T09:31:00.000Z",
        retries: [],
        archived: [],
      },
    ],
  });

/** The run after a report. */
export const reportedActionRun = z
  .object({
    ...actionRun.shape,
    truncated: described(
      z.array(z.string()).optional(),
      "Only if the report was too long: JSON pointers into it, to the texts that were shortened. `/output` alone stands for many texts, or for an output that was left out.",
    ),
  })
  .meta({ id: "ReportedActionRun", examples: [RUN_EXAMPLE] });

const callback = z.object({
  url: z.string().meta({ format: "uri" }),
  token: described(
    z.string(),
    "Opens this run alone: its callback, its heartbeat and GET of the run. Only this response shows the token.",
  ),
  expiresAt: responseInstant,
});

/** A run of a stored action or a retry of one. */
export const startedActionRun = z
  .object({
    ...detailedActionRun.shape,
    callback: described(
      callback.optional(),
      "Missing if the action has a trigger, because then only the receiver may report.",
    ),
  })
  .meta({ id: "StartedActionRun", examples: [RUN_EXAMPLE] });

export const createdActionRun = z
  .object({ ...detailedActionRun.shape, callback })
  .meta({
    id: "CreatedActionRun",
    examples: [
      {
        ...RUN_EXAMPLE,
        callback: {
          url: `https://runs.example.com/acme/shop/envs/production/action-runs/${RUN_EXAMPLE.id}/callback`,
          token: `${RUN_EXAMPLE.id}:1795612908373:${"0".repeat(64)}`,
          expiresAt: "2026-11-25T13:51:48.373Z",
        },
      },
    ],
  });

const stopOrder = described(
  z
    .object({
      reason: z.string().nullable(),
      requestedAt: responseInstant,
      until: described(responseInstant, "When the run ends as cancelled, if nobody reported its end before."),
      remainingMs: described(z.int().min(0), "The milliseconds until then. Use it if the job's clock may be wrong."),
    })
    .meta({ id: "StopOrder" })
    .nullable(),
  "A request to stop. `null`: nobody asked.",
);

export const urlRefused = described(
  z.string(),
  "Why the heartbeat's `externalUrl` did not become the run's, and what to send instead. Otherwise missing.",
);

export const heartbeatResponse = z
  .object({
    status: z.enum(STATUSES),
    deadlineAt: described(responseInstant, "When the run ends by itself, however many heartbeats come."),
    cancel: stopOrder,
    externalUrlRefused: urlRefused.optional(),
    watched: described(
      z.literal(true).optional(),
      "Somebody follows the run's events, or has read its details in the last 15 s. Then send `tail` every 5 s, otherwise every 30 s. Missing if nobody does.",
    ),
  })
  .meta({
    id: "HeartbeatAnswer",
    examples: [{ status: "running", deadlineAt: "2026-11-25T13:51:48.373Z", cancel: null }],
  });

export const actionRunList = z.array(detailedActionRun).meta({ id: "ActionRunList", examples: [[RUN_EXAMPLE]] });

export const CHANGE_CURSOR_EXAMPLE = "1790812800000.33";

export const runChanges = z
  .object({
    runs: described(
      z.array(detailedActionRun),
      "The runs that changed since the cursor, each once and in its newest version. A run that you know already replaces the one that you have.",
    ),
    cursor: described(
      z.string().regex(new RegExp(CHANGE_CURSOR)),
      "Send it as `after` to go on: the number of a change, behind the epoch in which it counts. It grants no access.",
    ),
    caughtUp: described(z.boolean(), "False if more changes are there already. Then ask again at once."),
  })
  .meta({ id: "ActionRunChanges", examples: [{ runs: [RUN_EXAMPLE], cursor: CHANGE_CURSOR_EXAMPLE, caughtUp: true }] });

export const runSummary = z
  .object({ pending: count, running: count, succeeded: count, failed: count, cancelled: count } satisfies Record<
    Status,
    typeof count
  >)
  .meta({
    id: "ActionRunSummary",
    examples: [{ pending: 2, running: 1, succeeded: { atLeast: 1000 }, failed: 17, cancelled: 0 }],
  });

export const newestRuns = z
  .array(
    z
      .object({
        actionName: z.string(),
        id: z.string().meta({ format: "uuid" }),
        source: described(
          z.enum(["action", "trigger", "none"]),
          "`action`: the stored action made it. A run of any name can be made without the action of that name.",
        ),
        status: z.enum(STATUSES),
        subject: z.string().nullable(),
        waiting: described(z.string().nullable(), "The gate at which it waits. Null if it does not wait."),
        triggeredBy: z.string(),
        createdAt: responseInstant,
      })
      .meta({ id: "NewestRun" }),
  )
  .meta({
    id: "NewestRuns",
    examples: [
      [
        {
          actionName: "deploy",
          id: RUN_EXAMPLE.id,
          source: "action",
          status: "succeeded",
          subject: "checkout",
          waiting: null,
          triggeredBy: "ci",
          createdAt: "2026-11-25T13:21:48.373Z",
        },
      ],
    ],
  });

export const runFacets = z
  .object({
    values: z.array(z.string()).max(FACET_MAX_VALUES),
    more: described(z.boolean(), "Whether the environment has, or can have, further values."),
  })
  .meta({ id: "ActionRunFacets", examples: [{ values: ["deploy", "deploy-storefront"], more: false }] });

/** What the sender of an event hears. */
export const startedByEvent = z
  .object({ id: uuid })
  .meta({ id: "StartedByEvent", examples: [{ id: "01a212de-9b55-8003-a8a9-dd2c148ea617" }] });

export const ignoredEvent = z
  .object({ ignored: z.literal(true) })
  .meta({ id: "IgnoredEvent", examples: [{ ignored: true }] });

export const callbackGrant = z
  .object({
    callbackToken: described(z.string(), "Opens the callback and the heartbeat of the run, and reads the run."),
    expiresAt: described(responseInstant, "When the token ends."),
  })
  .meta({
    id: "CallbackGrant",
    examples: [
      { callbackToken: `${RUN_EXAMPLE.id}:1764083508373:${"0".repeat(64)}`, expiresAt: "2026-11-25T14:21:48.373Z" },
    ],
  });
