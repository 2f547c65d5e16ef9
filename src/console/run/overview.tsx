/** What the page of a run shows first: its stages, what it does now, who cancelled it, and its short facts. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { withoutColours } from "../../base/visible-text.ts";
import type { RunTail } from "../../client/index.ts";
import { ranOf, type Span, tookOf, waitedOf } from "../../words/durations.ts";
import { isOpen } from "../../words/statuses.ts";
import { TailLines, unendedLine } from "../../words/tail-lines.ts";
import { FailingNote, WaitingNote } from "../gates/waiting-note.tsx";
import { hrefOf, Link } from "../router.tsx";
import { RunLink } from "../runs/run-link.tsx";
import { useSession } from "../session/session.tsx";
import { CopyButton, ExternalLink, Fact, Said, Section, StatusNote, Who } from "../ui/parts.tsx";
import { ClockTime, Countdown, Duration, RelativeTime, useNow } from "../ui/time.tsx";
import { percent } from "./timeline.tsx";
import { newsOf, type RunAndEvents } from "./use-run.ts";

/** When the run was created, started and ended, and how long it waited, ran and took. The clock of an open stage ticks. */
export function LifecycleBar({ run, events }: RunAndEvents) {
  const now = useNow(isOpen(run.status) ? 1000 : null);
  const { stages, last } = lifecycleOf(run, events, now);
  // In hundredths: a grid whose fractions add up to less than 1 leaves room unused.
  const columns = stages.map(({ share }) => `minmax(max-content, ${(share * 100).toFixed(1)}fr)`);
  return (
    <ol
      class={`stack gap-0 is-${run.status}`}
      aria-label="Lifecycle"
      style={{ gridTemplateColumns: [...columns, "max-content"].join(" ") }}
    >
      {stages.map(({ name, from, to }) => (
        <li key={from.name} class={`stage is-${name.toLowerCase()}`}>
          {/* What comes next has no length. */}
          <span class="cut">
            {from.at === null || name === "Next" ? null : <Length of={name} from={from.at} to={to} />}
          </span>
          <span class="stage-line" />
          <MilestoneMark {...from} />
        </li>
      ))}
      <li class="stage is-last">
        {/* A single stage says it already. */}
        <span class="cut">{stages.length < 2 || last.at === null ? null : <Length of="Took" {...tookOf(run)} />}</span>
        <MilestoneMark {...last} />
      </li>
    </ol>
  );
}

function Length({ of, from, to }: Span & { readonly of: string }) {
  return (
    <>
      <span class="muted">{of}</span> <Duration from={from} to={to} />
    </>
  );
}

/** `at`: null if it has not happened yet. */
interface Milestone {
  readonly name: "Created" | "Starts" | "Started" | "Ended";
  readonly at: string | null;
}

function MilestoneMark({ name, at }: Milestone) {
  return (
    <span class={`milestone stack gap-0 small${at === null ? " muted" : ""}`}>
      <span class="muted">{name}</span>
      <span>{at === null ? "–" : <ClockTime at={at} />}</span>
    </span>
  );
}

/** The least part of the bar that a stage gets. */
const SHARE_MIN = 0.15;

/**
 * The stages of a run for the bar: waiting for its start, then working. Or one, if its start is not known, or if the
 * run never came past its gates. `to`: null if the stage goes on. `share`: its part of the bar. The parts add up to 1.
 * `now`, in ms, is the end of an open stage.
 */
export function lifecycleOf(run: RunAndEvents["run"], events: RunAndEvents["events"], now: number) {
  const { createdAt, startedAt, completedAt, status, details } = run;
  const created: Milestone = { name: "Created", at: createdAt };
  const started: Milestone = { name: "Started", at: startedAt };
  const last: Milestone = { name: "Ended", at: completedAt };
  const waited = waitedOf(run);
  const ran = ranOf(run);
  if (waited !== null && ran !== null) {
    const waitedMs = lengthOf(waited, now);
    const part = waitedMs / Math.max(waitedMs + lengthOf(ran, now), 1);
    const share = Math.min(Math.max(part, SHARE_MIN), 1 - SHARE_MIN);
    const stages = [
      { name: "Waited", from: created, to: waited.to, share },
      { name: isOpen(status) ? "Running" : "Ran", from: started, to: ran.to, share: 1 - share },
    ];
    return { stages, last };
  }
  if (isOpen(status)) {
    const isTimed = details?.waiting?.for === "time";
    const next: Milestone = isTimed ? { name: "Starts", at: details?.waiting?.notBefore ?? null } : started;
    const stages = [
      { name: "Waiting", from: created, to: null, share: 1 - SHARE_MIN },
      { name: "Next", from: next, to: null, share: SHARE_MIN },
    ];
    return { stages, last };
  }
  // Whether a gate was still closed at the run's end.
  const gate = events.findLast(({ type }) => type === "waiting" || type === "released");
  const name = gate?.type === "waiting" ? "Waited" : "Took";
  return { stages: [{ name, from: created, to: tookOf(run).to, share: 1 }], last };
}

