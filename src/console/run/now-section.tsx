/** What an open run does now: what it waits for, its progress, its newest output, a cancel. Later: who cancelled it. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { withoutColours } from "../../base/visible-text.ts";
import type { RunTail, Schemas } from "../../client/index.ts";
import { TailLines, unendedLine } from "../../words/tail-lines.ts";
import { FailingNote, WaitingNote } from "../gates/waiting-note.tsx";
import { RunLink } from "../runs/run-link.tsx";
import { Section, StatusNote } from "../ui/parts.tsx";
import { Countdown, RelativeTime } from "../ui/time.tsx";
import { percent } from "./timeline.tsx";
import { newsOf } from "./use-run.ts";

interface NowSectionProps {
  readonly run: Schemas["DetailedActionRun"];
  readonly events: readonly Schemas["TimelineEvent"][];
}

export function NowSection({ run: { details }, events }: NowSectionProps) {
  const { heartbeat = null, cancel = null, waiting = null, delivery = null } = details ?? {};
  const news = newsOf(heartbeat, events);
  if (news === null && cancel === null && waiting === null && delivery === null) return null;
  return (
    <div class="stack gap-12">
      {waiting === null ? null : <WaitingNote waiting={waiting} />}
      {delivery === null ? null : <FailingNote failing={delivery} />}
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
          {news.progress === null ? null : <progress aria-label="Progress" value={news.progress} max={1} />}
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

/** Older lines go, because a job can print for days. */
const LINES_MAX = 2000;
/** A line can have 8 KiB, and the browser draws all lines again with each tail. */
const CHARACTERS_MAX = 256 * 1024;
/** Browsers round what is scrolled. */
const AT_END_PX = 8;

/** The newest lines, of which a page has room for this many. PURE. */
export function keptOf(lines: readonly string[]): readonly string[] {
  let left = CHARACTERS_MAX;
  const last = lines.findLastIndex((line) => {
    left -= line.length + 1;
    return left < 0;
  });
  return lines.slice(Math.max(last + 1, lines.length - LINES_MAX));
}

/**
 * The newest output of a running job. What came while the page is open stays, so that a person can read on. The box
 * follows the job until the person scrolls up, and again from its end on.
 */
export function LiveTail({ tail: { tail, at } }: { readonly tail: RunTail }) {
  const box = useRef<HTMLPreElement>(null);
  const [read] = useState(() => new TailLines());
  const [lines, setLines] = useState<readonly string[]>([]);
  const [isFollowing, setFollowing] = useState(true);
  const shown = withoutColours(tail);
  useLayoutEffect(() => {
    const news = read.next(shown);
    if (news.length > 0) setLines((before) => keptOf([...before, ...news]));
  }, [read, shown]);
  const text = [...lines, unendedLine(shown)].join("\n");
  useLayoutEffect(() => {
    if (isFollowing && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [isFollowing, text]);
  const aside = (
    <>
      <RelativeTime at={at} />, kept only while the job runs
    </>
  );
  return (
    <Section title="Newest output" aside={aside}>
      <pre
        class="live-tail card is-side"
        ref={box}
        // Read out, it would never end.
        role="log"
        aria-live="off"
        aria-label="Newest output"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) =>
          setFollowing(scrollHeight - scrollTop - clientHeight < AT_END_PX)
        }
      >
        {text}
      </pre>
    </Section>
  );
}
