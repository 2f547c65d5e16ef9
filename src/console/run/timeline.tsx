/** What happened to a run, oldest first, and what comes next. An attempt and its answer are one item. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { formatDuration } from "../../words/durations.ts";
import { capitalized, counted, endCauseText, type Status, startCauseText } from "../../words/statuses.ts";
import { groupText, WAITED_FOR } from "../../words/waiting.ts";
import { RunLink } from "../runs/run-link.tsx";
import { hasLines, TextBlock } from "../ui/json-tree.tsx";
import { Button, ExternalLink, Said, StatusIcon, Who } from "../ui/parts.tsx";
import { ClockTime, Countdown, Duration, useZone } from "../ui/time.tsx";

type TimelineEvent = Schemas["TimelineEvent"];

export function TimelineList({ events }: { readonly events: readonly TimelineEvent[] }) {
  return (
    <ol class="stack gap-14" aria-label="Timeline">
      {itemsOf(events).map((item) => {
        if (item.kind === "attempt") return <AttemptRow key={item.seq} {...item} />;
        if (item.kind === "heartbeats") return <BeatRows key={item.seq} {...item} />;
        return <EventRow key={item.seq} event={item.event} />;
      })}
    </ol>
  );
}

type EventOf<Type extends TimelineEvent["type"]> = Extract<TimelineEvent, { readonly type: Type }>;
/** An event that is an item of its own. */
type Single = Exclude<TimelineEvent, { readonly type: `attempt_${string}` | `stop_${string}` | `heartbeat${string}` }>;

interface Attempt {
  readonly kind: "attempt";
  readonly seq: number;
  /** When the attempt began, or when its answer came if the beginning is unknown. */
  readonly at: string;
  readonly of: "start" | "stop";
  readonly attempt: number;
  readonly host: string | null;
  answer: EventOf<"attempt_answered"> | EventOf<"stop_answered"> | null;
  /** What came before the answer, so the answer stays unknown. Null: there is an answer, or it may still come. */
  readonly overtakenBy: "started" | "ended" | null;
  /** When the next attempt comes. Null: it has come, or there is no further attempt. */
  readonly nextAt: string | null;
}

/** Heartbeats in a row, oldest first. `thinned`: how many before them are no longer kept. */
interface Heartbeats {
  readonly kind: "heartbeats";
  readonly seq: number;
  readonly beats: EventOf<"heartbeat">[];
  thinned: number;
}

export type Item = Attempt | Heartbeats | { readonly kind: "event"; readonly seq: number; readonly event: Single };

/** Events must be in order. An event of a type that this console does not know is left out. PURE. */
export function itemsOf(events: readonly TimelineEvent[]): readonly Item[] {
  const items: Item[] = [];
  for (const event of events) {
    const { seq, at, type } = event;
    const of = type.startsWith("stop_") ? "stop" : "start";
    switch (event.type) {
      case "attempt_started":
      case "stop_started":
        items.push({ ...NOT_ANSWERED, seq, at, of, attempt: event.attempt, host: event.host });
        break;
      case "attempt_answered":
      case "stop_answered": {
        // It can come after other events. An attempt that could not be sent gives its number to the next one.
        const { attempt } = event;
        const asked = items
          .filter((item) => item.kind === "attempt")
          .findLast((item) => item.of === of && item.attempt === attempt && item.answer === null);
        if (asked !== undefined) asked.answer = event;
        else items.push({ ...NOT_ANSWERED, seq, at, of, attempt, host: null, answer: event });
        break;
      }
      case "heartbeat":
      case "heartbeats_thinned": {
        const last = items.at(-1);
        const row: Heartbeats = last?.kind === "heartbeats" ? last : { kind: "heartbeats", seq, beats: [], thinned: 0 };
        if (row !== last) items.push(row);
        if (event.type === "heartbeat") row.beats.push(event);
        else row.thinned += event.count;
        break;
      }
      default:
        if (Object.hasOwn(TOLD, event.type)) items.push({ kind: "event", seq, event });
    }
  }
  const isOver = events.at(-1)?.type === "ended";
  return items.map((item, index) => (item.kind === "attempt" ? withLater(item, items.slice(index + 1), isOver) : item));
}

const NOT_ANSWERED = { kind: "attempt", answer: null, overtakenBy: null, nextAt: null } as const;

function withLater(item: Attempt, later: readonly Item[], isOver: boolean): Attempt {
  const { of, answer } = item;
  // The first heartbeat ends a dispatch. An answer that comes after it is told, but starts nothing.
  const isStarted = of === "start" && later.some((other) => other.kind === "event" && other.event.type === "started");
  const hasNext = isOver || later.some((other) => other.kind === "attempt" && other.of === of);
  return {
    ...item,
    overtakenBy: answer !== null ? null : isStarted ? "started" : isOver ? "ended" : null,
    nextAt: hasNext ? null : (answer?.nextAttemptAt ?? null),
  };
}

type Told = Pick<RowProps, "status" | "title" | "children">;

const TOLD: { readonly [Type in Single["type"]]: (event: EventOf<Type>) => Told } = {
  created: () => ({ status: "pending", title: "Created" }),
  started: ({ cause }) => ({
    status: "running",
    title: "Started",
    children: <Note text={capitalized(startCauseText(cause))} />,
  }),
  external_url: ({ url }) => ({ title: "The receiver named the job's page", children: <JobLink url={url} /> }),
  token_issued: (event) => ({ title: "A job proved itself", children: <Execution {...event} /> }),
  token_refused: (event) => ({ title: "Another job was refused", children: <Execution {...event} /> }),
  waiting: (event) => ({
    status: "pending",
    title: `Waits for ${WAITED_FOR[event.for]}`,
    children: <Wait {...event} />,
  }),
  cancel_requested: saying("cancelled", "Asked to stop"),
  approved: saying("succeeded", "Approved"),
  rejected: saying("cancelled", "Rejected"),
  let_through: saying("pending", "Let through the pause"),
  released: ({ approversUnchecked }) => ({
    title: "Released",
    children: approversUnchecked && (
      <Note text="The database was down, so a token that approved the run can be revoked" />
    ),
  }),
  approval_withdrawn: () => ({
    status: "pending",
    title: "Approval withdrawn",
    children: <Note text="The token was revoked" />,
  }),
  ended: (event) => ({
    status: event.status,
    title: <span class={`tone is-${event.status}`}>{capitalized(event.status)}</span>,
    children: <End {...event} />,
  }),
};

