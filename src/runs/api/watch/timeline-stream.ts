/** A timeline as Server-Sent Events, each with its number as the id. */

import type { TimelineAnswer } from "../../watch-calls.ts";
import { eventFrame, eventStream, type Piece } from "./event-stream.ts";

export interface TimelineSource {
  /**
   * The events after `seq`. If there are none yet, waits up to `maxMs` for one. Null if there is nothing to watch any
   * more.
   */
  next(seq: number, maxMs: number): Promise<TimelineAnswer | null>;
  /** Called when the stream is over or has lost its subscriber. */
  leave(): void;
}

export function streamEvents(first: TimelineAnswer, source: TimelineSource): ReadableStream<Uint8Array> {
  let seq = first.lastSeq;
  return eventStream(toPiece(first), {
    async next(maxMs) {
      const news = await source.next(seq, maxMs);
      if (news === null) return null;
      seq = news.lastSeq;
      return toPiece(news);
    },
    leave: source.leave,
  });
}

function toPiece({ events, isOver }: TimelineAnswer): Piece {
  return { text: events.map(toFrame).join(""), isOver };
}

/** The number is the first member of an event's JSON. */
function toFrame(event: string): string {
  const [, seq = ""] = /^\{"seq":(\d+)/.exec(event) ?? [];
  return eventFrame(seq, event);
}
