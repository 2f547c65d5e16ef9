/** What a bulk operation does to one run: what a single cancel or retry of it would do. */

import { logFailure } from "../../../base/log.ts";
import { ERRORS, toApiError } from "../../../http/errors.ts";
import type { KeyRing } from "../../../settings/key-ring.ts";
import { environmentUrl } from "../../../settings/public-url.ts";
import { type BulkItem, type BulkOrder, bulkKey } from "../../bulk.ts";
import { cancelRun } from "../cancel.ts";
import type { Creation } from "../create/create.ts";
import { retryRun } from "../create/retry.ts";
import type { RunEnvironment } from "../run-environment.ts";
import { refusalError } from "../run-response.ts";

/** Where and for whom the runs are changed. */
export interface Deciding {
  readonly environment: RunEnvironment;
  readonly ring: KeyRing;
  readonly order: BulkOrder;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

type Result = Pick<BulkItem, "newRunId" | "endedAs">;
type EndedStatus = NonNullable<BulkItem["endedAs"]>;

const NO_RESULT: Result = { newRunId: null, endedAs: null };

/** Null: nobody knows whether the run was changed, so it must be tried again. Never throws. */
export async function decideRun(deciding: Deciding, runId: string): Promise<BulkItem | null> {
  try {
    return { runId, outcome: "accepted", code: null, ...(await change(deciding, runId)) };
  } catch (thrown) {
    const error = toApiError(thrown);
    const { code } = error;
    if (ERRORS[code][0] < 500) return { runId, outcome: "skipped", code, ...NO_RESULT };
    // Another try would find no more room.
    if (code === "storage_full") return { runId, outcome: "failed", code, ...NO_RESULT };
    logFailure("bulk_run_undecided", error.cause ?? error, {
      operation: deciding.order.id,
      run: runId,
      code,
    });
    return null;
  }
}

/** Throws why the run is not changed. */
async function change({ environment, ring, order, waitUntil }: Deciding, runId: string): Promise<Result> {
  const { id, request, asker: actor, mustNamePerson } = order;
  const changeKey = { key: bulkKey(id, runId), fingerprint: "" };
  if (request.operation === "cancel") {
    const { reason, graceSeconds } = request;
    const cancelled = await cancelRun(
      environment,
      runId,
      { actor, mustNamePerson, reason, graceSeconds },
      changeKey,
    );
    if (!cancelled.ok) throw refusalError(cancelled.reason);
    const endedAs = cancelled.isOver ? (cancelled.status as EndedStatus) : null;
    return { newRunId: null, endedAs };
  }
  const creation: Creation = {
    ...environment,
    ...{ ring, actor, mustNamePerson, waitUntil },
    origin: order.origin,
    runsUrl: `${environmentUrl(environment.env, order.origin, environment.scope)}/action-runs`,
    key: changeKey.key,
    traceparent: null,
    // The operation has asked D1 about its token before this page.
    requireMayLeave: () => Promise.resolve(),
  };
  const { answer } = await retryRun(creation, changeKey, runId, {}, { isFirst: !request.includeRetried });
  return { newRunId: answer.id, endedAs: null };
}
