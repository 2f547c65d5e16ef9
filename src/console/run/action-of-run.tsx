/**
 * The stored action that a run came from, as it is now. It is read only for somebody who may retry the run. The first
 * read comes when the page opens, so that the page can offer a retry as soon as the run ends. The second comes at the
 * end.
 */
import type { Schemas } from "../../client/index.ts";
import { isOpen } from "../../words/statuses.ts";
import { useAction } from "../actions/use-action.ts";
import { useSession } from "../session/session.tsx";
import { type Failure, useOnChange } from "../ui/load.tsx";

type DetailedActionRun = Schemas["DetailedActionRun"];

export interface ActionOfRun {
  readonly action: ActionNow;
  readonly failure: Failure | null;
  readonly reload: () => void;
}

export function useActionOfRun({ status, details }: DetailedActionRun): ActionOfRun {
  const { may } = useSession();
  const { data, failure, reload } = useAction(may("data:write") ? details?.action?.name : undefined);
  useOnChange(isOpen(status), (wasOpen) => wasOpen && reload());
  return { action: data === null ? null : data?.definition, failure, reload };
}

type Retrying =
  /** The run is open or erased, its action is not read yet, or the service is about to retry it by itself. */
  | "not_now"
  | "possible"
  /** Its trigger came with the create, and the service does not keep such triggers. */
  | "trigger_not_kept"
  /** A retry needs the stored action, and the action is deleted. */
  | "action_deleted";

/** The stored action that the run came from. Null: it is deleted. Undefined: it is not read yet. */
type ActionNow = Schemas["ActionDefinition"] | null | undefined;

/** `isPlanned`: the service retries it by itself, and that retry has not begun. */
export function retryingOf({ status, details }: DetailedActionRun, action: ActionNow, isPlanned = false): Retrying {
  if (isPlanned || isOpen(status) || details === undefined || details.erasedAt !== undefined) return "not_now";
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
