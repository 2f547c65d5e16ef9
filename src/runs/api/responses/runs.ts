/** The responses about runs and their timeline as zod, and the errors that operations on runs have in common. */

import * as z from "zod";
import { CHANGE_CURSOR, FACET_MAX_VALUES } from "../../../base/limits.ts";
import type { ErrorCode } from "../../../http/errors.ts";
import {
  count,
  described,
  flag,
  instantOrNull,
  listOf,
  named,
  natural,
  positive,
  responseInstant,
  text,
  textOrNull,
  uuid,
  uuidOrNull,
  version,
} from "../../../http/response-schemas.ts";
import { END_CAUSES, STATUSES, type Status, WAITING_FOR } from "../../run.ts";
import { approval, waiting } from "./gates.ts";

const jsonObject = z.record(text, z.unknown());
const status = z.enum(STATUSES);
const source = z.enum(["action", "trigger", "none"]);

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

export const actionRun = named("ActionRun", RUN_EXAMPLE, {
  id: uuid,
  actionName: text,
  entityId: uuidOrNull,
  status,
  parameters: jsonObject,
  recommendations: jsonObject,
  triggeredBy: text.describe("The person for whom the API token acted, in lower case, or the name of the token."),
  createdAt: responseInstant,
  startedAt: instantOrNull,
  completedAt: instantOrNull,
  error: textOrNull.describe(
    "`[timeout] …`: nobody reported in time. `[delivery] …`: the job could not be started. `[gate] …`: the run waited too long, or there was no slot for it.",
  ),
  output: jsonObject.nullable(),
});

const details = z
  .object({
    source: source.describe(
      "What the run came from: a stored action, a create with a `trigger`, or a create without one. A run of a `trigger` can't be retried.",
    ),
    action: described(
      named("ActionOfRun", null, { name: text, version }).nullable(),
      "The stored action that the run came from, as it was then.",
    ),
    title: textOrNull.describe("What the run does, in one line. Null if nobody said."),
    subject: textOrNull.describe(
      "What the run works on, such as a service. Runs of one action, entity and subject have one history.",
    ),
    retryOf: uuidOrNull.describe("The run that this one repeats."),
    bulkOperationId: uuidOrNull.describe("The bulk operation that created this run. Null for every other run."),
    schedule: textOrNull.describe("The schedule that started this run. Null for every other run."),
    labels: z.array(text),
    traceparent: textOrNull.describe(
      "The `traceparent` of the request that created the run. Null if it sent none, or a malformed one.",
    ),
    externalUrl: textOrNull.describe(
      "The page of the job that does the work, as the receiver or a heartbeat gave it. An `https` URL.",
    ),
    heartbeat: described(
      named("LastHeartbeat", null, {
        at: responseInstant,
        message: textOrNull,
        progress: z.number().nullable(),
        tail: described(
          textOrNull.optional(),
          "The newest output of the job, and then `at` is when it came. Only in the response to a request for one run, while it is open, and only from " +
            "memory: null if the job sent none, or none since the service has restarted the environment's object. It can contain anything.",
        ),
      }).nullable(),
      "The last heartbeat with news. A list leaves it null.",
    ),
    cancel: described(
      named("RequestedCancel", null, {
        by: textOrNull,
        reason: textOrNull,
        requestedAt: responseInstant,
        until: responseInstant,
      }).nullable(),
      "The cancel that counts. The run is open until `until` at the latest.",
    ),
    via: textOrNull.describe(
      "`schedule`, `inbound` or `retry` if the service started the run by itself. Otherwise the API token that acted, if `triggeredBy` names a person.",
    ),
    agent: textOrNull.describe(
      "What the program of the agent calls itself, if an agent asked for the run. Nobody has verified the name. Otherwise null.",
    ),
    waiting: described(
      waiting.nullable(),
      "What the run waits for before its webhook is sent. Null if it does not wait.",
    ),
    approval: described(
      named("ApprovalsOfRun", null, { required: positive, approvals: z.array(approval) }).nullable(),
      "How many different approvers the run needs, and who has approved.",
    ),
    delivery: described(
      named("FailingDelivery", null, {
        attempts: natural.describe("How many attempts have begun."),
        reason: text.describe("Why the last one that ended has failed."),
        nextAttemptAt: instantOrNull.describe("When the next one is due. Null while one is under way."),
      }).nullable(),
      "Only of a pending run whose receiver did not take its webhook and gets it again. In a list and in the feed, " +
        "`attempts` and `nextAttemptAt` can be those of an earlier attempt that failed for the same reason.",
    ),
    retry: described(
      named("RetryOfRun", null, {
        runId: uuidOrNull.describe("The run that retries this one. Null until it is created."),
        at: responseInstant.describe("When it may start."),
        attempt: positive.describe("Which automatic retry it is."),
        dropped: textOrNull.describe("Why no retry follows after all. Null if one does."),
      }).nullable(),
      "The automatic retry that follows the end of this run. Null if none does.",
    ),
    erasedAt: described(responseInstant.optional(), "When the texts of the run were erased. Missing if they were not."),
  })
  .meta({ id: "ActionRunDetails", description: "Only with `include=details`." });

