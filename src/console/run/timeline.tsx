/** The list "Timeline": what happened to a run, oldest first, and what comes next. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { endCauseText, startCauseText } from "../../words/causes.ts";
import { formatDuration } from "../../words/durations.ts";
import { capitalized, counted, type Status } from "../../words/statuses.ts";
import { groupText, WAITED_FOR } from "../../words/waiting.ts";
import { RunLink } from "../gates/waiting-note.tsx";
import { Button, ExternalLink, StatusIcon, Who } from "../ui/parts.tsx";
import { hasLines, TextBlock } from "../ui/text-block.tsx";
import { ClockTime, Countdown, Duration, WhenText } from "../ui/time.tsx";
import { type Attempt, type Beat, type Heartbeats, type Item, itemsOf, type Single } from "./timeline-items.ts";

export function TimelineList({ events }: { readonly events: readonly Schemas["TimelineEvent"][] }) {
  return (
    <ol class="stack gap-14" aria-label="Timeline">
      {itemsOf(events).map((item) => (
        <ItemRow key={item.seq} item={item} />
      ))}
    </ol>
  );
}

function ItemRow({ item }: { readonly item: Item }) {
  switch (item.kind) {
    case "attempt":
      return <AttemptRow attempt={item} />;
    case "heartbeats":
      return <BeatRows row={item} />;
    case "event":
      return <EventRow event={item.event} />;
  }
}

const DECISIONS = {
  cancel_requested: { status: "cancelled", title: "Asked to stop" },
  approved: { status: "succeeded", title: "Approved" },
  rejected: { status: "cancelled", title: "Rejected" },
  let_through: { status: "pending", title: "Let through the pause" },
} as const;

function EventRow({ event }: { readonly event: Single["event"] }) {
  switch (event.type) {
    case "created":
      return <Row at={event.at} status="pending" title="Created" facts={<By {...event} />} />;
    case "started":
      return (
        <Row at={event.at} status="running" title="Started">
          <Note text={capitalized(startCauseText(event.cause))} />
        </Row>
      );
    case "external_url":
      return (
        <Row at={event.at} title="The receiver named the job's page">
          <JobLink url={event.url} />
        </Row>
      );
    case "token_issued":
    case "token_refused":
      return (
        <Row at={event.at} title={event.type === "token_issued" ? "A job proved itself" : "Another job was refused"}>
          <Note
            text={`Execution ${event.execution}${event.attempt === undefined ? "" : `, attempt ${event.attempt}`}`}
          />
        </Row>
      );
    case "waiting":
      return <WaitingRow event={event} />;
    case "cancel_requested":
    case "approved":
    case "rejected":
    case "let_through":
      return (
        <Row at={event.at} {...DECISIONS[event.type]} facts={<By {...event} />}>
          <Said text={event.reason} />
        </Row>
      );
    case "released":
      return (
        <Row at={event.at} title="Released" facts={<By {...event} />}>
          <Note
            text={event.approversUnchecked && "The database was down, so a token that approved the run can be revoked"}
          />
        </Row>
      );
    case "approval_withdrawn":
      return (
        <Row at={event.at} status="pending" title="Approval withdrawn" facts={<By {...event} />}>
          <Note text="The token was revoked" />
        </Row>
      );
    case "ended":
      return (
        <Row
          at={event.at}
          status={event.status}
          title={<span class={`tone is-${event.status}`}>{capitalized(event.status)}</span>}
          facts={<By {...event} />}
        >
          {event.by === undefined ? <Note text={capitalized(endCauseText(event.cause))} /> : null}
          {event.replacedBy === undefined ? (
            <Said text={event.reason} />
          ) : (
            <p class="muted">
              A newer run replaced it: <RunLink id={event.replacedBy} />
            </p>
          )}
          {event.retryAt === undefined ? null : (
            <p class="muted">
              Automatic retry not before <WhenText at={event.retryAt} />.
            </p>
          )}
        </Row>
      );
  }
}

type WaitingEvent = Extract<Schemas["TimelineEvent"], { readonly type: "waiting" }>;

function WaitingRow({ event }: { readonly event: WaitingEvent }) {
  const { at, for: gate, until, notBefore, group, key, reason } = event;
  const shown = groupText({ group: group ?? null, key: key ?? null });
  return (
    <Row at={at} status="pending" title={`Waits for ${WAITED_FOR[gate]}`} facts={<By {...event} />}>
      <p class="muted">
        {notBefore === undefined ? null : (
          <>
            Starts <WhenText at={notBefore} />.{" "}
          </>
        )}
        {shown === null ? null : (
          <>
            Group <bdi>{shown}</bdi>.{" "}
          </>
        )}
        At most until <WhenText at={until} />.
      </p>
      <Said text={reason} />
    </Row>
  );
}

const OUTCOMES: Readonly<Record<string, { readonly word: string; readonly status: Status }>> = {
  accepted: { word: "accepted", status: "succeeded" },
  retry: { word: "failed", status: "failed" },
  given_up: { word: "failed", status: "failed" },
};

function AttemptRow({ attempt: item }: { readonly attempt: Attempt }) {
  const { at, of, attempt, host, answer, overtakenBy, nextAt } = item;
  const name = of === "start" ? `Attempt ${attempt}` : `Stop request, attempt ${attempt}`;
  const title = (
    <>
      {name}
      {host === null ? null : (
        <span class="muted">
          {" to "}
          <bdi>{host}</bdi>
        </span>
      )}
    </>
  );
  if (answer === null) {
    return (
      <Row at={at} status={overtakenBy === null ? "running" : undefined} title={title}>
        <p class="muted">
          {overtakenBy === null ? (
            <>
              Waiting for the answer for <Duration from={at} to={null} />
            </>
          ) : (
            `The run ${overtakenBy} before an answer came.`
          )}
        </p>
      </Row>
    );
  }
  const { outcome, status, durationMs, reason, excerpt } = answer;
  const { word, status: mark } = OUTCOMES[outcome] ?? { word: outcome, status: "pending" };
  return (
    <Row
      at={at}
      status={mark}
      title={title}
      facts={
        <>
          <span class={`tone is-${mark}`}>{word}</span>
          {status === null ? null : <code class="boxed">{status}</code>}
          <span class="duration muted">{formatDuration(durationMs)}</span>
        </>
      }
    >
      {/* The status alone says as much. */}
      {outcome === "accepted" || reason === `answered ${status}` ? null : (
        <Said text={receiverSentence(host, reason)} />
      )}
      {/* Left out if the token may not see it, and null if there is none. */}
      {excerpt ? <Excerpt name={of === "start" ? `attempt-${attempt}` : `stop-${attempt}`} text={excerpt} /> : null}
      {nextAt === null ? null : (
        <p class="tone is-running strong">
          Next attempt <Countdown until={nextAt} />
        </p>
      )}
      {outcome === "given_up" ? <p class="muted">There is no further attempt.</p> : null}
      {outcome === "overtaken" ? <p class="muted">This answer came too late.</p> : null}
    </Row>
  );
}

