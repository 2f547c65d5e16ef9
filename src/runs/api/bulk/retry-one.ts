/** What a bulk retry does to one run: what a single retry of it would do. */

import { logFailure } from "../../../base/log.ts";
import { ERRORS, toApiError } from "../../../http/errors.ts";
import type { KeyRing } from "../../../settings/key-ring.ts";
import { environmentUrl } from "../../../settings/public-url.ts";
import { type BulkItem, type BulkOrder, bulkKey } from "../../bulk.ts";
import type { Creation } from "../create/create.ts";
import { retryRun } from "../create/retry.ts";
import type { RunEnvironment } from "../run-environment.ts";

/** Where and for whom the runs are retried. */
export interface Retrying {
  readonly environment: RunEnvironment;
  readonly ring: KeyRing;
  readonly order: BulkOrder;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

const NO_RESULT = { code: null, newRunId: null } as const;

/** Null: nobody knows whether the run was retried, so it must be tried again. Never throws. */
export async function retryOne(retrying: Retrying, runId: string): Promise<BulkItem | null> {
  try {
    return { runId, ...NO_RESULT, outcome: "accepted", newRunId: await newRunOf(retrying, runId) };
  } catch (thrown) {
    const error = toApiError(thrown);
    const { code } = error;
    if (ERRORS[code][0] < 500) return { runId, ...NO_RESULT, outcome: "skipped", code };
    // Another try would find no more room.
    if (code === "storage_full") return { runId, ...NO_RESULT, outcome: "failed", code };
    const cause = error.cause ?? error;
    logFailure("bulk_run_undecided", cause, { operation: retrying.order.id, run: runId, code });
    return null;
  }
}

/** Throws why there is no new run. */
async function newRunOf({ environment, ring, order, waitUntil }: Retrying, runId: string): Promise<string> {
  const { id, request, asker: actor, mustNamePerson, origin } = order;
  const changeKey = { key: bulkKey(id, runId), fingerprint: "" };
  const creation: Creation = {
    ...environment,
    ring,
    actor,
    mustNamePerson,
    origin,
    waitUntil,
    runsUrl: `${environmentUrl(environment.env, origin, environment.scope)}/action-runs`,
    key: changeKey.key,
    traceparent: null,
    // The operation has asked D1 about its token before this batch.
    requireMayLeave: () => Promise.resolve(),
  };
  const isFirst = request.operation === "retry" && !request.includeRetried;
  const { answer } = await retryRun(creation, changeKey, runId, {}, { isFirst });
  return answer.id;
}