export const detailedActionRun = named("DetailedActionRun", RUN_EXAMPLE, {
  ...actionRun.shape,
  details: details.optional(),
});

const ERASURE = {
  id: RUN_EXAMPLE.id,
  erasedAt: "2026-11-29T09:30:00.000Z",
  complete: true,
  forgottenAt: "2026-11-29T09:31:00.000Z",
  retries: [],
  archived: [],
};

/** What became of the texts of a run. */
export const runErasure = named("RunErasure", ERASURE, {
  id: uuid,
  erasedAt: responseInstant,
  complete: flag.describe(
    "Whether nothing of the texts is left in the environment's object and in the databases. If not, ask again.",
  ),
  forgottenAt: responseInstant.describe(
    "Until then, a GET of the run can still show its texts in other locations, because they remember ended runs for a minute.",
  ),
  retries: described(
    z.array(uuid),
    "Runs that this one repeats, or that repeat it. They have the same inputs. Erase each of them, too.",
  ),
  archived: described(
    z.array(z.object({ id: uuid, prefix: text })),
    "Runs of this chain that are in the archive, which stays as it is. `prefix`: of the first day whose objects can have the run.",
  ),
});

/** The run after a report. */
export const reportedActionRun = named("ReportedActionRun", RUN_EXAMPLE, {
  ...actionRun.shape,
  truncated: described(
    z.array(text).optional(),
    "Only if the report was too long: JSON pointers into it, to the texts that were shortened. `/output` alone stands for many texts, or for an output that was left out.",
  ),
});

const callback = z.object({
  url: text.meta({ format: "uri" }),
  token: text.describe(
    "Opens this run alone: its callback, its heartbeat and GET of the run. Only this response shows the token.",
  ),
  expiresAt: responseInstant,
});

/** A run of a stored action or a retry of one. */
export const startedActionRun = named("StartedActionRun", RUN_EXAMPLE, {
  ...detailedActionRun.shape,
  callback: described(
    callback.optional(),
    "Missing if the action has a trigger, because then only the receiver may report.",
  ),
});

const CREATED = {
  ...RUN_EXAMPLE,
  callback: {
    url: `https://runs.example.com/acme/shop/envs/production/action-runs/${RUN_EXAMPLE.id}/callback`,
    token: `${RUN_EXAMPLE.id}:1795612908373:${"0".repeat(64)}`,
    expiresAt: "2026-11-25T13:51:48.373Z",
  },
};

export const createdActionRun = named("CreatedActionRun", CREATED, { ...detailedActionRun.shape, callback });

const urlRefused = text.describe(
  "Why the heartbeat's `externalUrl` did not become the run's, and what to send instead. Otherwise missing.",
);

const HEARTBEAT_ANSWER = { status: "running", deadlineAt: "2026-11-25T13:51:48.373Z", cancel: null };

