/** How the runs have ended that a bulk cancel has asked to stop: an accepted cancel can still end as succeeded. */

import { type BulkOperation, type EndedRuns, endsOf, sumOf } from "../../bulk.ts";
import { databaseOf } from "../../placement/database-of.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";
import { matchingIds } from "./matching.ts";

/** So far. Null while the operation is under way, and if D1 does not answer. */
export async function endedRunsOf(
  environment: RunEnvironment,
  { order, completedAt, ended }: BulkOperation,
): Promise<EndedRuns | null> {
  if (ended !== null || completedAt === null) return ended;
  const accepted = await ask(environment, (coordinator) => coordinator.bulk.acceptedRuns(order.id));
  if (accepted === null || accepted.asked.length === 0) return accepted?.ended ?? null;
  const runs = await databaseOf(environment)
    .then(({ db }) => matchingIds(environment, db, accepted.asked))
    .catch(() => null);
  return runs && sumOf(accepted.ended, endsOf(runs.map(({ status }) => status)));
}
