/** …/bulk-operations: cancels or retries many runs, by their ids or by a filter. */

import { type Context, Hono } from "hono";
import { requires } from "../../../auth/bearer.ts";
import { requireNewestSecret } from "../../../auth/newest-secret.ts";
import { may } from "../../../auth/permissions.ts";
import { BULK_RUNS_MAX } from "../../../base/limits.ts";
import { parseUuid } from "../../../base/uuid.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { encodeCursor, nextLink } from "../../../http/cursor.ts";
import { usableRing } from "../../../http/environment.ts";
import { ApiError } from "../../../http/errors.ts";
import { idempotencyKey } from "../../../http/idempotency-key.ts";
import { validBody, validQuery } from "../../../http/validate.ts";
import { baseUrl, environmentUrl } from "../../../settings/public-url.ts";
import type { BulkOrder, NumberedItem } from "../../bulk.ts";
import { ask, environmentOf, type RunEnvironment } from "../run-environment.ts";
import { beginBulk } from "./begin.ts";
import {
  type BulkRequestBody,
  bulkItemsQuery,
  bulkListQuery,
  bulkRequest,
  isEmptyFilter,
  runFiltersOf,
} from "./request-schemas.ts";
import { shownOperation } from "./shown-operation.ts";

export const bulkRoutes = new Hono<AppEnv>()
  .post("/", requires("data:write"), validBody(bulkRequest), async (c) => {
    const body = c.req.valid("json");
    // A dry run has no use for the key, but a malformed one is refused everywhere.
    const key = idempotencyKey(c);
    refuseFilter(c, body);
    usableRing(c);
    const environment = environmentOf(c);
    if (body.dryRun) {
      const preview = await previewOf(environment, body);
      if (preview === null) throw new ApiError("database_unavailable");
      return c.json(preview);
    }
    // As it was sent, because the operation shows it so.
    const { filter = null } = (await c.req.json()) as { filter?: BulkOrder["filter"] };
    const { operation, replayed } = await beginBulk(c, environment, body, filter);
    if (replayed && key !== null) c.header("Idempotent-Replayed", "true");
    const base = environmentUrl(c.env, c.req.url, environment.scope);
    c.header("Location", `${base}/bulk-operations/${operation.order.id}`);
    return c.json(shownOperation(operation), 202);
  })
  .get("/", requires("data:read"), validQuery(bulkListQuery), async (c) => {
    const { limit, cursor = null } = c.req.valid("query");
    const operations = await ask(environmentOf(c), (coordinator) => coordinator.bulk.operations(cursor, limit + 1));
    const page = operations.slice(0, limit);
    const last = page.at(-1)?.order.id;
    linkNext(c, operations.length > limit ? last : undefined);
    return c.json(page.map(shownOperation));
  })
  .get("/:id", requires("data:read"), async (c) => {
    const id = operationId(c);
    const operation = found(await ask(environmentOf(c), (coordinator) => coordinator.bulk.operation(id)));
    const isCancel = operation.order.request.operation === "cancel";
    return c.json({ ...shownOperation(operation), ...(isCancel && { ended: operation.ended }) });
  })
  .get("/:id/items", requires("data:read"), validQuery(bulkItemsQuery), async (c) => {
    const { limit, cursor = -1, outcome = null } = c.req.valid("query");
    const id = operationId(c);
    const items = found(
      await ask(environmentOf(c), (coordinator) => coordinator.bulk.items(id, outcome, cursor, limit + 1)),
    );
    const page = items.slice(0, limit);
    linkNext(c, items.length > limit ? page.at(-1)?.seq : undefined);
    return c.json(page.map(shownItem));
  })
  .post("/:id/cancel", requires("data:write"), async (c) => {
    const id = operationId(c);
    await requireNewestSecret(c);
    const { id: tokenId, name, sessionId = null } = c.get("principal");
    const operation = await ask(environmentOf(c), (coordinator) =>
      coordinator.bulk.abort(id, { id: tokenId, name, sessionId, person: c.get("person") }),
    );
    return c.json(shownOperation(found(operation)));
  });

/** Throws `empty_filter`, or `forbidden`. */
function refuseFilter(c: Context<AppEnv>, { filter, maxRuns = 0 }: BulkRequestBody): void {
  if (filter !== undefined && isEmptyFilter(filter)) {
    throw new ApiError("empty_filter", undefined, { pointer: "/filter" });
  }
  const { role } = c.get("principal");
  if (maxRuns > BULK_RUNS_MAX && !may(role, "actions:manage")) {
    const sentence = `More than ${BULK_RUNS_MAX} runs at once require actions:manage, which the role ${role} lacks. Send at most ${BULK_RUNS_MAX}.`;
    throw new ApiError("forbidden", sentence, { pointer: "/maxRuns" });
  }
}

function previewOf(environment: RunEnvironment, { operation, runIds, filter, maxRuns = 0 }: BulkRequestBody) {
  const target = filter === undefined ? { runIds: [...new Set(runIds)] } : { filters: runFiltersOf(filter), maxRuns };
  return ask(environment, (coordinator) => coordinator.bulk.preview(target, operation === "cancel"));
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

function linkNext(c: Context<AppEnv>, last: string | number | undefined): void {
  if (last === undefined) return;
  c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(last)));
}

function shownItem({ runId, outcome, code, newRunId }: NumberedItem) {
  return { runId, outcome, code, newRunId };
}