export const heartbeatResponse = named("HeartbeatAnswer", HEARTBEAT_ANSWER, {
  status,
  deadlineAt: responseInstant.describe("When the run ends by itself, however many heartbeats come."),
  cancel: described(
    named("StopOrder", null, {
      reason: textOrNull,
      requestedAt: responseInstant,
      until: responseInstant.describe("When the run ends as cancelled, if nobody reported its end before."),
      remainingMs: natural.describe("The milliseconds until then. Use it if the job's clock may be wrong."),
    }).nullable(),
    "A request to stop. `null`: nobody asked.",
  ),
  externalUrlRefused: urlRefused.optional(),
  watched: described(
    z.literal(true).optional(),
    "Somebody follows the run's events, or has read its details in the last 15 s. Then send `tail` every 5 s, otherwise every 30 s. Missing if nobody does.",
  ),
});

export const actionRunList = listOf("ActionRunList", detailedActionRun);

export const CHANGE_CURSOR_EXAMPLE = "1790812800000.33";

const CHANGES = { runs: [RUN_EXAMPLE], cursor: CHANGE_CURSOR_EXAMPLE, caughtUp: true };

export const runChanges = named("ActionRunChanges", CHANGES, {
  runs: described(
    z.array(detailedActionRun),
    "The runs that changed since the cursor, each once and in its newest version. A run that you know already replaces the one that you have.",
  ),
  cursor: described(
    text.regex(new RegExp(CHANGE_CURSOR)),
    "Send it as `after` to go on: the number of a change, behind the epoch in which it counts. It grants no access.",
  ),
  caughtUp: flag.describe("False if more changes are there already. Then ask again at once."),
});

/** A member for each status. */
export function ofEachStatus<S>(schema: S): Readonly<Record<Status, S>> {
  return Object.fromEntries(STATUSES.map((status) => [status, schema])) as Record<Status, S>;
}

const SUMMARY = { pending: 2, running: 1, succeeded: { atLeast: 1000 }, failed: 17, cancelled: 0 };

export const runSummary = named("ActionRunSummary", SUMMARY, ofEachStatus(count));

const NEWEST = {
  actionName: RUN_EXAMPLE.actionName,
  id: RUN_EXAMPLE.id,
  source: "action",
  status: "succeeded",
  subject: "checkout",
  waiting: null,
  triggeredBy: RUN_EXAMPLE.triggeredBy,
  createdAt: RUN_EXAMPLE.createdAt,
};

const newestRun = named("NewestRun", null, {
  actionName: text,
  id: uuid,
  source: source.describe(
    "`action`: the stored action made it. A run of any name can be made without the action of that name.",
  ),
  status,
  subject: textOrNull,
  waiting: textOrNull.describe("The gate at which it waits. Null if it does not wait."),
  triggeredBy: text,
  createdAt: responseInstant,
});

export const newestRuns = z.array(newestRun).meta({ id: "NewestRuns", examples: [[NEWEST]] });

export const runFacets = named(
  "ActionRunFacets",
  { values: ["deploy", "deploy-storefront"], more: false },
  {
    values: z.array(text).max(FACET_MAX_VALUES),
    more: flag.describe("Whether the environment has, or can have, further values."),
  },
);

/** What the sender of an event hears. */
export const startedByEvent = named("StartedByEvent", { id: RUN_EXAMPLE.id }, { id: uuid });

export const ignoredEvent = named("IgnoredEvent", { ignored: true }, { ignored: z.literal(true) });

const GRANT = {
  callbackToken: `${RUN_EXAMPLE.id}:1764083508373:${"0".repeat(64)}`,
  expiresAt: "2026-11-25T14:21:48.373Z",
};

export const callbackGrant = named("CallbackGrant", GRANT, {
  callbackToken: text.describe("Opens the callback and the heartbeat of the run, and reads the run."),
  expiresAt: responseInstant.describe("When the token ends."),
});

const seq = z.int().meta({ wire: { type: "integer", minimum: 1 } });

/** The name of `attempt_started` is `RunAttemptStartedEvent`, because generators number variants without a name. */
const event = <T extends string, S extends z.core.$ZodLooseShape>(type: T, more: S) =>
  named(`Run${`_${type}`.replaceAll(/_(.)/g, (_, first: string) => first.toUpperCase())}Event`, null, {
    seq,
    type: z.literal(type),
    at: responseInstant,
    ...more,
  });

