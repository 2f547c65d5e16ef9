/** Whether a run can be retried, who then starts its job, and the automatic retry that follows it. */
import type { Schemas } from "../../client/index.ts";
import { isOpen } from "../../words/statuses.ts";
import { useAction } from "../actions/use-action.ts";
import { RunLink } from "../runs/run-link.tsx";
import { useSession } from "../session/session.tsx";
import { useOnChange, useRead } from "../ui/load.tsx";
import { StatusMark, StatusNote } from "../ui/parts.tsx";
import { Countdown, WhenText } from "../ui/time.tsx";

type DetailedActionRun = Schemas["DetailedActionRun"];

/** The stored action that the run came from, as it is now. Null: it is deleted. Undefined: it is not read yet. */
type ActionNow = Schemas["ActionDefinition"] | null | undefined;

export type ActionOfRun = ReturnType<typeof useActionOfRun>;

/**
 * Reads the action only for somebody who may retry the run. The first read comes when the page opens, so that the page
 * can offer a retry as soon as the run ends. The second comes at the end.
 */
export function useActionOfRun({ status, details }: DetailedActionRun) {
  const { may } = useSession();
  const { data, failure, reload } = useAction(may("data:write") ? details?.action?.name : undefined);
  useOnChange(isOpen(status), (wasOpen) => wasOpen && reload());
  const action: ActionNow = data === null ? null : data?.definition;
  return { action, failure, reload };
}

type Retrying =
  /** The run is open or erased, its action is not read yet, or the service is about to retry it by itself. */
  | "not_now"
  | "possible"
  /** Its trigger came with the create, and the service does not keep such triggers. */
  | "trigger_not_kept"
  /** A retry needs the stored action, and the action is deleted. */
  | "action_deleted";

/** `isPlanned`: the service retries it by itself, and that retry has not begun. */
export function retryingOf({ status, details }: DetailedActionRun, action: ActionNow, isPlanned = false): Retrying {
  if (isPlanned || isOpen(status) || details === undefined || details.erasedAt !== undefined) return "not_now";
  if (details.source === "trigger") return "trigger_not_kept";
  if (details.source === "none") return "possible";
  return action === undefined ? "not_now" : action === null ? "action_deleted" : "possible";
}

type Starter = "service" | "creator" | null;

/** Who starts the job of the run and of its retry: the service through a trigger, or the creator. Null: nobody knows. */
export function starterOf({ details }: DetailedActionRun, action: ActionNow): Starter {
  if (details?.source === "trigger") return "service";
  if (details?.source === "none") return "creator";
  return action == null ? null : action.trigger === undefined ? "creator" : "service";
}

interface RetryNoteProps {
  readonly retrying: Retrying;
  readonly starter: Starter;
  /** Of the run's action. */
  readonly name: string;
}

export function RetryNote({ retrying, starter, name }: RetryNoteProps) {
  if (retrying === "not_now" || (retrying === "possible" && starter !== "creator")) return null;
  return (
    <p class="hint">
      {retrying === "possible" &&
        "No trigger starts the job of this run or of its retry. You must start the job if you retry the run."}
      {retrying === "trigger_not_kept" &&
        "This run can't be retried here. Its trigger came with the request, and the service does not keep such a trigger. Store the trigger as an action, and start runs through the action."}
      {retrying === "action_deleted" && (
        <>
          This run can't be retried. Its action <bdi>{name}</bdi> is deleted. Store an action of that name again, and
          then retry the run.
        </>
      )}
    </p>
  );
}

const POLL_MS = 5000;

function isWaiting(run: DetailedActionRun | undefined): boolean {
  return run?.status === "pending" && run.details?.waiting != null;
}

/** A retry that waits can start, end or be replaced at any time. */
function paceOf(run: DetailedActionRun | undefined): number | undefined {
  return isWaiting(run) ? POLL_MS : undefined;
}

/**
 * `run`: the run that retries this one; undefined if there is none, or if it is not read yet. `isPlanned`: it will come, or
 * waits. Until it begins, the service refuses any other retry. `reload` reads this run again: if its retry never begins,
 * this run then says why.
 */
export function useAutomaticRetry({ details }: DetailedActionRun, reload: () => void) {
  const { reader } = useSession();
  const { runId = null, dropped = null } = details?.retry ?? {};
  const isComing = details?.retry != null && dropped === null;
  const { data: run, failure } = useRead(
    async (signal) => (runId === null ? undefined : reader.runs.get(runId, { include: "details", signal })),
    [reader, runId],
    { everyMs: paceOf },
  );
  useOnChange(isWaiting(run), (wasWaiting) => wasWaiting && reload());
  return { run, isPlanned: isComing && (run === undefined ? failure === null : isWaiting(run)) };
}

interface AutomaticRetryNoteProps extends ReturnType<typeof useAutomaticRetry> {
  readonly next: NonNullable<NonNullable<DetailedActionRun["details"]>["retry"]>;
}

/** When the automatic retry comes, which run it is, or why there is none after all. `run`: the retry. */
export function AutomaticRetryNote({ next: { at, attempt, runId, dropped }, run, isPlanned }: AutomaticRetryNoteProps) {
  const { may } = useSession();
  if (dropped !== null) {
    return (
      <StatusNote status="cancelled">
        <p>
          Automatic retry {attempt} does not start. <bdi>{dropped}</bdi>
          {runId === null ? null : (
            <>
              {" "}
              Its run: <RunLink id={runId} />
            </>
          )}
        </p>
      </StatusNote>
    );
  }
  return (
    <StatusNote status="pending">
      <p>
        Automatic retry {attempt}
        {isPlanned ? (
          <>
            {" starts "}
            <WhenText at={at} />, <Countdown until={at} />
          </>
        ) : null}
        {runId === null ? null : (
          <>
            : <RunLink id={runId} /> {run === undefined ? null : <StatusMark status={run.status} />}
          </>
        )}
      </p>
      {isPlanned && may("data:write") ? (
        <p class="muted">
          Until it starts, nobody else can retry this run. Open the run that waits to start it now or to cancel it.
        </p>
      ) : null}
    </StatusNote>
  );
}
