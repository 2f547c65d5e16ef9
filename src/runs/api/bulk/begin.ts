/**
 * Begins a bulk operation. First the coordinator reserves a place, then the audit entry is written, and only then the
 * operation begins. So no operation lacks its entry, and a refused one has none. If we die in between, the place is lost
 * after a minute. The entry can then tell of an operation that never began.
 */

import type { Context } from "hono";
import { lives } from "../../../auth/asker.ts";
import { type AuditEntry, auditStatement, logAudit, newAuditEntry } from "../../../auth/audit.ts";
import type { Principal } from "../../../auth/permissions.ts";
import { rowIdOf } from "../../../auth/store.ts";
import { askerGone } from "../../../auth/token-responses.ts";
import { GRACE_DEFAULT_SECONDS } from "../../../base/limits.ts";
import { mintUuidV7 } from "../../../base/uuid.ts";
import { readD1 } from "../../../database/read-d1.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { ApiError } from "../../../http/errors.ts";
import { idempotencyKey } from "../../../http/idempotency-key.ts";
import type { BulkOperation, BulkOrder, BulkRequest } from "../../bulk.ts";
import { BULK_COORDINATOR } from "../../bulk-calls.ts";
import { registerOne } from "../../d1/registration.ts";
import { actorOf } from "../caller.ts";
import { changeKeyOf } from "../change-key.ts";
import { mustNamePerson } from "../gates/require-person.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";
import { refusalError } from "../run-response.ts";
import type { BulkRequestBody } from "./request-schemas.ts";
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
    id: mintUuidV7(Date.now()),
    request,
    filter,
    maxRuns: runIds?.length ?? body.maxRuns ?? 0,
    asker: actor,
    mustNamePerson: mustNamePerson(c),
    origin: new URL(c.req.url).origin,
  };
  const reserved = await ask(environment, BULK_COORDINATOR, (coordinator) =>
    coordinator.reserveBulk(order, runIds, changeKey),
  );
  if (!reserved.ok) {
    if (reserved.reason === "too_many_bulk_operations") throw new ApiError(reserved.reason);
    throw refusalError(reserved.reason);
  }
  const { id, operation } = reserved;
  if (operation !== null) return { operation, replayed: true };
  await writeAudit(c, { ...order, id }).catch(async (error: unknown) => {
    // Others may begin at once. If this fails, the place is lost after a minute.
    await ask(environment, BULK_COORDINATOR, (coordinator) => coordinator.dropBulk(id)).catch(() => {});
    throw error;
  });
  const begun = await ask(environment, BULK_COORDINATOR, (coordinator) => coordinator.beginBulk(id));
  if (begun === null)
    throw new ApiError("coordinator_unavailable", "The operation has lost its place. Try again.");
  return { operation: begun, replayed: false };
}

function requestOf({ operation, reason, graceSeconds, includeRetried }: BulkRequestBody): BulkRequest {
  return operation === "cancel"
    ? { operation, reason: reason ?? null, graceSeconds: graceSeconds ?? GRACE_DEFAULT_SECONDS }
    : { operation, includeRetried: includeRetried ?? false };
}

/** Throws `database_unavailable`, or that the asker's token does not work any more. */
async function writeAudit(c: Context<AppEnv>, order: BulkOrder): Promise<void> {
  const { o, p, envName } = c.req.param() as Record<"o" | "p" | "envName", string>;
  const asker = c.get("principal");
  const what = { project: `${o}/${p}`, envName, action: "bulk_started", target: order.id } as const;
  // The operation's id is the entry's as well, so that a repetition writes the same row.
  const minted = newAuditEntry(asker, what, Date.now());
  const entry = { ...minted, id: order.id, bulk: JSON.stringify(auditedOrder(order)) };
  if (!(await readD1(c.get("hops"), () => insert(c.env.DB, asker, entry)))) throw askerGone(asker);
  logAudit(entry, c.get("requestId"));
}

/** False if the asker's token, secret or session does not work any more. */
async function insert(db: D1Database, asker: Principal, entry: AuditEntry): Promise<boolean> {
  const condition = lives({ asker: "?12", secret: "?13", session: "?10", now: "?4" });
  const { project, envName, id, at } = entry;
  const scope = `${project}/${envName}`;
  const isThere = db.prepare("SELECT 1 AS found FROM audit WHERE project = ? AND id = ?").bind(project, id);
  const results = await db.batch<{ found: number }>([
    auditStatement(db, entry, condition, rowIdOf(asker), asker.secretHash),
    // The sweep must know the coordinator, which may have no run yet.
    registerOne(db, { scope, n: BULK_COORDINATOR }, at),
    isThere,
  ]);
  return results.at(-1)?.results[0] !== undefined;
}
