/**
 * …/bulk-operations. A begin makes a reservation at the coordinator, then the audit entry is written, and only then the
 * operation begins. So no operation lacks its entry, and a refused one has none. If we die in between, the reservation is
 * lost after a minute. The entry can then tell of an operation that never began.
 */
import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { auditStatement, logAudit, newAuditEntry, requireNewestSecret, writeAudited } from "../../auth/audit.ts";
import { mustNamePerson, requires } from "../../auth/authentication.ts";
import { may } from "../../auth/principal.ts";
import { newUuidV7, parseUuid } from "../../base/ids.ts";
import { BULK_RUNS_MAX, BULK_RUNS_MAX_OF_MANAGERS, CANCEL_GRACE_DEFAULT_SECONDS } from "../../base/limits.ts";
import { rfc3339 } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import { idempotencyKey } from "../../http/headers.ts";
import type { Described } from "../../http/operation.ts";
import { firstPage, pageQuery, seqPageQuery } from "../../http/paging.ts";
import {
  type AppEnv,
  type Environment,
  environmentOf,
  projectOf,
  scopeOf,
  usableRing,
} from "../../http/request-context.ts";
import { filterableName, instant, labelList, listOf, objectOf, oneOf, uuid, wholeNumber } from "../../http/schemas.ts";
import { validBody, validQuery } from "../../http/validate.ts";
import { environmentUrl } from "../../settings/config.ts";
import {
  BULK_ACTIONS,
  type BulkAction,
  type BulkOperation,
  type BulkOrder,
  type BulkRequest,
  OUTCOMES,
  remainingOf,
} from "../bulk.ts";
import { register } from "../d1/control-database.ts";
import { nameOf, STATUSES } from "../run.ts";
import { type RunFilters, WAITING_FILTERS } from "../run-filters.ts";
import { cancelShape, groupFilter, subjectFilter, triggeredByFilter } from "./request-schemas.ts";
import { bulkItemList, bulkOperation, bulkOperationList, bulkPreview } from "./responses/bulk.ts";
import { OF_RUNS } from "./responses/runs.ts";
import { actorOf, ask, changeKeyOf, refusalError } from "./run-request.ts";

const statuses = listOf(
  STATUSES.length,
  "statuses",
  z.enum(STATUSES, { error: `send any of ${STATUSES.join(", ")}.` }),
  "send an array of statuses.",
);

const bulkFilter = objectOf(
  {
    status: z.optional(statuses),
    labels: z.optional(labelList),
    actionName: z.optional(filterableName),
    entityId: z.optional(uuid),
    subject: z.optional(subjectFilter),
    triggeredBy: z.optional(triggeredByFilter),
    createdAfter: z.optional(instant),
    createdBefore: z.optional(instant),
    waiting: z.optional(z.enum(WAITING_FILTERS, { error: `send one of ${WAITING_FILTERS.join(", ")}.` })),
    group: z.optional(groupFilter),
  },
  DESCRIBE && {
    id: "BulkFilter",
    members: {
      status: "Runs with any of these statuses.",
      labels:
        "Runs that have each of these labels. Send the rarest first, because the service walks the runs with that one. Well-formed Unicode without control characters.",
      createdAfter: "Exclusive.",
      createdBefore: "Exclusive.",
      waiting: "Runs that wait: at any gate, or at this one.",
    },
    description:
      "Which runs: those for which all conditions hold. They mean what they mean in a list of runs. At least one condition is required. Without `createdAfter`, all runs that are kept are meant.",
    examples: [{ status: ["running"], labels: ["team:payments"], createdAfter: "2026-01-31T12:00:00Z" }],
  },
);

function runFiltersOf({ labels: label, ...filter }: z.output<typeof bulkFilter>): RunFilters {
  return { ...filter, label };
}

const ONE_OF = "send runIds, or a filter with maxRuns, and not both.";
const only = (operation: BulkAction) => ({
  properties: { operation: { const: operation } },
  additionalProperties: true,
});
const has = (name: string) => ({ properties: { [name]: {} }, required: [name], additionalProperties: true });
/** The checks of `bulkRequest` for the OpenAPI document. */
const CHECKS = {
  if: has("runIds"),
  // biome-ignore lint/suspicious/noThenProperty: this is the keyword of JSON Schema.
  then: { not: has("filter") },
  else: has("filter"),
  dependentRequired: { filter: ["maxRuns"], maxRuns: ["filter"] },
  dependentSchemas: { reason: only("cancel"), graceSeconds: only("cancel"), includeRetried: only("retry") },
};