function saying(status: Status, title: string) {
  return ({ reason }: { readonly reason?: string | null }): Told => ({
    status,
    title,
    children: <Said text={reason} />,
  });
}

function EventRow({ event }: { readonly event: Single }) {
  const tell = TOLD[event.type] as (event: Single) => Told;
  const { by, via } = event as { readonly by?: string; readonly via?: string };
  const facts =
    by === undefined ? null : (
      <span class="muted">
        by <Who name={by} via={via} />
      </span>
    );
  return <Row {...tell(event)} at={event.at} facts={facts} />;
}

function Execution({ execution, attempt }: EventOf<"token_issued" | "token_refused">) {
  return <Note text={`Execution ${execution}${attempt === undefined ? "" : `, attempt ${attempt}`}`} />;
}

function Wait({ until, notBefore, group, key, reason }: EventOf<"waiting">) {
  const { when } = useZone();
  const shown = groupText({ group: group ?? null, key: key ?? null });
  return (
    <>
      <p class="muted">
        {notBefore === undefined ? "" : `Starts ${when(notBefore)}. `}
        {shown === null ? null : (
          <>
            Group <bdi>{shown}</bdi>.{" "}
          </>
        )}
        At most until {when(until)}.
      </p>
      <Said text={reason} />
    </>
  );
}

function End({ by, cause, reason, replacedBy, retryAt }: EventOf<"ended">) {
  const { when } = useZone();
  return (
    <>
      {by === undefined ? <Note text={capitalized(endCauseText(cause))} /> : null}
      {replacedBy === undefined ? (
        <Said text={reason} />
      ) : (
        <p class="muted">
          A newer run replaced it: <RunLink id={replacedBy} />
        </p>
      )}
      {retryAt === undefined ? null : <p class="muted">Automatic retry not before {when(retryAt)}.</p>}
    </>
  );
}

const OUTCOMES: Readonly<Record<string, { readonly word: string; readonly status: Status }>> = {
  accepted: { word: "accepted", status: "succeeded" },
  retry: { word: "failed", status: "failed" },
  given_up: { word: "failed", status: "failed" },
};

function AttemptRow({ at, of, attempt, host, answer, overtakenBy, nextAt }: Attempt) {
  const title = (
    <>
      {of === "start" ? `Attempt ${attempt}` : `Stop request, attempt ${attempt}`}
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
  const facts = (
    <>
      <span class={`tone is-${mark}`}>{word}</span>
      {status === null ? null : <code class="boxed">{status}</code>}
      <span class="duration muted">{formatDuration(durationMs)}</span>
    </>
  );
  // The API's reason continues the sentence after the host's name: "answered 503".
  const sentence = `${host ?? "The receiver"} ${reason}`;
  return (
    <Row at={at} status={mark} title={title} facts={facts}>
      {/* The status alone says as much. */}
      {outcome === "accepted" || reason === `answered ${status}` ? null : (
        <Said text={sentence.endsWith(".") ? sentence : `${sentence}.`} />
      )}
      {/* Left out if the token may not see it, and null if there is none. */}
      {excerpt && hasLines(excerpt) ? (
        <TextBlock name={of === "start" ? `attempt-${attempt}` : `stop-${attempt}`} text={excerpt} />
      ) : excerpt ? (
        <pre class="excerpt card is-side">
          <bdi>{excerpt}</bdi>
        </pre>
      ) : null}
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

/** So many of successive heartbeats are shown, the newest ones. The others are shown when somebody asks. */
const BEATS_SHOWN = 3;

function BeatRows({ beats, thinned }: Heartbeats) {
  const [isOpen, setOpen] = useState(false);
  const shown = isOpen ? beats : beats.slice(-BEATS_SHOWN);
  const hidden = beats.length - shown.length;
  const at = beats[0]?.at;
  if (at === undefined) return null;
  const showAll = (
    <Button kind="quiet" onClick={() => setOpen(true)}>
      Show {counted(hidden, "earlier heartbeat")}
    </Button>
  );
  return (
    <>
      {thinned === 0 ? null : (
        <Row at={at} title={<span class="muted">{thinned} earlier heartbeats are no longer kept</span>} />
      )}
      {hidden === 0 ? null : <Row at={at} title={showAll} />}
      {shown.map(({ seq, at, message, progress, externalUrl, externalUrlRefused }) => (
        <Row
          key={seq}
          at={at}
          title="Heartbeat"
          facts={progress === undefined ? null : <span class="number muted">{percent(progress)}</span>}
        >
          <Said text={message} />
          {externalUrl === undefined ? null : <JobLink url={externalUrl} />}
          <Said text={externalUrlRefused} />
        </Row>
      ))}
    </>
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
  readonly facts?: ComponentChildren;
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

function Note({ text }: { readonly text: string }) {
  return text ? <p class="muted">{text}.</p> : null;
}

function JobLink({ url }: { readonly url: string }) {
  return (
    <p class="muted">
      <ExternalLink href={url} />
    </p>
  );
}