function lengthOf({ from, to }: Span, now: number): number {
  return (to === null ? now : Date.parse(to)) - Date.parse(from);
}

export function NowSection({ run: { details }, events }: RunAndEvents) {
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

export function Cancelled({ run, events }: RunAndEvents) {
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
      <Said text={reason} />
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

/** What came while the page is open stays. The box follows the job unless the person scrolls up. */
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

export function Facts({ run: { entityId, triggeredBy, createdAt, details } }: Pick<RunAndEvents, "run">) {
  const { scope } = useSession();
  const { via, agent, schedule, approval, action, subject, labels = [], retryOf, bulkOperationId } = details ?? {};
  const { externalUrl, erasedAt } = details ?? {};
  const isByService = schedule != null || via === "inbound" || (via === "retry" && retryOf != null);
  const runsOf = (filter: Record<string, string>) => hrefOf({ name: "runs", ...scope }, new URLSearchParams(filter));
  return (
    <dl class="facts stack gap-6">
      <Fact term="Triggered by">
        <Who name={triggeredBy} via={isByService ? null : via} agent={agent} /> <Ago at={createdAt} />
      </Fact>
      {schedule == null ? (
        <Fact term="Started by">
          {isByService && (via === "inbound" ? "an event of another product" : "the service, as an automatic retry")}
        </Fact>
      ) : (
        <Fact term="Started by">
          the schedule <Link href={hrefOf({ name: "schedule", ...scope, schedule })}>{schedule}</Link>
        </Fact>
      )}
      {erasedAt === undefined ? null : (
        <Fact term="Erased">
          The texts of this run were erased <Ago at={erasedAt} />
        </Fact>
      )}
      <Fact term="Job">{externalUrl && <ExternalLink href={externalUrl} />}</Fact>
      {action == null ? null : (
        <Fact term="Action">
          <Link href={hrefOf({ name: "action", ...scope, action: action.name })}>
            <bdi>{action.name}</bdi>
          </Link>{" "}
          <span class="muted">version {action.version}</span>
        </Fact>
      )}
      {approval == null ? null : (
        <Fact term="Approvals">
          {approval.approvals.length} of {approval.required}
          {approval.approvals.map(({ by, byId, via: token, at }) => (
            <p key={byId + by}>
              <Who name={by} via={token} /> <Ago at={at} />
            </p>
          ))}
        </Fact>
      )}
      <Fact term="Retry of">{retryOf && <RunLink id={retryOf} />}</Fact>
      <Fact term="Made by">
        {bulkOperationId && (
          <Link href={hrefOf({ name: "operation", ...scope, id: bulkOperationId })}>a bulk retry</Link>
        )}
      </Fact>
      {subject == null ? null : (
        <Fact term="Subject">
          <Link title="Runs with this subject" href={runsOf({ subject })}>
            <bdi>{subject}</bdi>
          </Link>
        </Fact>
      )}
      {entityId === null ? null : (
        <Fact term="Entity">
          <code>{entityId}</code> <CopyButton what="entity" text={entityId} />
        </Fact>
      )}
      {labels.length === 0 ? null : (
        <Fact term="Labels">
          <span class="row gap-4">
            {labels.map((label) => (
              <Link key={label} class="chip" title="Runs with this label" href={runsOf({ label })}>
                <bdi>{label}</bdi>
              </Link>
            ))}
          </span>
        </Fact>
      )}
    </dl>
  );
}

function Ago({ at }: { readonly at: string }) {
  return (
    <span class="muted">
      <RelativeTime at={at} />
    </span>
  );
}