const bulkRequest = objectOf(
  {
    operation: z.enum(BULK_ACTIONS, { error: `send one of ${BULK_ACTIONS.join(", ")}.` }),
    reason: cancelShape.reason,
    graceSeconds: z.optional(cancelShape.graceSeconds),
    includeRetried: z.optional(z.boolean({ error: "send true or false." })),
    runIds: z.optional(
      listOf(
        BULK_RUNS_MAX,
        "run ids",
        uuid,
        "send an array of run ids.",
        z.minLength(1, { error: "is empty; send at least one run id, or a filter." }),
      ),
    ),
    filter: z.optional(bulkFilter),
    maxRuns: z.optional(wholeNumber("a whole number", 1, BULK_RUNS_MAX_OF_MANAGERS)),
    dryRun: z.optional(z.boolean({ error: "send true or false." })),
  },
  DESCRIBE && {
    id: "BulkRequest",
    members: {
      operation: "What happens to each run: what a single cancel or retry of it would do.",
      includeRetried: "Whether a retry also takes runs that were retried since their end. Default: false.",
      runIds: "The runs. Repetitions count once.",
      maxRuns: `How many runs may match the filter. If more match, nothing happens to any of them. More than ${BULK_RUNS_MAX} requires \`actions:manage\`.`,
      dryRun: "Whether to say only what the operation would be about. Default: false.",
    },
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
  },
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
);

type BulkRequestBody = z.output<typeof bulkRequest>;

const bulkItemsQuery = z.strictObject({
  ...seqPageQuery,
  outcome: z.optional(
    oneOf(OUTCOMES, {
      examples: ["skipped"],
      description: "Only runs with this outcome. Without it, also those that are still undecided.",
    }),
  ),
});

export const bulkRoutes = new Hono<AppEnv>();

const CREATE_BULK_OPERATION: Described = DESCRIBE && {
  operationId: "createBulkOperation",
  summary: "Cancel or retry many action runs",
  description:
    `Cancels or retries up to ${BULK_RUNS_MAX} runs by their ids, or the runs that match a filter. The service first writes ` +
    "down which runs match, newest first, and changes nothing meanwhile. Then it cancels or retries each of them once, " +
    "20 a second. If more than `maxRuns` match, nothing changes. With `dryRun`, the response only counts the runs. A " +
    "run that has ended, or that can't be retried, is skipped with the code that a request for it alone would get. A " +
    "retry skips a run that was retried since its end. An environment has at most 5 operations at a time, and one of " +
    `them can be a retry. {who}. A \`maxRuns\` of ${BULK_RUNS_MAX + 1} to ${BULK_RUNS_MAX_OF_MANAGERS} requires \`actions:manage\`.`,
  idempotencyKey: "bulk-42",
  responses: {
    200: { description: "What would happen, with `dryRun`", json: bulkPreview },
    202: { description: "The operation has begun", json: bulkOperation, headers: ["Location", "Idempotent-Replayed"] },
  },
  errors: [
    "idempotency_key_reused",
    "empty_filter",
    "too_many_bulk_operations",
    "not_configured",
    ...OF_RUNS,
    "storage_full",
  ],
};
bulkRoutes.post("/", requires("data:write", CREATE_BULK_OPERATION), validBody(bulkRequest), async (c) => {
  const body = c.req.valid("json");
  // A dry run has no use for the key, but a malformed one is refused everywhere.
  const key = idempotencyKey(c);
  refuseFilter(c, body);
  usableRing(c);
  const environment = environmentOf(c);
  if (body.dryRun) {
    const { operation, runIds, filter, maxRuns = 0 } = body;
    const target = filter === undefined ? { runIds: [...new Set(runIds)] } : { filters: runFiltersOf(filter), maxRuns };
    const preview = await ask(environment, ({ bulk }) => bulk.preview(target, operation === "cancel"));
    if (preview === null) throw new ApiError("database_unavailable");
    return c.json(preview);
  }
  // As it was sent, because the operation shows it so.
  const { filter = null } = (await c.req.json()) as { filter?: BulkOrder["filter"] };
  const { operation, replayed } = await beginBulk(c, environment, body, filter);
  if (replayed && key !== null) c.header("Idempotent-Replayed", "true");
  const base = environmentUrl(c.env, c.req.url, environment.scope);
  c.header("Location", `${base}/bulk-operations/${operation.order.id}`);
  return c.json(operationToWire(operation), 202);
});

