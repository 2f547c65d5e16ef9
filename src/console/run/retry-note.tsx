/** Says why a run can't be retried, or who must start the job of its retry. */

import type { Retrying, starterOf } from "./permitted.ts";

interface RetryNoteProps {
  readonly retrying: Retrying;
  readonly starter: ReturnType<typeof starterOf>;
  /** Of the run's action. */
  readonly name: string;
}

export function RetryNote({ retrying, starter, name }: RetryNoteProps) {
  switch (retrying) {
    case "trigger_not_kept":
      return (
        <p class="hint">
          This run can't be retried here. Its trigger came with the request, and the service does not keep such a
          trigger. Store the trigger as an action, and start runs through the action.
        </p>
      );
    case "action_deleted":
      return (
        <p class="hint">
          This run can't be retried. Its action <bdi>{name}</bdi> is deleted. Store an action of that name again, and
          then retry the run.
        </p>
      );
    case "possible":
      return starter === "creator" ? (
        <p class="hint">
          No trigger starts the job of this run or of its retry. You must start the job if you retry the run.
        </p>
      ) : null;
    case "not_now":
      return null;
  }
}
