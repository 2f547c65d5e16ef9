/** zod: the bodies and queries of requests about bulk operations. */

import * as z from "zod/mini";
import {
  BULK_MAX_RUNS,
  BULK_MAX_RUNS_OF_MANAGER,
  CONCURRENCY_GROUP,
  GRACE_DEFAULT_SECONDS,
  GRACE_MAX_SECONDS,
  LABEL_MAX_CHARACTERS,
  LABELS_MAX,
} from "../../../base/limits.ts";
import { label, PLAIN_TEXT } from "../../../http/label-schemas.ts";
import { wholeNumber } from "../../../http/schema-bounds.ts";
import { described, filterableName, instant, pageQuery } from "../../../http/schema-parts.ts";
import { WAITING_FILTERS } from "../../d1/filters.ts";
import { STATUSES } from "../../run.ts";
import { reasonOf, uuid } from "../request-schemas.ts";

const group = z
  .string({ error: "send a string." })
  .check(
    z.regex(new RegExp(`^${CONCURRENCY_GROUP}$`), {
      error: "send 1 to 63 letters, digits, dots, hyphens and underscores, a letter or a digit first.",
    }),
  )
  .register(z.globalRegistry, {
    wire: { type: "string", pattern: `^${CONCURRENCY_GROUP}$` },
    description: "The concurrency group of the run.",
  });

const conditions = {
  status: z.optional(
    z
      .array(z.enum(STATUSES, { error: `send any of ${STATUSES.join(", ")}.` }), { error: "send an array." })
      .check(z.maxLength(STATUSES.length, { error: "send each status at most once." }))
      .register(z.globalRegistry, {
        wire: {
          type: "array",
          items: { type: "string", enum: [...STATUSES] },
          maxItems: STATUSES.length,
        },
        description: "The run has one of these.",
      }),
  ),
  labels: z.optional(
    z
      .array(label, { error: "send an array of strings." })
      .check(z.maxLength(LABELS_MAX, { error: `a run has at most ${LABELS_MAX} labels; send fewer.` }))
      .register(z.globalRegistry, {
        wire: {
          type: "array",
          items: { type: "string", minLength: 1, maxLength: LABEL_MAX_CHARACTERS, pattern: PLAIN_TEXT },
          maxItems: LABELS_MAX,
        },
        description:
          "The run has all of these. Send the rarest first. Well-formed Unicode without control characters.",
      }),
  ),
  actionName: z.optional(filterableName),
  entityId: z.optional(described(uuid, "What the run is about.")),
  triggeredBy: z.optional(filterableName),
  createdAfter: z.optional(described(instant, "The run was created after this instant. RFC 3339.")),
  createdBefore: z.optional(described(instant, "The run was created before this instant. RFC 3339.")),
  waiting: z.optional(
    z
      .enum(WAITING_FILTERS, { error: `send one of ${WAITING_FILTERS.join(", ")}.` })
      .register(z.globalRegistry, { description: "The run waits: at any gate, or at this one." }),
  ),
  group: z.optional(group),
};

const FILTER = { status: ["pending", "running"], labels: ["team:payments"] };

export const bulkFilter = z.strictObject(conditions).register(z.globalRegistry, {
  id: "BulkFilter",
  description:
    "Which runs the operation is about. All conditions must hold, and one is required. Without `createdAfter` it means all runs that are kept.",
  examples: [FILTER],
});

const chosen = {
  runIds: z.optional(
    z
      .array(uuid, { error: "send an array of run ids." })
      .check(
        z.minLength(1, { error: "is empty; send at least one run id." }),
        z.maxLength(BULK_MAX_RUNS, {
          error: `has too many ids; send at most ${BULK_MAX_RUNS}, or a filter.`,
        }),
      )
      .register(z.globalRegistry, {
        description: "The runs. A repeated id counts once. Send either `runIds` or `filter`.",
      }),
  ),
  filter: z.optional(bulkFilter),
  maxRuns: z.optional(
    described(
      wholeNumber("a whole number", 1, BULK_MAX_RUNS_OF_MANAGER),
      `Required with \`filter\`, refused with \`runIds\`. If more runs match, the operation changes nothing and ends as \`too_many_runs\`. More than ${BULK_MAX_RUNS} require the permission \`actions:manage\`.`,
    ),
  ),
  dryRun: z.optional(
    described(
      z.boolean({ error: "send true or false." }),
      "With `true`, the response counts the runs, and nothing happens. Default: `false`.",
    ),
  ),
};

