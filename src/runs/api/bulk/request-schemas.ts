/** zod: the bodies and queries of requests about bulk operations. */

import * as z from "zod/mini";
import { BULK_RUNS_MAX, BULK_RUNS_MAX_OF_MANAGERS } from "../../../base/limits.ts";
import { labelList } from "../../../http/label-schemas.ts";
import { listOf, wholeNumber } from "../../../http/schema-bounds.ts";
import { described, filterableName, instant, pageQuery, seqPageQuery } from "../../../http/schema-parts.ts";
import { BULK_ACTIONS, type BulkAction, OUTCOMES } from "../../bulk.ts";
import { STATUSES } from "../../run.ts";
import { type RunFilters, WAITING_FILTERS } from "../../run-filters.ts";
import { groupFilter } from "../gates/request-schemas.ts";
import { triggeredByFilter } from "../query-schemas.ts";
import { cancel, uuid } from "../request-schemas.ts";

const statuses = described(
  listOf(
    STATUSES.length,
    "statuses",
    z.enum(STATUSES, { error: `send any of ${STATUSES.join(", ")}.` }),
    "send an array of statuses.",
  ),
  "Runs with any of these statuses.",
);

const labels = described(
  labelList,
  "Runs that have each of these labels. Send the rarest first, because the service walks the runs with that one. Well-formed Unicode without control characters.",
);

const waiting = z
  .enum(WAITING_FILTERS, { error: `send one of ${WAITING_FILTERS.join(", ")}.` })
  .register(z.globalRegistry, {
    wire: { type: "string", enum: [...WAITING_FILTERS] },
    description: "Runs that wait: at any gate, or at this one.",
  });

/** Which runs an operation is about, as JSON. All conditions must hold. They mean what they mean in a list. */
export const bulkFilter = z
  .strictObject({
    status: z.optional(statuses),
    labels: z.optional(labels),
    actionName: z.optional(filterableName),
    entityId: z.optional(uuid),
    triggeredBy: z.optional(triggeredByFilter),
    createdAfter: z.optional(described(instant, "Exclusive.")),
    createdBefore: z.optional(described(instant, "Exclusive.")),
    waiting: z.optional(waiting),
    group: z.optional(groupFilter),
  })
  .register(z.globalRegistry, {
    id: "BulkFilter",
    description:
      "Which runs: those for which all conditions hold. They mean what they mean in a list of runs. At least one condition is required. Without `createdAfter`, all runs that are kept are meant.",
    examples: [{ status: ["running"], labels: ["team:payments"], createdAfter: "2026-01-31T12:00:00Z" }],
  });

/** The filter of a list that matches the same runs. */
export function runFiltersOf({ labels: label, ...filter }: z.output<typeof bulkFilter>): RunFilters {
  return { ...filter, label };
}

/** Whether the filter matches every run of the environment. */
export function isEmptyFilter(filter: z.output<typeof bulkFilter>): boolean {
  return Object.values(filter).every((value) => Array.isArray(value) && value.length === 0);
}

const ONE_OF = "send runIds, or a filter with maxRuns, and not both.";
const { reason, graceSeconds } = cancel.def.shape;

const only = (operation: BulkAction) => ({
  properties: { operation: { const: operation } },
  additionalProperties: true,
});
const has = (name: string) => ({ properties: { [name]: {} }, required: [name], additionalProperties: true });
/** The checks of `bulkRequest` for the OpenAPI document, which has whatever is registered. */
const CHECKS = {
  if: has("runIds"),
  // biome-ignore lint/suspicious/noThenProperty: this is the keyword of JSON Schema.
  then: { not: has("filter") },
  else: has("filter"),
  dependentRequired: { filter: ["maxRuns"], maxRuns: ["filter"] },
  dependentSchemas: { reason: only("cancel"), graceSeconds: only("cancel"), includeRetried: only("retry") },
};

export const bulkRequest = z
  .strictObject({
    operation: described(
      z
        .enum(BULK_ACTIONS, { error: `send one of ${BULK_ACTIONS.join(", ")}.` })
        .register(z.globalRegistry, { wire: { type: "string", enum: [...BULK_ACTIONS] } }),
      "What happens to each run: what a single cancel or retry of it would do.",
    ),
    reason,
    graceSeconds: z.optional(graceSeconds.def.innerType),
    includeRetried: z.optional(
      described(
        z.boolean({ error: "send true or false." }),
        "Whether a retry also takes runs that were retried since their end. Default: false.",
      ),
    ),
    runIds: z.optional(
      described(
        listOf(
          BULK_RUNS_MAX,
          "run ids",
          uuid,
          "send an array of run ids.",
          z.minLength(1, { error: "is empty; send at least one run id, or a filter." }),
        ),
        "The runs. Repetitions count once.",
      ),
    ),
    filter: z.optional(bulkFilter),
    maxRuns: z.optional(
      described(
        wholeNumber("a whole number", 1, BULK_RUNS_MAX_OF_MANAGERS),
        `How many runs may match the filter. If more match, nothing happens to any of them. More than ${BULK_RUNS_MAX} requires \`actions:manage\`.`,
      ),
    ),
    dryRun: z.optional(
      described(
        z.boolean({ error: "send true or false." }),
        "Whether to say only what the operation would be about. Default: false.",
      ),
    ),
  })
  .check(
    z.refine(({ runIds, filter }) => (runIds === undefined) !== (filter === undefined), { error: ONE_OF }),
    z.refine(({ filter, maxRuns }) => (filter === undefined) === (maxRuns === undefined), {
      error: `goes with filter: ${ONE_OF}`,
      path: ["maxRuns"],
    }),
    z.refine(
      ({ operation, reason, graceSeconds }) =>
        operation === "cancel" || (reason === undefined && graceSeconds === undefined),
      { error: "A retry has no reason and no graceSeconds; leave them out." },
    ),
    z.refine(({ operation, includeRetried }) => operation === "retry" || includeRetried === undefined, {
      error: "is only for a retry; leave it out.",
      path: ["includeRetried"],
    }),
  )
  .register(z.globalRegistry, {
    id: "BulkRequest",
    ...CHECKS,
    examples: [
      {
        operation: "cancel",
        filter: { status: ["running"], actionName: "deploy" },
        maxRuns: 40,
        reason: "a bad configuration",
        dryRun: true,
      },
      { operation: "retry", runIds: ["01890a5d-ac96-774b-bcce-b302099a8057"] },
    ],
  });

export type BulkRequestBody = z.output<typeof bulkRequest>;

export const bulkListQuery = z.strictObject(pageQuery);

export const bulkItemsQuery = z.strictObject({
  ...seqPageQuery,
  outcome: z.optional(
    z
      .enum(OUTCOMES, { error: `send one of ${OUTCOMES.join(", ")}, once.` })
      .register(z.globalRegistry, {
        wire: { type: "string", enum: [...OUTCOMES], examples: ["skipped"] },
        description: "Only runs with this outcome. Without it, also those that are still undecided.",
      }),
  ),
});
