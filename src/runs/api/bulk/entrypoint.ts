/**
 * What a coordinator asks the Worker about bulk operations: whether the asker's token still works, and to retry a batch
 * of runs. Each call is a Worker invocation of its own.
 */

import { WorkerEntrypoint } from "cloudflare:workers";
import { auditStatement, derivedAuditId, logAudit, SERVICE } from "../../../auth/audit.ts";
import { type TokenState, tokenState } from "../../../auth/token-state.ts";
import { logFailure } from "../../../base/log.ts";
import { within } from "../../../base/time.ts";
import type { Env } from "../../../settings/env.ts";
import { type KeyRing, keyRing } from "../../../settings/key-ring.ts";
import type { BulkItem, BulkOperation, BulkOrder } from "../../bulk.ts";
import type { BulkRunner, Stopper } from "../../bulk-calls.ts";
import type { RunEnvironment } from "../run-environment.ts";
import { retryOne } from "./retry-one.ts";
import { auditedEnd } from "./shown-operation.ts";

/** How many runs are retried at the same time: as many calls as an invocation may have open. */
const AT_ONCE = 6;
/** A run that takes longer is undecided. If each run of a batch hangs, the batch is still answered within its lease. */
const RUN_MAX_MS = 8000;
const READ_MAX_MS = 5000;

export class BulkOperations extends WorkerEntrypoint<Env> implements BulkRunner {
  async judge(scope: string, { asker, request }: BulkOrder): Promise<TokenState> {
    const [o, p] = scope.split("/");
    // Without keys, no retry counts as tried.
    if (request.operation === "retry") this.#ring();
    return within(READ_MAX_MS, tokenState(this.env.DB, `${o}/${p}`, asker.tokenId, Date.now()));
  }

  async retry(scope: string, order: BulkOrder, runIds: readonly string[]): Promise<readonly (BulkItem | null)[]> {
    const ring = this.#ring();
    const waitUntil = (work: Promise<unknown>) => this.ctx.waitUntil(work);
    const hops = { d1: 0, coordinator: 0 };
    const environment: RunEnvironment = { env: this.env, hops, scope, ring, waitUntil };
    const items: (BulkItem | null)[] = [];
    const waiting = runIds.entries();
    const retryNext = async () => {
      for (const [i, runId] of waiting) {
        const retrying = retryOne({ environment, ring, order, waitUntil }, runId);
        items[i] = await within(RUN_MAX_MS, retrying).catch((error: unknown) => {
          logFailure("bulk_run_undecided", error, { operation: order.id, run: runId });
          return null;
        });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, retryNext));
    return items;
  }

  async conclude(scope: string, operation: BulkOperation, by: Stopper | null): Promise<void> {
    const [o, p, envName = ""] = scope.split("/");
    const at = operation.completedAt ?? Date.now();
    const { id: actor, name: actorName } = by ?? SERVICE;
    const { id: target } = operation.order;
    const entry = {
      id: await derivedAuditId(at, ["bulk_ended", target]),
      project: `${o}/${p}`,
      envName,
      at,
      actor,
      actorName,
      sessionId: by?.sessionId ?? null,
      person: by?.person ?? null,
      reason: null,
      asker: null,
      action: "bulk_ended" as const,
      target,
      targetName: target,
      bulk: JSON.stringify(auditedEnd(operation)),
    };
    await auditStatement(this.env.DB, entry).run();
    logAudit(entry, undefined);
  }

  /** Throws if the signing keys can't be used. Then no run can be created. */
  #ring(): KeyRing {
    const ring = keyRing(this.env.CALLBACK_SIGNING_KEYS);
    if (!ring.ok) throw new Error("CALLBACK_SIGNING_KEYS can't be used");
    return ring.value;
  }
}