const LIST_BULK_OPERATIONS: Described = DESCRIBE && {
  operationId: "listBulkOperations",
  summary: "List the bulk operations",
  description:
    "Returns the bulk operations of an environment, newest first. They are kept for 30 days after their end.",
  responses: { 200: { description: "Bulk operations", json: bulkOperationList, headers: ["Link"] } },
  errors: ["coordinator_unavailable"],
};
bulkRoutes.get("/", requires("data:read", LIST_BULK_OPERATIONS), validQuery(z.strictObject(pageQuery)), async (c) => {
  const { limit, cursor = null } = c.req.valid("query");
  const operations = await ask(environmentOf(c), ({ bulk }) => bulk.operations(cursor, limit + 1));
  return c.json(firstPage(c, operations, limit, ({ order }) => order.id).map(operationToWire));
});

const GET_BULK_OPERATION: Described = DESCRIBE && {
  operationId: "getBulkOperation",
  summary: "Get a bulk operation by id",
  description: "Returns a bulk operation with its counts. A cancel also says how its runs have ended.",
  responses: { 200: { description: "The bulk operation", json: bulkOperation } },
  errors: ["coordinator_unavailable"],
};
bulkRoutes.get("/:id", requires("data:read", GET_BULK_OPERATION), async (c) => {
  const id = operationId(c);
  const operation = found(await ask(environmentOf(c), ({ bulk }) => bulk.operation(id)));
  const isCancel = operation.order.request.operation === "cancel";
  return c.json({ ...operationToWire(operation), ...(isCancel && { ended: operation.ended }) });
});

const LIST_BULK_OPERATION_ITEMS: Described = DESCRIBE && {
  operationId: "listBulkOperationItems",
  summary: "List the runs of a bulk operation",
  description:
    "Returns what happened to each run of the operation, in the order in which it first tries them. A cancel takes runs " +
    "that wait first.",
  responses: { 200: { description: "The runs and their outcomes", json: bulkItemList, headers: ["Link"] } },
  errors: ["coordinator_unavailable"],
};
bulkRoutes.get(
  "/:id/items",
  requires("data:read", LIST_BULK_OPERATION_ITEMS),
  validQuery(bulkItemsQuery),
  async (c) => {
    const { limit, cursor = -1, outcome = null } = c.req.valid("query");
    const id = operationId(c);
    const items = found(await ask(environmentOf(c), ({ bulk }) => bulk.items(id, outcome, cursor, limit + 1)));
    return c.json(firstPage(c, items, limit, ({ seq }) => seq).map(({ seq: _, ...item }) => item));
  },
);

const CANCEL_BULK_OPERATION: Described = DESCRIBE && {
  operationId: "cancelBulkOperation",
  summary: "Stop a bulk operation",
  description:
    "Ends an operation early. Runs that it has not reached stay as they are and count as `remaining`. A retry first " +
    "finishes the runs that it works on, at most 25, so its status can be `running` for a moment more. If the operation is " +
    "over, the response shows it and nothing changes.",
  responses: { 200: { description: "The bulk operation", json: bulkOperation } },
  errors: ["coordinator_unavailable"],
};
bulkRoutes.post("/:id/cancel", requires("data:write", CANCEL_BULK_OPERATION), async (c) => {
  const id = operationId(c);
  await requireNewestSecret(c);
  const { id: tokenId, name, sessionId = null, proven } = c.get("principal");
  const operation = await ask(environmentOf(c), ({ bulk }) =>
    bulk.abort(id, { id: tokenId, name, sessionId, person: c.get("person"), ...(proven !== null && { proven }) }),
  );
  return c.json(operationToWire(found(operation)));
});

/** Throws `empty_filter`, or `forbidden`. */
function refuseFilter(c: Context<AppEnv>, { filter, maxRuns = 0 }: BulkRequestBody): void {
  const isEmpty = (value: unknown) => Array.isArray(value) && value.length === 0;
  // It would match every run of the environment.
  if (filter !== undefined && Object.values(filter).every(isEmpty)) {
    throw new ApiError("empty_filter", undefined, { pointer: "/filter" });
  }
  const principal = c.get("principal");
  if (maxRuns > BULK_RUNS_MAX && !may(principal, "actions:manage")) {
    const sentence = `More than ${BULK_RUNS_MAX} runs at once require actions:manage, which the role ${principal.role} lacks. Send at most ${BULK_RUNS_MAX}.`;
    throw new ApiError("forbidden", sentence, { pointer: "/maxRuns" });
  }
}

/** Throws `bulk_operation_not_found` for a text that is not a UUID. */
function operationId(c: Context<AppEnv>): string {
  const id = parseUuid(c.req.param("id") ?? "");
  if (id === null) throw new ApiError("bulk_operation_not_found");
  return id;
}

