/** zod: the responses about bulk operations, for the OpenAPI document and the tests. */

import * as z from "zod";
import { BULK_NEWEST_SHOWN } from "../../../base/limits.ts";
import {
  count,
  described,
  instantOrNull,
  listOf,
  named,
  natural,
  positive,
  responseInstant,
  runName,
  text,
  textOrNull,
  uuid,
  uuidOrNull,
} from "../../../http/response-schemas.ts";
import { ABORT_REASONS, BULK_ACTIONS, BULK_STATUSES, OUTCOMES } from "../../bulk.ts";
import { STATUSES, WAITING_FOR } from "../../run.ts";
import { ofEachStatus } from "./runs.ts";

const action = z.enum(BULK_ACTIONS);
const status = z.enum(BULK_STATUSES);
const abortReason = z.enum(ABORT_REASONS);

const FILTER = { status: ["pending", "running"], labels: ["team:payments"] };

const filter = z
  .object({
    status: z.array(z.enum(STATUSES)).optional(),
    labels: z.array(text).optional(),
    actionName: text.optional(),
    entityId: uuid.optional(),
    subject: text.optional(),
    triggeredBy: text.optional(),
    createdAfter: responseInstant.optional(),
    createdBefore: responseInstant.optional(),
    waiting: z.enum(["any", ...WAITING_FOR]).optional(),
    group: text.optional(),
  })
  .meta({ id: "ShownBulkFilter", description: "The filter as it was sent.", examples: [FILTER] });

const bulkCounts = z
  .object({
    matched: count.describe("The runs of the set. It grows while the status is `collecting`."),
    accepted: natural.describe("Runs that were cancelled, asked to stop, or retried."),
    skipped: natural.describe("Runs that could not be cancelled or retried."),
    failed: natural.describe("Runs about which nothing is known, or for which there was no room."),
    remaining: count.describe("Runs that are undecided."),
  })
  .meta({
    id: "BulkCounts",
    description: "Each run of the set counts once. Only with `too_many_runs`, `matched` and `remaining` are `atLeast`.",
  });

const endedCounts = named("EndedCounts", null, { succeeded: natural, failed: natural, cancelled: natural });

const OPERATION = {
  id: "01a212de-9b55-8003-a8a9-dd2c148ea617",
  operation: "cancel",
  status: "running",
  abortReason: null,
  filter: FILTER,
  by: "ci",
  byId: "019c0e5a-1800-7000-8000-000000000000",
  counts: { matched: 40, accepted: 24, skipped: 1, failed: 0, remaining: 15 },
  createdAt: "2026-11-25T13:21:48.373Z",
  completedAt: null,
};

export const bulkOperation = named("BulkOperation", OPERATION, {
  id: uuid,
  operation: action,
  status: status.describe(
    "`collecting`: the set is written down, and nothing happens to any run. `running`: run after run is decided. " +
      "`completed`: every run is decided. `aborted`: it ended early.",
  ),
  abortReason: described(
    abortReason.nullable(),
    "Why it ended, or ends, early. `asked`: somebody stopped it. `too_many_runs`: more than `maxRuns` matched, and " +
      "nothing was changed. `token_revoked`, `token_expired`: the token that began it no longer works.",
  ),
  filter: described(filter.nullable(), "Null with `runIds`."),
  by: text.describe("The person who began it, or the name of the API token."),
  byId: text.describe("The id of the API token; `root` for the operator."),
  counts: bulkCounts,
  createdAt: responseInstant,
  completedAt: instantOrNull.describe("When it was completed or aborted."),
  ended: described(
    endedCounts.nullable().optional(),
    "How the accepted runs of a cancel have ended so far. A job that was asked to stop can still report success. " +
      "Null while the operation is under way. Only a GET of one cancel has it.",
  ),
});

export const bulkOperationList = listOf("BulkOperationList", bulkOperation);

const PREVIEW = {
  matched: 40,
  byStatus: { pending: 12, running: 28, succeeded: 0, failed: 0, cancelled: 0 },
  newest: [OPERATION.id],
  wouldStart: 5,
};

export const bulkPreview = named("BulkPreview", PREVIEW, {
  matched: count.describe(
    "How many runs match. `atLeast` if more than `maxRuns` match, or if there can be more, because the service looks at 100 000 runs at most.",
  ),
  byStatus: described(z.object(ofEachStatus(natural)), "The matched runs by their status, at most `maxRuns` of them."),
  newest: described(z.array(uuid).max(BULK_NEWEST_SHOWN), "The newest of the matched runs."),
  wouldStart: natural.describe("Waiting runs outside of the set that would start, because a cancel frees their slots."),
});

const ITEM = {
  runId: OPERATION.id,
  outcome: "skipped",
  code: "run_succeeded",
  newRunId: null,
  actionName: "deploy",
  title: "deploy shop 1.4.2",
  subject: "shop",
};

const bulkItem = named("BulkItem", ITEM, {
  runId: uuid,
  outcome: described(
    z.enum(OUTCOMES).nullable(),
    "`accepted`: the run was cancelled, its job was asked to stop, or there is a new run. `skipped`: the service " +
      "refused the change. `failed`: the run could not be cancelled, or it is unknown whether there is a new run. Null: undecided.",
  ),
  code: textOrNull.describe(
    "The code of the error that a request for this run alone would have got, such as `run_succeeded`, or " +
      "`unknown`. Null if the run was accepted or is undecided.",
  ),
  newRunId: uuidOrNull.describe("The run that a retry created."),
  ...runName,
});

export const bulkItemList = listOf("BulkItemList", bulkItem);

/** What an audit entry says of a bulk operation. */
export const auditedBulk = z
  .object({
    operation: action,
    filter: filter.nullable(),
    runs: described(positive.nullable(), "How many `runIds` were sent. Null with a filter."),
    maxRuns: positive.nullable(),
    status: status.optional(),
    abortReason: abortReason.nullable().optional(),
    counts: bulkCounts.optional(),
  })
  .meta({
    id: "AuditedBulkOperation",
    description: "Only an entry `bulk_ended` has `status`, `abortReason` and `counts`.",
  });
