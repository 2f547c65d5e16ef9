/** What may be done with a run. PURE. A button that would be refused is not shown. */

import type { ActionDefinition, DetailedActionRun } from "../../client/index.ts";
import { isOpen } from "../ui/statuses.ts";

export type Retrying =
  /** The run is open, or its action is not read yet. */
  | "not_now"
  | "possible"
  /** Its trigger came with the create, and the service does not keep such triggers. */
  | "trigger_not_kept"
  /** A retry needs the stored action, and the action is deleted. */
  | "action_deleted";

/** The stored action that the run came from. Null: it is deleted. Undefined: it is not read yet. */
export type ActionNow = ActionDefinition | null | undefined;

export function retryingOf({ status, details }: DetailedActionRun, action: ActionNow): Retrying {
  if (isOpen(status) || details === undefined) return "not_now";
  if (details.source === "trigger") return "trigger_not_kept";
  if (details.source === "none") return "possible";
  return action === undefined ? "not_now" : action === null ? "action_deleted" : "possible";
}

/**
 * Who starts the job of the run, and of its retry: the service through a trigger, or the creator of the run. Null: nobody
 * knows.
 */
export function starterOf({ details }: DetailedActionRun, action: ActionNow): "service" | "creator" | null {
  switch (details?.source) {
    case "trigger":
      return "service";
    case "none":
      return "creator";
    case "action":
      return action == null ? null : action.trigger === undefined ? "creator" : "service";
    default:
      return null;
  }
}
