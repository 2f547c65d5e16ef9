/** The automatic retry that follows a run: when it comes, which run it is, or why there is none after all. */
import type { Schemas } from "../../client/index.ts";
import { RunLink } from "../gates/waiting-note.tsx";
import { useSession } from "../session/session.tsx";
import { useOnChange, useRead } from "../ui/load.tsx";
import { StatusMark, StatusNote } from "../ui/parts.tsx";
import { Countdown, WhenText } from "../ui/time.tsx";

type DetailedActionRun = Schemas["DetailedActionRun"];

export interface AutomaticRetry {
  /** The run that retries this one; undefined if there is none, or if it is not read yet. */
  readonly run: DetailedActionRun | undefined;
  /** It will come, or waits. Until it begins, the service refuses any other retry. */
  readonly isPlanned: boolean;
}

const POLL_MS = 5000;

/** A retry that waits can start, end or be replaced at any time. */
function paceOf(run: DetailedActionRun | null): number | undefined {
  return run !== null && isWaiting(run) ? POLL_MS : undefined;
}

function isWaiting({ status, details }: DetailedActionRun): boolean {
  return status === "pending" && details?.waiting != null;
}

/** `reload` reads the run again: if its retry never begins, the run then says why. */
export function useAutomaticRetry({ details }: DetailedActionRun, reload: () => void): AutomaticRetry {
  const { reader } = useSession();
  const { runId = null, dropped = null } = details?.retry ?? {};
  const isComing = details?.retry != null && dropped === null;
  const { data, failure } = useRead(
    async (signal) => (runId === null ? null : reader.runs.get(runId, { include: "details", signal })),
    [reader, runId],
    { everyMs: paceOf },
  );
  const run = data ?? undefined;
  const isWaitingNow = run !== undefined && isWaiting(run);
  useOnChange(isWaitingNow, (wasWaiting) => wasWaiting && reload());
  return { run, isPlanned: isComing && (run === undefined ? failure === null : isWaitingNow) };
}

interface AutomaticRetryNoteProps {
  readonly run: DetailedActionRun;
  readonly retry: AutomaticRetry;
}

export function AutomaticRetryNote({ run: { details }, retry: { run, isPlanned } }: AutomaticRetryNoteProps) {
  const { may } = useSession();
  const next = details?.retry ?? null;
  if (next === null) return null;
  const { at, attempt, runId, dropped } = next;
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
