/** What may be done with a run. PURE. A button that would be refused is not shown. */

import type { DetailedActionRun, TimelineEvent } from "../../client/index.ts";
import { isOpen } from "../ui/statuses.ts";
import { wasDispatched } from "./timeline-items.ts";

export type Retrying =
  /** It is open, or nobody knows yet whether it can be retried. */
  | "not_now"
  | "possible"
  /** Its trigger came with the create, and the service does not keep such triggers. */
  | "trigger_not_kept";

/** `isComplete`: whether these are all events up to now. */
export function retryingOf(
  { status, details }: DetailedActionRun,
  events: readonly TimelineEvent[],
  isComplete: boolean,
): Retrying {
  if (isOpen(status)) return "not_now";
  if (details?.action != null) return "possible";
  if (wasDispatched(events)) return "trigger_not_kept";
  return isComplete ? "possible" : "not_now";
}
