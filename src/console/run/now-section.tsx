/** What an open run does now: what it waits for, the progress of its job, and a cancel. After its end: who cancelled it. */
import type { ComponentChildren } from "preact";
import type { Schemas } from "../../client/index.ts";
import { FailingNote, RunLink, WaitingNote } from "../gates/waiting-note.tsx";
import { StatusNote } from "../ui/parts.tsx";
import { Countdown, RelativeTime } from "../ui/time.tsx";
import { percent } from "./timeline.tsx";
import { newsOf } from "./timeline-items.ts";

interface NowSectionProps {
  readonly run: Schemas["DetailedActionRun"];
  readonly events: readonly Schemas["TimelineEvent"][];
}

export function NowSection({ run, events }: NowSectionProps) {
  const news = newsOf(run.details?.heartbeat ?? null, events);
  const cancel = run.details?.cancel ?? null;
  const waiting = run.details?.waiting ?? null;
  const failing = run.details?.delivery ?? null;
  if (news === null && cancel === null && waiting === null && failing === null) return null;
  return (
    <div class="stack gap-12">
      {waiting === null ? null : <WaitingNote waiting={waiting} />}
      {failing === null ? null : <FailingNote failing={failing} />}
      {news === null ? null : (
        // Without a message and a progress there is nothing to put into a card.
        <div class={news.message === null && news.progress === null ? undefined : "progress card"}>
          <p class="row">
            {news.progress === null ? null : <strong class="number">{percent(news.progress)}</strong>}
            {news.message === null ? null : <bdi>{news.message}</bdi>}
            <span class="to-end muted">
              Last heartbeat <RelativeTime at={news.at} />
            </span>
          </p>
          {news.progress === null ? null : (
            <progress aria-label="Progress" value={news.progress} max={1}>
              {percent(news.progress)}
            </progress>
          )}
        </div>
      )}
      {cancel === null ? null : (
        <Callout what="Asked to stop" by={cancel.by} reason={cancel.reason}>
          {" "}
          The run ends <Countdown until={cancel.until} /> at the latest.
        </Callout>
      )}
    </div>
  );
}

/** Who cancelled a run, and why. */
export function Cancelled({ run, events }: NowSectionProps) {
  const end = events.findLast((event) => event.type === "ended");
  const cancel = run.details?.cancel ?? null;
  const by = end?.by ?? cancel?.by ?? null;
  const reason = end?.reason ?? cancel?.reason ?? null;
  if (by === null && reason === null) return null;
  if (end?.replacedBy !== undefined) {
    return (
      <Callout what="Replaced" by={by} reason={null}>
        {" "}
        The newer run is <RunLink id={end.replacedBy} />.
      </Callout>
    );
  }
  return <Callout what={end?.cause === "rejected" ? "Rejected" : "Cancelled"} by={by} reason={reason} />;
}

interface CalloutProps {
  readonly what: string;
  readonly by: string | null;
  readonly reason: string | null;
  readonly children?: ComponentChildren;
}

function Callout({ what, by, reason, children }: CalloutProps) {
  return (
    <StatusNote status="cancelled">
      <p>
        {what}
        {by === null ? null : (
          <>
            {" by "}
            <bdi>{by}</bdi>
          </>
        )}
        .{children}
      </p>
      {reason === null ? null : (
        <p class="muted">
          <bdi>{reason}</bdi>
        </p>
      )}
    </StatusNote>
  );
}