/** What is told of an attempt to call the receiver, to start its job or to stop it. */
const begun = { attempt: positive, host: text };
const OUTCOMES = ["accepted", "retry", "given_up"] as const;
const answered = {
  attempt: positive,
  outcome: z.enum(OUTCOMES),
  status: z.int().nullable(),
  durationMs: z.int(),
  reason: text,
  excerpt: described(
    textOrNull.optional(),
    "The first 1 KiB of what the receiver answered. Control characters are escaped, except line feeds. It is null if it " +
      "answered nothing, or if the key that sealed the excerpt has left the key ring. Only for tokens with " +
      "`actions:manage`, because receivers echo secrets. Left out for all others.",
  ),
  nextAttemptAt: instantOrNull,
};

const said = { by: text, via: text.optional(), reason: text.optional() };

const proved = {
  execution: text.describe("The execution that the proof of the job names."),
  attempt: text.optional().describe("Which attempt of the execution it is, if the proof says so."),
};

const CREATED_EVENT = { seq: 1, type: "created", at: RUN_EXAMPLE.createdAt, by: "ci" };

const timelineEvent = z
  .discriminatedUnion("type", [
    event("created", { by: text.optional() }),
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
      message: text.optional(),
      progress: z.number().min(0).max(1).optional(),
      externalUrl: text.meta({ format: "uri" }).optional(),
      externalUrlRefused: urlRefused.optional(),
    }),
    event("heartbeats_thinned", { count: positive }),
    event("external_url", { url: text.describe("The job's page, as the receiver's response names it.") }),
    event("token_issued", proved),
    event("token_refused", proved),
    event("cancel_requested", { by: text, reason: textOrNull, until: instantOrNull }),
    event("waiting", {
      for: z.enum(WAITING_FOR),
      until: responseInstant,
      notBefore: responseInstant.optional(),
      group: text.optional(),
      key: text.optional(),
      reason: text.optional(),
      by: text.optional(),
      via: text.optional(),
    }),
    event("approved", said),
    event("rejected", said),
    event("let_through", said),
    event("approval_withdrawn", {
      by: text.describe("Whose approval no longer counts, because the token was revoked."),
      via: text.optional(),
    }),
    event("released", {
      by: text.optional(),
      via: text.optional(),
      approversUnchecked: described(
        z.literal(true).optional(),
        "The database did not answer, so nobody knows whether a token that approved the run was revoked.",
      ),
    }),
    event("ended", {
      status: z.enum(["succeeded", "failed", "cancelled"]),
      cause: z.enum(END_CAUSES).nullable().optional(),
      by: text.optional(),
      via: text.optional(),
      reason: text.optional(),
      replacedBy: uuid.optional(),
      retryAt: described(responseInstant.optional(), "When an automatic retry may start."),
    }),
  ])
  .meta({ id: "TimelineEvent", examples: [CREATED_EVENT] });

export const timeline = listOf("Timeline", timelineEvent);

/** The errors of a request that may read the rows of runs. */
export const OF_RUNS: readonly ErrorCode[] = ["coordinator_unavailable", "database_not_bound"];
/** The errors of a run that has ended. */
export const OF_ENDED_RUN: readonly ErrorCode[] = [
  "run_succeeded",
  "run_failed",
  "run_timed_out",
  "run_cancelled",
  "delivery_failed",
];

/** The errors of a request that creates a run. */
export const OF_CREATE: readonly ErrorCode[] = [
  "idempotency_key_reused",
  "idempotency_key_unverifiable",
  "run_erased",
  "too_many_labels",
  "gate_needs_trigger",
  "person_required",
  "too_many_waiting",
  "not_configured",
  "coordinator_unavailable",
  "coordinator_overloaded",
  "storage_full",
];
/** The errors of one that creates a run of a stored action. */
export const OF_ACTION_RUN: readonly ErrorCode[] = [
  "action_secrets_lost",
  "action_needs_newer_code",
  "invalid_concurrency_key",
  "concurrency_limit",
  "invalid_parameters",
];

/** The errors of what a job reports. */
export const OF_REPORT: readonly ErrorCode[] = ["run_waiting", ...OF_ENDED_RUN, "coordinator_unavailable"];

/** The errors of a decision. */
export const OF_DECISION: readonly ErrorCode[] = [
  "idempotency_key_reused",
  "person_required",
  "not_waiting",
  ...OF_RUNS,
];
