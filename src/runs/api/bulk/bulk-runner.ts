/**
 * What a coordinator asks the Worker about bulk operations: whether the asker's token still works, and to retry a batch
 * of runs. Each call is a Worker invocation of its own.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import { auditStatement, derivedAuditId, logAudit, SERVICE } from "../../../auth/audit.ts";
import { type TokenState, tokenState } from "../../../auth/token-state.ts";
import { logFailure } from "../../../base/log.ts";
import { within } from "../../../base/time.ts";
import { toApiError } from "../../../http/errors.ts";
import type { Env } from "../../../settings/env.ts";
import type { BulkItem, BulkOperation, BulkOrder, BulkRunner, Stopper } from "../../bulk.ts";
import { bulkKey } from "../../starts.ts";
import { retryRun } from "../create-run.ts";
import { type StartEnvironment, startEach, startEnvironment, starterOf } from "../starts/starter.ts";
import { auditedEnd } from "./bulk-routes.ts";

const READ_MAX_MS = 5000;

export class BulkOperations extends WorkerEntrypoint<Env> implements BulkRunner {
  async judge(scope: string, { asker, request }: BulkOrder): Promise<TokenState> {
    const [o, p] = scope.split("/");
    // Without keys, no retry counts as tried.
    if (request.operation === "retry") this.#environment(scope);
    return within(READ_MAX_MS, tokenState(this.env.DB, `${o}/${p}`, asker.tokenId, Date.now()));
  }

  async retry(scope: string, order: BulkOrder, runIds: readonly string[]): Promise<readonly (BulkItem | null)[]> {
    const environment = this.#environment(scope);
    return startEach(
      runIds,
      (runId) => retryOne(environment, order, runId),
      (error, runId) => logFailure("bulk_run_undecided", error, { operation: order.id, run: runId }),
    );
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
      proven: by?.proven ?? null,
      agent: null,
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

  #environment(scope: string): StartEnvironment {
    return startEnvironment(this.env, scope, (work) => this.ctx.waitUntil(work));
  }
}

const NO_RESULT = { code: null, newRunId: null } as const;

/**
 * What a single retry of the run would do. Null: nobody knows whether the run was retried, so it must be tried again.
 * Never throws.
 */
async function retryOne(environment: StartEnvironment, order: BulkOrder, runId: string): Promise<BulkItem | null> {
  try {
    return { runId, ...NO_RESULT, outcome: "accepted", newRunId: await newRunOf(environment, order, runId) };
  } catch (thrown) {
    const error = toApiError(thrown);
    const { code, status } = error;
    if (status < 500) return { runId, ...NO_RESULT, outcome: "skipped", code };
    // Another try would find no more room.
    if (code === "storage_full") return { runId, ...NO_RESULT, outcome: "failed", code };
    const cause = error.cause ?? error;
    logFailure("bulk_run_undecided", cause, { operation: order.id, run: runId, code });
    return null;
  }
}

/** Throws why there is no new run. */
async function newRunOf(environment: StartEnvironment, order: BulkOrder, runId: string): Promise<string> {
  const { id, request, asker: actor, mustNamePerson, origin } = order;
  const changeKey = { key: bulkKey(id, runId), fingerprint: "" };
  const creation = starterOf(environment, { actor, mustNamePerson, origin, key: changeKey.key });
  const isFirst = request.operation === "retry" && !request.includeRetried;
  const { answer } = await retryRun(creation, changeKey, runId, {}, { isFirst });
  return answer.id;
}
