/** The OpenAPI operations of one action run, by method and path. */

import { BODY, ENDED, headersOf, type Operation, READS_RUNS, refuses, responds, TOKEN } from "./describe.ts";
import { IN_ENVIRONMENT, idempotencyKey, LAST_EVENT_ID, OF_RUN, TRACEPARENT_OF_CREATE } from "./parameters.ts";
import { actionRun, createdActionRun, detailedActionRun, startedActionRun } from "./run-schemas.ts";
import { timeline } from "./timeline-schemas.ts";

const tags = ["Action runs"];
const security = [{ apiToken: [] }];

const CREATE: Operation = {
  operationId: "createActionRun",
  summary: "Create an action run",
  description:
    "Creates an action run. If you send a `trigger`, the service also starts the workflow by a webhook. " +
    "Only this response contains the callback token. If you repeat the request with the same " +
    "`Idempotency-Key`, you get the same run. Requires the permission `data:write`.",
  tags,
  security,
  parameters: [...IN_ENVIRONMENT, idempotencyKey("deploy-42"), TRACEPARENT_OF_CREATE],
  responses: {
    ...responds(201, "The run", createdActionRun, ["Location", "Idempotent-Replayed"]),
    ...refuses(
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
    "Returns an action run. If you send `wait`, the response waits until the run ends, but at most that many seconds. Requires the permission `data:read`, or the run's callback token. With a callback token, leave out `wait` and `include`: otherwise the response is 403.",
  tags,
  security: [...security, { callbackToken: [] }],
  parameters: OF_RUN,
  responses: {
    ...responds(200, "The action run", detailedActionRun, ["Action-Runs-Stale"]),
    ...refuses(
      ...TOKEN,
      "forbidden",
      "not_found",
      "run_not_found",
      "invalid_query",
      ...READS_RUNS,
      "too_many_watchers",
      "not_configured",
    ),
  },
};

const CANCEL: Operation = {
  operationId: "cancelActionRun",
  summary: "Cancel a pending action run",
  description:
    "Cancels a run that is still pending. If the run is running or has ended, the response is 409. To stop " +
    "a running run, use `POST …/cancel`. Requires the permission `data:read`, and `data:write` for a run that " +
    "has or had a gate.",
  tags,
  security,
  parameters: [...OF_RUN, idempotencyKey("withdraw-42")],
  responses: {
    ...responds(200, "Cancelled action run", actionRun, ["Idempotent-Replayed"]),
    ...refuses(
      ...TOKEN,
      "forbidden",
      "not_found",
      "run_not_found",
      "invalid_idempotency_key",
      "person_required",
      "run_running",
      ...ENDED,
      ...READS_RUNS,
    ),
  },
};

const ofCancel = responds(200, "The run is cancelled", detailedActionRun, ["Idempotent-Replayed"]);

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
  parameters: [...OF_RUN, idempotencyKey("stop-42")],
  responses: {
    ...ofCancel,
    ...responds(202, "The job was asked to stop", detailedActionRun, ["Idempotent-Replayed"]),
    ...refuses(
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
      ...READS_RUNS,
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
  parameters: [...OF_RUN, idempotencyKey("deploy-42-again"), TRACEPARENT_OF_CREATE],
  responses: {
    ...responds(201, "The new run", startedActionRun, ["Location", "Idempotent-Replayed"]),
    ...refuses(
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
      ...READS_RUNS,
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
      ...READS_RUNS,
      "too_many_watchers",
    ),
  },
};

const RUNS = "/{o}/{p}/envs/{envName}/action-runs";

export const RUN_OPERATIONS: Readonly<Record<string, Operation>> = {
  [`POST ${RUNS}`]: CREATE,
  [`GET ${RUNS}/{id}`]: GET,
  [`DELETE ${RUNS}/{id}`]: CANCEL,
  [`POST ${RUNS}/{id}/cancel`]: REQUEST_CANCEL,
  [`POST ${RUNS}/{id}/retry`]: RETRY,
  [`GET ${RUNS}/{id}/events`]: EVENTS,
};
