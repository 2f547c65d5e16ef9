/** The OpenAPI operations that read many action runs, by method and path. */

import { type Operation, READS, refuses, responds, TOKEN } from "./describe.ts";
import { IN_ENVIRONMENT, LAST_EVENT_ID_OF_CHANGES } from "./parameters.ts";
import { actionRunList, CHANGE_CURSOR_EXAMPLE, runChanges, runFacets, runSummary } from "./run-list-schemas.ts";

const tags = ["Action runs"];
const security = [{ apiToken: [] }];
/** What a request to D1's rows of an environment can be refused for. */
const REFUSALS = [
  ...TOKEN,
  "forbidden",
  "not_found",
  "invalid_query",
  "database_unavailable",
  "database_not_bound",
] as const;

const LIST: Operation = {
  operationId: "listActionRuns",
  summary: "List action runs",
  description:
    "Returns the action runs of an environment, newest first, or oldest first with `order=oldest`. The list shows every " +
    "change that was acknowledged before you sent the request, unless the response has `Action-Runs-Stale`. A page can " +
    "be short or empty and still have a next page, so follow `Link` until it is missing. Requires the permission " +
    "`data:read`.",
  tags,
  security,
  parameters: IN_ENVIRONMENT,
  responses: { ...responds(200, "Action runs", actionRunList, ["Link", "Action-Runs-Stale"]), ...refuses(...REFUSALS) },
};

const SUMMARY: Operation = {
  operationId: "summarizeActionRuns",
  summary: "Count action runs by status",
  description:
    "Counts the runs that match the filters of a list, by status. The counts can be some seconds behind a list. " +
    "A count is exact up to 1000. If you filter by `label`, `entityId`, `actionName` or `triggeredBy`, the service counts only the newest " +
    "5000 such runs. If there are more, every count is `atLeast`. Requires the permission `data:read`.",
  tags,
  security,
  parameters: IN_ENVIRONMENT,
  responses: { ...responds(200, "The counts", runSummary), ...refuses(...REFUSALS) },
};

const FACETS: Operation = {
  operationId: "findActionRunFacets",
  summary: "Find values to filter by",
  description:
    "Returns the values of one filter that contain a text, each once: names of actions, labels, or names of " +
    "tokens. A value that equals the text is first. The service looks at the first 1000 values in the order " +
    "of their bytes and returns at most 20. If there can be others, `more` is true. Values of the last seconds can be " +
    "missing. Requires the permission `data:read`.",
  tags,
  security,
  parameters: IN_ENVIRONMENT,
  responses: { ...responds(200, "The values", runFacets), ...refuses(...REFUSALS) },
};

const ofChanges = responds(200, "The changes", runChanges, ["X-Accel-Buffering"]);

const CHANGES: Operation = {
  operationId: "followActionRuns",
  summary: "Follow the changes of action runs",
  description:
    "Returns the runs of an environment that changed since a cursor, at most 200. Start without `after`, which " +
    "returns a cursor for now. Then list the runs, and follow from the cursor. So you miss no change, unless the list " +
    "has `Action-Runs-Stale`: then list again. With `wait` the response waits for a change. If you send `Accept: text/event-stream`, " +
    "you get the same objects as Server-Sent Events, whose ids are the cursors. Requires the permission `data:read`.",
  tags,
  security,
  parameters: [...IN_ENVIRONMENT, LAST_EVENT_ID_OF_CHANGES],
  responses: {
    200: {
      ...ofChanges[200],
      description: "The changes",
      content: {
        ...(ofChanges[200] as { content: object }).content,
        "text/event-stream": {
          schema: { type: "string" },
          example: `id: ${CHANGE_CURSOR_EXAMPLE}\ndata: {"runs":[],"cursor":"${CHANGE_CURSOR_EXAMPLE}","caughtUp":true}\n\n`,
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

const RUNS = "/{o}/{p}/envs/{envName}/action-runs";

export const RUN_LIST_OPERATIONS: Readonly<Record<string, Operation>> = {
  [`GET ${RUNS}`]: LIST,
  [`GET ${RUNS}/summary`]: SUMMARY,
  [`GET ${RUNS}/facets`]: FACETS,
  [`GET ${RUNS}/changes`]: CHANGES,
};
