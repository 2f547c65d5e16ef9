/** What the document says of the routes of action runs, by method and path. */

import * as z from "zod";
import {
  actionRun,
  actionRunList,
  createdActionRun,
  heartbeatAnswer,
  timeline,
} from "../runs/api/response-schemas.ts";
import { answers, BODY, ENDED, headersOf, type Operation, READS, refuses, TOKEN } from "./describe.ts";
import { BOOKMARK, IDEMPOTENCY_KEY, IN_ENVIRONMENT, LAST_EVENT_ID, OF_RUN } from "./parameters.ts";

const tags = ["Action runs"];
const security = [{ apiToken: [] }];

const LIST: Operation = {
  operationId: "listActionRuns",
  summary: "List action runs",
  description:
    "Newest first. A page may be short, even empty, and still have a next one: follow `Link`. Permission `data:read`.",
  tags,
  security,
  parameters: [...IN_ENVIRONMENT, BOOKMARK],
  responses: {
    ...answers(200, "Action runs", actionRunList, ["Link", "x-d1-bookmark"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "database_unavailable"),
  },
};

const CREATE: Operation = {
  operationId: "createActionRun",
  summary: "Create an action run",
  description:
    "Makes a run, and with a `trigger` starts its workflow. The only answer that shows the callback token. Permission `data:write`.",
  tags,
  security,
  parameters: [...IN_ENVIRONMENT, IDEMPOTENCY_KEY],
  responses: {
    ...answers(201, "The run", createdActionRun, ["Location", "Idempotent-Replayed", "x-d1-bookmark"]),
    ...refuses(
      ...TOKEN,
      ...BODY,
      "forbidden",
      "invalid_idempotency_key",
      "idempotency_key_reused",
      "idempotency_key_unverifiable",
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
    "With `wait`, answers as soon as the run has ended, else as it is then. Permission `data:read`.",
  tags,
  security,
  parameters: [...OF_RUN, BOOKMARK],
  responses: {
    ...answers(200, "The action run", actionRun, ["x-d1-bookmark"]),
    ...refuses(...TOKEN, "forbidden", "run_not_found", "invalid_query", ...READS, "too_many_watchers"),
  },
};

const CANCEL: Operation = {
  operationId: "cancelActionRun",
  summary: "Cancel a pending action run",
  description: "A running or ended run is 409. Permission `data:read`.",
  tags,
  security,
  parameters: [...OF_RUN, IDEMPOTENCY_KEY],
  responses: {
    ...answers(200, "Cancelled action run", actionRun, ["Idempotent-Replayed", "x-d1-bookmark"]),
    ...refuses(
      ...TOKEN,
      "forbidden",
      "run_not_found",
      "invalid_idempotency_key",
      "run_running",
      ...ENDED,
      ...READS,
    ),
  },
};

const ofEvents = answers(200, "The run's timeline, oldest first", timeline, ["Link"]);

const EVENTS: Operation = {
  operationId: "listActionRunEvents",
  summary: "Read or follow a run's timeline",
  description:
    "Pages of JSON; with `Accept: text/event-stream` the same as Server-Sent Events, live until the run has ended. Permission `data:read`.",
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
      description: "To a stream that is resumed after its end: there is no more.",
      headers: headersOf([]),
    },
    ...refuses(
      ...TOKEN,
      "forbidden",
      "run_not_found",
      "invalid_query",
      "invalid_last_event_id",
      ...READS,
      "too_many_watchers",
    ),
  },
};

const ofCallback = { tags: ["Callback"], security: [{ callbackToken: [] }] };
const CALLBACK_REFUSALS = [
  "unauthorized",
  "token_invalid",
  "token_expired",
  "run_not_found",
  ...BODY,
  ...ENDED,
  "not_configured",
  "coordinator_unavailable",
] as const;

const CALLBACK: Operation = {
  ...ofCallback,
  operationId: "completeActionRun",
  summary: "Complete an action run (external workflow callback)",
  description:
    "The first end wins, for ever. The same report with the same key is answered as the first was.",
  parameters: [...OF_RUN, IDEMPOTENCY_KEY],
  responses: {
    ...answers(200, "Completed action run", actionRun, ["Idempotent-Replayed", "x-d1-bookmark"]),
    ...refuses(...CALLBACK_REFUSALS, "invalid_idempotency_key"),
  },
};

const HEARTBEAT: Operation = {
  ...ofCallback,
  operationId: "heartbeatActionRun",
  summary: "Send a heartbeat",
  description:
    "The first starts a pending run. Without a body it is a mere sign of life. The answer is not the run: it has none of the run's inputs.",
  parameters: OF_RUN,
  responses: {
    ...answers(200, "The run's status and deadline", heartbeatAnswer),
    ...refuses(...CALLBACK_REFUSALS),
  },
};

const RESYNC: Operation = {
  operationId: "resyncActionRuns",
  summary: "Land every run in the database again",
  description:
    "After a restore of the database. Rows of runs that are no longer kept are removed. This endpoint requires ROOT_TOKEN.",
  tags: ["Service"],
  security,
  parameters: IN_ENVIRONMENT,
  responses: {
    ...answers(
      202,
      "Under way",
      z.object({ remaining: z.int().min(0) }).meta({ id: "Resync", examples: [{ remaining: 0 }] }),
    ),
    ...refuses(...TOKEN, "forbidden", "database_unavailable", "storage_full", "coordinator_unavailable"),
  },
};

const RUNS = "/{o}/{p}/envs/{envName}/action-runs";

export const RUN_OPERATIONS: Readonly<Record<string, Operation>> = {
  [`GET ${RUNS}`]: LIST,
  [`POST ${RUNS}`]: CREATE,
  [`GET ${RUNS}/{id}`]: GET,
  [`DELETE ${RUNS}/{id}`]: CANCEL,
  [`GET ${RUNS}/{id}/events`]: EVENTS,
  [`POST ${RUNS}/{id}/callback`]: CALLBACK,
  [`POST ${RUNS}/{id}/heartbeat`]: HEARTBEAT,
  "POST /{o}/{p}/envs/{envName}/resync": RESYNC,
};
