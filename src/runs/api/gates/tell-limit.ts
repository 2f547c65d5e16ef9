/**
 * Notifies the coordinator of a new limit when a PUT has stored it, so that a raised limit starts queued runs at once.
 * If it can't be reached, it hears of the limit with the next run of the action.
 */

import type { AfterActionWrite } from "../../../actions/kind.ts";
import { callCoordinator } from "../../coordinator-client.ts";

/** A new action has no runs, so there is nobody to notify. */
export const notifyLimit: AfterActionWrite = async (c, { scope, name }, { concurrency }, { version, isNew }) => {
  if (concurrency === undefined || isNew) return;
  const { group, limit } = concurrency;
  await callCoordinator(c.env, c.get("hops"), scope, (coordinator) =>
    coordinator.gates.setLimit(group, name, version, limit),
  ).catch(() => {});
};
