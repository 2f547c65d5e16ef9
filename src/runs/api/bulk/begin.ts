/**
 * Begins a bulk operation. First the coordinator makes a reservation, then the audit entry is written, and only then
 * the operation begins. So no operation lacks its entry, and a refused one has none. If we die in between, the
 * reservation is lost after a minute. The entry can then tell of an operation that never began.
 */

import type { Context } from "hono";
import { auditStatement, logAudit, newAuditEntry } from "../../../auth/audit.ts";
import { writeAudited } from "../../../auth/newest-secret.ts";
import { CANCEL_GRACE_DEFAULT_SECONDS } from "../../../base/limits.ts";
import { newUuidV7 } from "../../../base/uuid.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { ApiError } from "../../../http/errors.ts";
import { idempotencyKey } from "../../../http/idempotency-key.ts";
import type { BulkOperation, BulkOrder, BulkRequest } from "../../bulk.ts";
import { register } from "../../d1/registration.ts";
import { actorOf } from "../caller.ts";
import { changeKeyOf } from "../change-key.ts";
import { mustNamePerson } from "../gates/require-person.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";
import { refusalError } from "../run-response.ts";
import { type BulkRequestBody, runFiltersOf } from "./request-schemas.ts";
import { auditedOrder } from "./shown-operation.ts";

export interface Begun {
  readonly operation: BulkOperation;
  /** Whether the same key has begun it before. */
  readonly replayed: boolean;
}

/** `filter`: as it was sent. Throws why it can't begin. */
export async function beginBulk(
  c: Context<AppEnv>,
  environment: RunEnvironment,
  body: BulkRequestBody,
  filter: BulkOrder["filter"],
): Promise<Begun> {
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
  const reserved = await ask(environment, (coordinator) => coordinator.bulk.reserve(order, runIds, changeKey));
  if (!reserved.ok) {
    if (reserved.reason === "too_many_bulk_operations") throw new ApiError(reserved.reason);
    throw refusalError(reserved.reason);
  }
  const { id, operation } = reserved;
  if (operation !== null) return { operation, replayed: true };
  await writeAudit(c, { ...order, id }).catch(async (error: unknown) => {
    // Others may begin at once. If this fails, the reservation is lost after a minute.
    await ask(environment, (coordinator) => coordinator.bulk.drop(id)).catch(() => {});
    throw error;
  });
  const begun = await ask(environment, (coordinator) => coordinator.bulk.begin(id));
  if (begun === null) throw new ApiError("coordinator_unavailable", "The operation has lost its place. Try again.");
  return { operation: begun, replayed: false };
}

function requestOf({ operation, reason, graceSeconds, includeRetried }: BulkRequestBody): BulkRequest {
  return operation === "cancel"
    ? { operation, reason: reason ?? null, graceSeconds: graceSeconds ?? CANCEL_GRACE_DEFAULT_SECONDS }
    : { operation, includeRetried: includeRetried ?? false };
}

/** Throws what `writeAudited` throws. */
async function writeAudit(c: Context<AppEnv>, order: BulkOrder): Promise<void> {
  const { o, p, envName } = c.req.param() as Record<"o" | "p" | "envName", string>;
  const { request } = order;
  const reason = request.operation === "cancel" ? request.reason : null;
  const what = { project: `${o}/${p}`, envName, action: "bulk_started", target: order.id, reason } as const;
  // The operation's id is the entry's as well, so that a repetition writes the same row.
  const started = newAuditEntry(c, what, Date.now());
  const entry = { ...started, id: order.id, bulk: JSON.stringify(auditedOrder(order)) };
  const { DB } = c.env;
  const scope = `${entry.project}/${envName}`;
  // The sweep must know the coordinator, which may have no run yet.
  const registering = register(DB, scope, entry.at);
  await writeAudited(c, () => DB.batch([auditStatement(DB, entry), registering]));
  logAudit(entry, c.get("requestId"));
}