function found<T>(operation: T | null): T {
  if (operation === null) throw new ApiError("bulk_operation_not_found");
  return operation;
}

/** `filter`: as it was sent. `replayed`: whether the same key has begun it before. Throws why it can't begin. */
async function beginBulk(
  c: Context<AppEnv>,
  environment: Environment,
  body: BulkRequestBody,
  filter: BulkOrder["filter"],
): Promise<{ readonly operation: BulkOperation; readonly replayed: boolean }> {
  const actor = actorOf(c);
  const runIds = body.runIds === undefined ? null : [...new Set(body.runIds)];
  const request = requestOf(body);
  const asked = ["bulk", request, filter, body.maxRuns ?? null, runIds];
  const changeKey = await changeKeyOf(actor, idempotencyKey(c), asked);
  const order: BulkOrder = {
    id: newUuidV7(Date.now()),
    request,
    filter,
    filters: body.filter === undefined ? null : runFiltersOf(body.filter),
    maxRuns: runIds?.length ?? body.maxRuns ?? 0,
    asker: actor,
    mustNamePerson: mustNamePerson(c),
    origin: new URL(c.req.url).origin,
  };
  const reserved = await ask(environment, ({ bulk }) => bulk.reserve(order, runIds, changeKey));
  if (!reserved.ok) {
    if (reserved.reason === "too_many_bulk_operations") throw new ApiError(reserved.reason);
    throw refusalError(reserved.reason);
  }
  const { id, operation } = reserved;
  if (operation !== null) return { operation, replayed: true };
  await writeAudit(c, { ...order, id }).catch(async (error: unknown) => {
    // Others may begin at once. If this fails, the reservation is lost after a minute.
    await ask(environment, ({ bulk }) => bulk.drop(id)).catch(() => {});
    throw error;
  });
  const begun = await ask(environment, ({ bulk }) => bulk.begin(id));
  if (begun === null) throw new ApiError("coordinator_unavailable", "The operation has lost its place. Try again.");
  return { operation: begun, replayed: false };
}

function requestOf({ operation, reason, graceSeconds, includeRetried }: BulkRequestBody): BulkRequest {
  return operation === "cancel"
    ? { operation, reason: reason ?? null, graceSeconds: graceSeconds ?? CANCEL_GRACE_DEFAULT_SECONDS }
    : { operation, includeRetried: includeRetried ?? false };
}

async function writeAudit(c: Context<AppEnv>, order: BulkOrder): Promise<void> {
  const { envName } = c.req.param() as { envName: string };
  const reason = order.request.operation === "cancel" ? order.request.reason : null;
  const what = { project: projectOf(c), envName, action: "bulk_started", target: order.id, reason } as const;
  // The operation's id is the entry's as well, so that a repetition writes the same row.
  const started = newAuditEntry(c, what, Date.now());
  const entry = { ...started, id: order.id, bulk: JSON.stringify(auditedOrder(order)) };
  const { DB } = c.env;
  // The sweep must know the coordinator, which may have no run yet.
  const registering = register(DB, scopeOf(c), entry.at);
  await writeAudited(c, () => DB.batch([auditStatement(DB, entry), registering]));
  logAudit(entry, c.get("requestId"));
}

function operationToWire({ order, status, abortReason, createdAt, ...rest }: BulkOperation) {
  const { id, request, filter, asker } = order;
  return {
    id,
    operation: request.operation,
    status,
    abortReason,
    filter,
    by: nameOf(asker),
    byId: asker.tokenId,
    counts: countsToWire({ abortReason, counts: rest.counts }),
    createdAt: rfc3339(createdAt),
    completedAt: rfc3339(rest.completedAt),
  };
}

/** What an audit entry says of the order. `runs`: how many were named; null with a filter. */
function auditedOrder({ request, filter, maxRuns }: BulkOrder) {
  const isNamed = filter === null;
  return { operation: request.operation, filter, runs: isNamed ? maxRuns : null, maxRuns: isNamed ? null : maxRuns };
}

export function auditedEnd({ order, status, abortReason, counts }: BulkOperation) {
  return { ...auditedOrder(order), status, abortReason, counts: countsToWire({ abortReason, counts }) };
}

function countsToWire({ abortReason, counts }: Pick<BulkOperation, "abortReason" | "counts">) {
  const { matched, accepted, skipped, failed } = counts;
  const shown = (runs: number) => (abortReason === "too_many_runs" ? { atLeast: runs } : runs);
  return { matched: shown(matched), accepted, skipped, failed, remaining: shown(remainingOf(counts)) };
}
