/** The OpenAPI operations about bulk operations, by method and path. */

import { BULK_RUNS_MAX, BULK_RUNS_MAX_OF_MANAGERS } from "../base/limits.ts";
import { bulkItemList, bulkOperation, bulkOperationList, bulkPreview } from "./bulk-schemas.ts";
import { BODY, type Operation, READS_RUNS, refuses, responds, TOKEN } from "./describe.ts";
import { IN_ENVIRONMENT, idempotencyKey, OF_BULK_OPERATION } from "./parameters.ts";

const common = { tags: ["Bulk operations"], security: [{ apiToken: [] }] };
const READ = "Requires the permission `data:read`.";
const WRITE = "Requires the permission `data:write`.";

const OF_OPERATION = [...TOKEN, "forbidden", "not_found", "bulk_operation_not_found"] as const;

const CREATE: Operation = {
  ...common,
  operationId: "createBulkOperation",
  summary: "Cancel or retry many action runs",
  description:
    `Cancels or retries up to ${BULK_RUNS_MAX} runs by their ids, or the runs that match a filter. The service first writes ` +
    "down which runs match, newest first, and changes nothing meanwhile. Then it cancels or retries each of them once, " +
    "20 a second. If more than `maxRuns` match, nothing changes. With `dryRun`, the response only counts the runs. A " +
    "run that has ended, or that can't be retried, is skipped with the code that a request for it alone would get. A " +
    "retry skips a run that was retried since its end. An environment has at most 5 operations at a time, and one of " +
    `them can be a retry. ${WRITE} A \`maxRuns\` of ${BULK_RUNS_MAX + 1} to ${BULK_RUNS_MAX_OF_MANAGERS} requires \`actions:manage\`.`,
  parameters: [...IN_ENVIRONMENT, idempotencyKey("bulk-42")],
  responses: {
    ...responds(200, "What would happen, with `dryRun`", bulkPreview),
    ...responds(202, "The operation has begun", bulkOperation, ["Location", "Idempotent-Replayed"]),
    ...refuses(
      ...TOKEN,
      ...BODY,
      "forbidden",
      "not_found",
      "invalid_idempotency_key",
      "idempotency_key_reused",
      "empty_filter",
      "too_many_bulk_operations",
      "not_configured",
      ...READS_RUNS,
      "storage_full",
    ),
  },
};

const LIST: Operation = {
  ...common,
  operationId: "listBulkOperations",
  summary: "List the bulk operations",
  description: `Returns the bulk operations of an environment, newest first. They are kept for 30 days after their end. ${READ}`,
  parameters: IN_ENVIRONMENT,
  responses: {
    ...responds(200, "Bulk operations", bulkOperationList, ["Link"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "coordinator_unavailable"),
  },
};

const GET: Operation = {
  ...common,
  operationId: "getBulkOperation",
  summary: "Get a bulk operation by id",
  description: `Returns a bulk operation with its counts. A cancel also says how its runs have ended. ${READ}`,
  parameters: OF_BULK_OPERATION,
  responses: {
    ...responds(200, "The bulk operation", bulkOperation),
    ...refuses(...OF_OPERATION, "coordinator_unavailable"),
  },
};

const ITEMS: Operation = {
  ...common,
  operationId: "listBulkOperationItems",
  summary: "List the runs of a bulk operation",
  description:
    "Returns what happened to each run of the operation, in the order in which it first tries them. A cancel takes runs " +
    `that wait first. ${READ}`,
  parameters: OF_BULK_OPERATION,
  responses: {
    ...responds(200, "The runs and their outcomes", bulkItemList, ["Link"]),
    ...refuses(...OF_OPERATION, "invalid_query", "coordinator_unavailable"),
  },
};

const STOP: Operation = {
  ...common,
  operationId: "cancelBulkOperation",
  summary: "Stop a bulk operation",
  description:
    "Ends an operation early. Runs that it has not reached stay as they are and count as `remaining`. A retry first " +
    "finishes the runs that it works on, at most 25, so its status can be `running` for a moment more. If the operation is " +
    `over, the response shows it and nothing changes. ${WRITE}`,
  parameters: OF_BULK_OPERATION,
  responses: {
    ...responds(200, "The bulk operation", bulkOperation),
    ...refuses(...OF_OPERATION, "coordinator_unavailable"),
  },
};

const OPERATIONS = "/{o}/{p}/envs/{envName}/bulk-operations";

export const BULK_OPERATIONS: Readonly<Record<string, Operation>> = {
  [`POST ${OPERATIONS}`]: CREATE,
  [`GET ${OPERATIONS}`]: LIST,
  [`GET ${OPERATIONS}/{id}`]: GET,
  [`GET ${OPERATIONS}/{id}/items`]: ITEMS,
  [`POST ${OPERATIONS}/{id}/cancel`]: STOP,
};
