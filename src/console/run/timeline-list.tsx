/** The list "Timeline": what happened to a run, oldest first, and what comes next. */

import type { TimelineEvent } from "../../client/index.ts";
import { AttemptRow } from "./attempt-row.tsx";
import { EventRow } from "./event-row.tsx";
import { BeatRows } from "./heartbeat-rows.tsx";
import { type Item, itemsOf } from "./timeline-items.ts";

export function TimelineList({ events }: { readonly events: readonly TimelineEvent[] }) {
  return (
    <ol class="timeline" aria-label="Timeline">
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
