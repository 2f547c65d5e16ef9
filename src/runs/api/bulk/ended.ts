/** How the runs have ended that a bulk cancel has asked to stop: an accepted cancel can still end as succeeded. */

import type { BulkOperation } from "../../bulk.ts";
import { BULK_COORDINATOR } from "../../bulk-calls.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";
import { isSettled, matchingIds } from "./matching.ts";
import type { EndedRuns } from "./shown-operation.ts";

/**
 * Null if D1 can't say. When all have ended, the operation keeps the answer, so that nobody looks at its runs again.
 */
export async function endedRunsOf(
  environment: RunEnvironment,
  { order, counts, completedAt, ended }: BulkOperation,
): Promise<EndedRuns | null> {
  if (ended !== null) return JSON.parse(ended) as EndedRuns;
  const { id } = order;
  // While the operation is under way, the next response will say more anyway.
  if (completedAt !== null) await isSettled(environment);
  const runIds = await ask(environment, BULK_COORDINATOR, (coordinator) => coordinator.acceptedRuns(id));
  const runs = await matchingIds(environment, runIds ?? []).catch(() => null);
  if (runs === null) return null;
  const of = (status: keyof EndedRuns) => runs.filter((run) => run.status === status).length;
  const shown = { succeeded: of("succeeded"), failed: of("failed"), cancelled: of("cancelled") };
  const all = shown.succeeded + shown.failed + shown.cancelled;
  if (completedAt !== null && all === counts.accepted) {
    await ask(environment, BULK_COORDINATOR, (coordinator) =>
      coordinator.noteBulkEnded(id, JSON.stringify(shown)),
    );
  }
  return shown;
}
