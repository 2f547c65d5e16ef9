/** The statuses of a run. PURE. */

import type { ActionRun } from "../../client/index.ts";

export type Status = ActionRun["status"];

export const STATUSES: readonly Status[] = ["pending", "running", "succeeded", "failed", "cancelled"];

export function isOpen(status: Status): boolean {
  return status === "pending" || status === "running";
}