interface Chosen {
  readonly runIds?: unknown;
  readonly filter?: unknown;
  readonly maxRuns?: unknown;
}

const isOneOf = z.refine<Chosen>(
  ({ runIds, filter, maxRuns }) =>
    runIds === undefined
      ? filter !== undefined && maxRuns !== undefined
      : filter === undefined && maxRuns === undefined,
  { error: "send either runIds, or filter and maxRuns." },
);

/** The same rule in the OpenAPI document, which has whatever is registered. */
const ONE_OF = {
  oneOf: [
    { properties: { runIds: {} }, required: ["runIds"] },
    { properties: { filter: {}, maxRuns: {} }, required: ["filter", "maxRuns"] },
  ],
  dependentRequired: { filter: ["maxRuns"], maxRuns: ["filter"] },
};

const bulkCancel = z
  .strictObject({
    operation: z.literal("cancel"),
    reason: z.optional(
      reasonOf(
        "Why the runs are cancelled: one line of well-formed Unicode without control characters. Their jobs and every reader of the runs can see it.",
      ),
    ),
    graceSeconds: z._default(
      described(
        wholeNumber("whole seconds", 0, GRACE_MAX_SECONDS),
        "How long a running job may still work, at most until its run's deadline. With 0, the run ends at once.",
      ),
      GRACE_DEFAULT_SECONDS,
    ),
    ...chosen,
  })
  .check(isOneOf)
  .register(z.globalRegistry, {
    id: "BulkCancel",
    ...ONE_OF,
    examples: [{ operation: "cancel", filter: FILTER, maxRuns: 100, dryRun: true }],
  });

const bulkRetry = z
  .strictObject({
    operation: z.literal("retry"),
    includeRetried: z._default(
      described(
        z.boolean({ error: "send true or false." }),
        "Whether to retry a run that was retried since its end. Otherwise such a run is skipped as `already_retried`.",
      ),
      false,
    ),
    ...chosen,
  })
  .check(isOneOf)
  .register(z.globalRegistry, {
    id: "BulkRetry",
    ...ONE_OF,
    examples: [{ operation: "retry", runIds: ["01a212de-9b55-8003-a8a9-dd2c148ea617"] }],
  });

export const newBulkOperation = z
  .discriminatedUnion("operation", [bulkCancel, bulkRetry], {
    error: 'send "cancel" or "retry" as operation.',
  })
  .register(z.globalRegistry, {
    id: "NewBulkOperation",
    examples: [
      { operation: "cancel", filter: FILTER, maxRuns: 100, dryRun: true },
      { operation: "cancel", filter: FILTER, maxRuns: 100, reason: "a bad configuration" },
      { operation: "retry", runIds: ["01a212de-9b55-8003-a8a9-dd2c148ea617"] },
    ],
  });

export type NewBulkOperationBody = z.output<typeof newBulkOperation>;

export const BULK_OUTCOMES = ["accepted", "skipped", "failed"] as const;

export const bulkListQuery = z.strictObject(pageQuery);
export const bulkItemsQuery = z.strictObject({
  ...pageQuery,
  outcome: z.optional(
    z
      .enum(BULK_OUTCOMES, { error: `send one of ${BULK_OUTCOMES.join(", ")}, once.` })
      .register(z.globalRegistry, {
        wire: { type: "string", enum: [...BULK_OUTCOMES], examples: ["skipped"] },
        description: "Only runs with this outcome. Without it, also those that are still undecided.",
      }),
  ),
});
