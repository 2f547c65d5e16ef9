/** The rows of successive heartbeats in the timeline. */

import { useState } from "preact/hooks";
import { Button } from "../ui/button.tsx";
import type { Beat, Heartbeats } from "./timeline-items.ts";
import { JobLink, Row, Said } from "./timeline-row.tsx";

/** So many of successive heartbeats are shown, the newest ones. The others are shown when somebody asks. */
const BEATS_SHOWN = 3;

export function BeatRows({ row: { beats, thinned } }: { readonly row: Heartbeats }) {
  const [isOpen, setOpen] = useState(false);
  const shown = isOpen ? beats : beats.slice(-BEATS_SHOWN);
  const hidden = beats.length - shown.length;
  const first = beats[0];
  return (
    <>
      {thinned === 0 || first === undefined ? null : (
        <Row at={first.at} title={<span class="event-more">{thinned} earlier heartbeats are no longer kept</span>} />
      )}
      {hidden === 0 || first === undefined ? null : (
        <Row
          at={first.at}
          title={
            <Button kind="quiet" onClick={() => setOpen(true)}>
              Show {hidden} earlier {hidden === 1 ? "heartbeat" : "heartbeats"}
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
