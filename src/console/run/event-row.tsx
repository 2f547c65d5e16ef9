/** An event of the timeline that is a row of its own: the run's creation, its gates, its start and its end. */

import type { TimelineEvent } from "../../client/index.ts";
import { groupText, WAITED_FOR, whenText } from "../gates/waiting.ts";
import { RunLink } from "../gates/waiting-note.tsx";
import type { Single } from "./timeline-items.ts";
import { By, JobLink, Note, Row, Said } from "./timeline-row.tsx";

const STARTS: Readonly<Record<string, string>> = {
  delivery: "The receiver accepted it",
  heartbeat: "The first heartbeat came",
  callback: "It was reported together with its end",
};

const ENDS: Readonly<Record<string, string>> = {
  callback: "The job reported it",
  cancel: "It was cancelled",
  delivery: "Its job could not be started",
  gate: "It did not start",
  deadline: "Nobody reported an end before the deadline",
  silence: "The job was silent for too long",
};

export function EventRow({ event }: { readonly event: Single["event"] }) {
  switch (event.type) {
    case "created":
      return <Row at={event.at} status="pending" title="Created" facts={<By {...event} />} />;
    case "started":
      return (
        <Row at={event.at} status="running" title="Started">
          <Note text={STARTS[event.cause ?? ""]} />
        </Row>
      );
    case "external_url":
      return (
        <Row at={event.at} title="The receiver named the job's page">
          <JobLink url={event.url} />
        </Row>
      );
    case "cancel_requested":
      return (
        <Row at={event.at} status="cancelled" title="Asked to stop" facts={<By {...event} />}>
          <Said text={event.reason} />
        </Row>
      );
    case "waiting":
      return <WaitingRow event={event} />;
    case "approved":
      return (
        <Row at={event.at} status="succeeded" title="Approved" facts={<By {...event} />}>
          <Said text={event.reason} />
        </Row>
      );
    case "rejected":
      return (
        <Row at={event.at} status="cancelled" title="Rejected" facts={<By {...event} />}>
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
          title={
            <span class={`event-end is-${event.status}`}>
              {event.status[0]?.toUpperCase()}
              {event.status.slice(1)}
            </span>
          }
          facts={<By {...event} />}
        >
          <Note text={event.by === undefined ? ENDS[event.cause ?? ""] : undefined} />
          {event.replacedBy === undefined ? (
            <Said text={event.reason} />
          ) : (
            <p class="event-note">
              A newer run replaced it: <RunLink id={event.replacedBy} />
            </p>
          )}
        </Row>
      );
  }
}

type WaitingEvent = Extract<TimelineEvent, { readonly type: "waiting" }>;

function WaitingRow({ event }: { readonly event: WaitingEvent }) {
  const { at, for: gate, until, notBefore, group, key, reason } = event;
  const shown = groupText({ group: group ?? null, key: key ?? null });
  return (
    <Row at={at} status="pending" title={`Waits for ${WAITED_FOR[gate]}`} facts={<By {...event} />}>
      <p class="event-note">
        {notBefore === undefined ? null : `Starts ${whenText(Date.parse(notBefore), Date.now())}. `}
        {shown === null ? null : (
          <>
            Group <bdi>{shown}</bdi>.{" "}
          </>
        )}
        At most until {whenText(Date.parse(until), Date.now())}.
      </p>
      <Said text={reason} />
    </Row>
  );
}
