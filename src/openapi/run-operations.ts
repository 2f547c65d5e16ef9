/** The OpenAPI operations of action runs, by method and path. */

import * as z from "zod";
import {
  BODY,
  ENDED,
  headersOf,
  type Operation,
  READS,
  refuses,
  refusesChange,
  responds,
  TOKEN,
} from "./describe.ts";
import {
  BOOKMARK_OF_CHANGE,
  BOOKMARK_OF_GET,
  BOOKMARK_OF_LIST,
  IN_ENVIRONMENT,
  idempotencyKey,
  LAST_EVENT_ID,
  LAST_EVENT_ID_OF_CHANGES,
  OF_RUN,
  TRACEPARENT_OF_CREATE,
} from "./parameters.ts";
import {
  actionRun,
  actionRunList,
  createdActionRun,
  detailedActionRun,
  runChanges,
  runFacets,
  runSummary,
  startedActionRun,
  timeline,
} from "./run-schemas.ts";

const tags = ["Action runs"];
const security = [{ apiToken: [] }];

const LIST: Operation = {
  operationId: "listActionRuns",
  summary: "List action runs",
  description:
    "Returns the action runs of an environment, newest first, or oldest first with `order=oldest`. A page can be short or empty and still have a next page, so follow `Link` until it is missing. Requires the permission `data:read`.",
  tags,
  security,
  parameters: [...IN_ENVIRONMENT, BOOKMARK_OF_LIST],
  responses: {
    ...responds(200, "Action runs", actionRunList, ["Link", "x-d1-bookmark"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "database_unavailable"),
  },
};

const SUMMARY: Operation = {
  operationId: "summarizeActionRuns",
  summary: "Count action runs by status",
  description:
    "Counts the runs that a list with the same filters shows, by status. A count is exact up to 1000. If " +
    "you filter by `label`, `entityId`, `actionName` or `triggeredBy`, the service counts only the newest " +
    "5000 such runs. If there are more, every count is `atLeast`. Requires the permission `data:read`.",
  tags,
  security,
  parameters: [...IN_ENVIRONMENT, BOOKMARK_OF_LIST],
  responses: {
    ...responds(200, "The counts", runSummary, ["x-d1-bookmark"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "database_unavailable"),
  },
};

const FACETS: Operation = {
  operationId: "findActionRunFacets",
  summary: "Find values to filter by",
  description:
    "Returns the values of one filter that contain a text, each once: names of actions, labels, or names of " +
    "tokens. A value that equals the text is first. The service looks at the first 1000 values in the order " +
    "of their bytes and returns at most 20. If there can be others, `more` is true. Requires the permission `data:read`.",
  tags,
  security,
  parameters: [...IN_ENVIRONMENT, BOOKMARK_OF_LIST],
  responses: {
    ...responds(200, "The values", runFacets, ["x-d1-bookmark"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "database_unavailable"),
  },
};

const ofChanges = responds(200, "The changes", runChanges, ["x-d1-bookmark", "X-Accel-Buffering"]);

const CHANGES: Operation = {
  operationId: "followActionRuns",
  summary: "Follow the changes of action runs",
  description:
    "Returns the runs of an environment that changed since a cursor, at most 800. Start without `after`, which " +
    "returns a cursor for now. List the runs with the response's `x-d1-bookmark`, and then follow from the cursor. " +
    "So you miss no change. With `wait` the response waits for a change. If you send `Accept: text/event-stream`, " +
    "you get the same objects as Server-Sent Events, whose ids are the cursors. Requires the permission `data:read`.",
  tags,
  security,
  parameters: [...IN_ENVIRONMENT, LAST_EVENT_ID_OF_CHANGES, BOOKMARK_OF_GET],
  responses: {
    200: {
      ...ofChanges[200],
      description: "The changes",
      content: {
        ...(ofChanges[200] as { content: object }).content,
        "text/event-stream": {
          schema: { type: "string" },
          example:
            'id: 12.0.7.33\ndata: {"runs":[],"cursor":"12.0.7.33","caughtUp":true,"incomplete":false}\n\n',
        },
      },
    },
    ...refuses(
      ...TOKEN,
      "forbidden",
      "not_found",
      "invalid_query",
      "invalid_cursor",
      "cursor_gone",
      "not_configured",
      ...READS,
      "too_many_watchers",
    ),
  },
};

const CREATE: Operation = {
  operationId: "createActionRun",
  summary: "Create an action run",
  description:
    "Creates an action run. If you send a `trigger`, the service also starts the workflow by a webhook. " +
    "Only this response contains the callback token. If you repeat the request with the same " +
    "`Idempotency-Key`, you get the same run. Requires the permission `data:write`.",
  tags,
  security,
  parameters: [...IN_ENVIRONMENT, idempotencyKey("deploy-42"), TRACEPARENT_OF_CREATE, BOOKMARK_OF_CHANGE],
  responses: {
    ...responds(201, "The run", createdActionRun, ["Location", "Idempotent-Replayed", "x-d1-bookmark"]),
    ...refusesChange(
      ...TOKEN,
      ...BODY,
      "forbidden",
      "not_found",
      "invalid_query",
      "invalid_idempotency_key",
      "idempotency_key_reused",
      "idempotency_key_unverifiable",
      "too_many_labels",
      "gate_needs_trigger",
      "person_required",
      "too_many_waiting",
      "not_configured",
      "database_unavailable",
      "coordinator_unavailable",
      "coordinator_overloaded",
      "storage_full",
    ),
  },
};

const GET: Operation = {
  operationId: "getActionRun",
  summary: "Get an action run by id",
  description:
    "Returns an action run. If you send `wait`, the response waits until the run ends, but at most that many seconds. Requires the permission `data:read`.",
  tags,
  security,
  parameters: [...OF_RUN, BOOKMARK_OF_GET],
  responses: {
    ...responds(200, "The action run", detailedActionRun, ["x-d1-bookmark"]),
    ...refuses(
      ...TOKEN,
      "forbidden",
      "not_found",
      "run_not_found",
      "invalid_query",
      ...READS,
      "too_many_watchers",
    ),
  },
};

const CANCEL: Operation = {
  operationId: "cancelActionRun",
  summary: "Cancel a pending action run",
  description:
    "Cancels a run that is still pending. If the run is running or has ended, the response is 409. To stop a running run, use `POST …/cancel`. Requires the permission `data:read`, and `data:write` for a run that has or had a gate.",
  tags,
  security,
  parameters: [...OF_RUN, idempotencyKey("withdraw-42"), BOOKMARK_OF_CHANGE],
  responses: {
    ...responds(200, "Cancelled action run", actionRun, ["Idempotent-Replayed", "x-d1-bookmark"]),
    ...refusesChange(
      ...TOKEN,
      "forbidden",
      "not_found",
      "run_not_found",
      "invalid_idempotency_key",
      "person_required",
      "run_running",
      ...ENDED,
      ...READS,
    ),
  },
};

const ofCancel = responds(200, "The run is cancelled", detailedActionRun, [
  "Idempotent-Replayed",
  "x-d1-bookmark",
]);

const REQUEST_CANCEL: Operation = {
  operationId: "requestActionRunCancel",
  summary: "Cancel an action run",
  description:
    "Cancels a pending or a running run. A pending run ends at once. A running run stays open for " +
    "`graceSeconds`, so that its job can stop cleanly. The responses to heartbeats tell the job. If the " +
    "job reports `succeeded` in time, the run succeeds. Otherwise it ends as `cancelled`. If you cancel " +
    "twice, the grace that ends first counts. Requires the permission `data:write`.",
  tags,
  security,
  parameters: [...OF_RUN, idempotencyKey("stop-42"), BOOKMARK_OF_CHANGE],
  responses: {
    ...ofCancel,
    ...responds(202, "The job was asked to stop", detailedActionRun, [
      "Idempotent-Replayed",
      "x-d1-bookmark",
    ]),
    ...refusesChange(
      ...TOKEN,
      ...BODY,
      "forbidden",
      "not_found",
      "run_not_found",
      "invalid_query",
      "invalid_idempotency_key",
      "idempotency_key_reused",
      "person_required",
      ...ENDED,
      ...READS,
    ),
  },
};

const RETRY: Operation = {
  operationId: "retryActionRun",
  summary: "Run an action run again",
  description:
    "Creates a new run with the inputs, labels and timeouts of a run that has ended. `parameters` " +
    "replaces its parameters. A run of a stored action goes through the action as it is now. A run with a " +
    "`trigger` of its own can't be retried, because its trigger is not kept. Requires the permission " +
    "`data:write`.",
  tags,
  security,
  parameters: [...OF_RUN, idempotencyKey("deploy-42-again"), TRACEPARENT_OF_CREATE, BOOKMARK_OF_CHANGE],
  responses: {
    ...responds(201, "The new run", startedActionRun, ["Location", "Idempotent-Replayed", "x-d1-bookmark"]),
    ...refusesChange(
      ...TOKEN,
      ...BODY,
      "forbidden",
      "not_found",
      "run_not_found",
      "run_open",
      "action_needs_newer_code",
      "gate_needs_trigger",
      "person_required",
      "invalid_concurrency_key",
      "concurrency_limit",
      "too_many_waiting",
      "trigger_not_kept",
      "action_not_found",
      "action_secrets_lost",
      "invalid_parameters",
      "invalid_query",
      "invalid_idempotency_key",
      "idempotency_key_reused",
      "idempotency_key_unverifiable",
      "too_many_labels",
      "not_configured",
      ...READS,
      "coordinator_overloaded",
      "storage_full",
    ),
  },
};

const ofEvents = responds(200, "The run's timeline, oldest first", timeline, ["Link", "X-Accel-Buffering"]);

const EVENTS: Operation = {
  operationId: "listActionRunEvents",
  summary: "Read or follow a run's timeline",
  description:
    "Returns the events of a run, oldest first, in pages. If you send `Accept: text/event-stream`, you " +
    "get Server-Sent Events instead, live until the run ends. A stream takes no `limit` and no `cursor`. " +
    "Requires the permission `data:read`.",
  tags,
  security,
  parameters: [...OF_RUN, LAST_EVENT_ID],
  responses: {
    200: {
      ...ofEvents[200],
      description: "The run's timeline, oldest first",
      content: {
        ...(ofEvents[200] as { content: object }).content,
        "text/event-stream": {
          schema: { type: "string" },
          example: 'id: 1\ndata: {"seq":1,"type":"created","at":"2026-11-25T13:21:48.373Z","by":"ci"}\n\n',
        },
      },
    },
    204: {
      description: "The stream was resumed after its last event, so there are no more events.",
      headers: headersOf([]),
    },
    ...refuses(
      ...TOKEN,
      "forbidden",
      "not_found",
      "run_not_found",
      "invalid_query",
      "invalid_last_event_id",
      ...READS,
      "too_many_watchers",
    ),
  },
};

const METRICS: Operation = {
  operationId: "getMetrics",
  summary: "Get the metrics of an environment",
  description:
    "Returns counts and durations of the environment's runs in Prometheus's text format. The response can be " +
    "10 seconds old. If a part of the runs can't be counted, the response is 503, so that no counter falls. " +
    "Requires the permission `data:read`.",
  tags: ["Service"],
  security,
  parameters: IN_ENVIRONMENT,
  responses: {
    200: {
      description: "The metrics",
      headers: headersOf([]),
      content: {
        "text/plain": {
          schema: { type: "string" },
          example:
            "# HELP cicd_pipeline_run_active Runs that are open, by status.\n" +
            "# TYPE cicd_pipeline_run_active gauge\n" +
            'cicd_pipeline_run_active{status="pending"} 2\n',
        },
      },
    },
    ...refuses(...TOKEN, "forbidden", "not_found", ...READS),
  },
};

const RESYNC: Operation = {
  operationId: "resyncActionRuns",
  summary: "Rebuild the database from the journals",
  description:
    "Writes every run of an environment to the database again. Use it after you restore the database. It " +
    "also removes the rows of runs that are no longer kept. The work continues after the response. Send " +
    "the request again to see how many runs remain. Requires ROOT_TOKEN.",
  tags: ["Service"],
  security,
  parameters: IN_ENVIRONMENT,
  responses: {
    ...responds(
      202,
      "The rebuild started",
      z.object({ remaining: z.int().min(0) }).meta({ id: "Resync", examples: [{ remaining: 0 }] }),
    ),
    ...refuses(
      ...TOKEN,
      "forbidden",
      "not_found",
      "database_unavailable",
      "storage_full",
      "coordinator_unavailable",
    ),
  },
};

const RUNS = "/{o}/{p}/envs/{envName}/action-runs";

export const RUN_OPERATIONS: Readonly<Record<string, Operation>> = {
  [`GET ${RUNS}`]: LIST,
  [`GET ${RUNS}/summary`]: SUMMARY,
  [`GET ${RUNS}/facets`]: FACETS,
  [`GET ${RUNS}/changes`]: CHANGES,
  [`POST ${RUNS}`]: CREATE,
  [`GET ${RUNS}/{id}`]: GET,
  [`DELETE ${RUNS}/{id}`]: CANCEL,
  [`POST ${RUNS}/{id}/cancel`]: REQUEST_CANCEL,
  [`POST ${RUNS}/{id}/retry`]: RETRY,
  [`GET ${RUNS}/{id}/events`]: EVENTS,
  "GET /{o}/{p}/envs/{envName}/metrics": METRICS,
  "POST /{o}/{p}/envs/{envName}/resync": RESYNC,
};