/** What the receiver responded. `name`: of the block. */
function Excerpt({ name, text }: { readonly name: string; readonly text: string }) {
  if (hasLines(text)) return <TextBlock name={name} text={text} />;
  return (
    <pre class="excerpt card is-side">
      <bdi>{text}</bdi>
    </pre>
  );
}

/** The API's reason continues the sentence after the host's name: "answered 503". */
function receiverSentence(host: string | null, reason: string): string {
  const text = `${host ?? "The receiver"} ${reason}`;
  return text.endsWith(".") ? text : `${text}.`;
}

/** So many of successive heartbeats are shown, the newest ones. The others are shown when somebody asks. */
const BEATS_SHOWN = 3;

function BeatRows({ row: { beats, thinned } }: { readonly row: Heartbeats }) {
  const [isOpen, setOpen] = useState(false);
  const shown = isOpen ? beats : beats.slice(-BEATS_SHOWN);
  const hidden = beats.length - shown.length;
  const first = beats[0];
  return (
    <>
      {thinned === 0 || first === undefined ? null : (
        <Row at={first.at} title={<span class="muted">{thinned} earlier heartbeats are no longer kept</span>} />
      )}
      {hidden === 0 || first === undefined ? null : (
        <Row
          at={first.at}
          title={
            <Button kind="quiet" onClick={() => setOpen(true)}>
              Show {counted(hidden, "earlier heartbeat")}
            </Button>
          }
        />
      )}
      {shown.map((beat) => (
        <BeatRow key={beat.seq} beat={beat} />
      ))}
    </>
  );
}

function BeatRow({ beat }: { readonly beat: Beat }) {
  const { at, message, progress, externalUrl, externalUrlRefused } = beat;
  return (
    <Row
      at={at}
      title="Heartbeat"
      facts={progress === undefined ? null : <span class="number muted">{percent(progress)}</span>}
    >
      <Said text={message} />
      {externalUrl === undefined ? null : <JobLink url={externalUrl} />}
      <Said text={externalUrlRefused} />
    </Row>
  );
}

export function percent(progress: number): string {
  // It shows 100 % only when all is done.
  return `${Math.floor(progress * 100)}%`;
}

interface RowProps {
  readonly at: string;
  /** The mark at the line. Without a status, the mark is a plain dot. */
  readonly status?: Status | undefined;
  readonly title: ComponentChildren;
  /** Short facts beside the title. */
  readonly facts?: ComponentChildren;
  /** Lines below it. */
  readonly children?: ComponentChildren;
}

function Row({ at, status, title, facts, children }: RowProps) {
  return (
    <li class="event">
      <span class="event-mark">
        {status === undefined ? <span class="event-dot" /> : <StatusIcon status={status} />}
      </span>
      <div>
        <p class="event-head row">
          <span class="event-title strong">{title}</span>
          {facts}
        </p>
        {children}
      </div>
      <span class="muted small">
        <ClockTime at={at} />
      </span>
    </li>
  );
}

interface ByProps {
  readonly by?: string | undefined;
  /** The token that acted for a person. */
  readonly via?: string | undefined;
}

function By({ by, via }: ByProps) {
  if (by === undefined) return null;
  return (
    <span class="muted">
      by <Who name={by} via={via} />
    </span>
  );
}

function Note({ text }: { readonly text: string | undefined }) {
  return text ? <p class="muted">{text}.</p> : null;
}

/** What somebody else wrote. */
function Said({ text }: { readonly text: string | null | undefined }) {
  if (!text) return null;
  return (
    <p class="muted">
      <bdi>{text}</bdi>
    </p>
  );
}

function JobLink({ url }: { readonly url: string }) {
  return (
    <p class="muted">
      <ExternalLink href={url} />
    </p>
  );
}
