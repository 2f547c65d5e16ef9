/** An attempt of the timeline: a request to the receiver, and the receiver's answer. */

import { formatDuration } from "../ui/durations.ts";
import type { Status } from "../ui/statuses.ts";
import { TextBlock } from "../ui/text-block.tsx";
import { hasLines } from "../ui/text-lines.ts";
import { Countdown, Duration } from "../ui/time.tsx";
import type { Attempt } from "./timeline-items.ts";
import { Row, Said } from "./timeline-row.tsx";

const OUTCOMES: Readonly<Record<string, { readonly word: string; readonly status: Status }>> = {
  accepted: { word: "accepted", status: "succeeded" },
  retry: { word: "failed", status: "failed" },
  given_up: { word: "failed", status: "failed" },
};

export function AttemptRow({ attempt: item }: { readonly attempt: Attempt }) {
  const { at, of, attempt, host, answer, overtakenBy, nextAt } = item;
  const name = of === "start" ? `Attempt ${attempt}` : `Stop request, attempt ${attempt}`;
  const title = (
    <>
      {name}
      {host === null ? null : (
        <span class="event-more">
          {" to "}
          <bdi>{host}</bdi>
        </span>
      )}
    </>
  );
  if (answer === null) {
    return (
      <Row at={at} status={overtakenBy === null ? "running" : undefined} title={title}>
        <p class="event-note">
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
          <span class={`event-outcome is-${mark}`}>{word}</span>
          {status === null ? null : <code class="http-status">{status}</code>}
          <span class="duration muted">{formatDuration(durationMs)}</span>
        </>
      }
    >
      {/* The status alone says as much. */}
      {outcome === "accepted" || reason === `answered ${status}` ? null : <Said text={sentenceOf(host, reason)} />}
      {/* Left out if the token may not see it, and null if there is none. */}
      {excerpt ? <Excerpt name={of === "start" ? `attempt-${attempt}` : `stop-${attempt}`} text={excerpt} /> : null}
      {nextAt === null ? null : (
        <p class="next-attempt">
          Next attempt <Countdown until={nextAt} />
        </p>
      )}
      {outcome === "given_up" ? <p class="event-note">There is no further attempt.</p> : null}
      {outcome === "overtaken" ? <p class="event-note">This answer came too late.</p> : null}
    </Row>
  );
}

/** What the receiver responded. `name`: of the block. */
function Excerpt({ name, text }: { readonly name: string; readonly text: string }) {
  if (hasLines(text)) return <TextBlock name={name} text={text} />;
  return (
    <pre class="excerpt">
      <bdi>{text}</bdi>
    </pre>
  );
}

/** The API's reason continues the sentence after the host's name: "answered 503". */
function sentenceOf(host: string | null, reason: string): string {
  const text = `${host ?? "The receiver"} ${reason}`;
  return text.endsWith(".") ? text : `${text}.`;
}
