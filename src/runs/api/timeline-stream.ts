/**
 * A timeline as Server-Sent Events. A piece is made when the reader asks for one, so nothing is ever buffered for a
 * slow one; who does not ask for a while is dropped. A client resumes with the id of the last event it got.
 */

import { msSince } from "../../elapsed.ts";
import type { TimelineAnswer } from "../protocol.ts";

/** How long a stream lasts before the client is to resume: it keeps no isolate for ever. */
const STREAM_MAX_MS = 300_000;
/** A comment is sent when nothing else was for so long, so that proxies keep the connection. */
const COMMENT_MS = 15_000;
/** A reader that has not taken what it was sent for so long is gone, or might as well be. */
const SLOW_MAX_MS = 30_000;
/** What clients are told to wait before they resume. */
const RETRY_MS = 1000;

export interface EventSource {
  /** What comes after `seq`, waiting for up to `maxMs`; null where there is nothing to watch any more. */
  next(seq: number, maxMs: number): Promise<TimelineAnswer | null>;
  /** Nobody reads any more. */
  leave(): void;
}

export function streamEvents(first: TimelineAnswer, source: EventSource): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const startedAt = Date.now();
  let seq = first.lastSeq;
  let slow: ReturnType<typeof setTimeout> | null = null;

  function send(
    controller: ReadableStreamDefaultController<Uint8Array>,
    text: string,
    isOver: boolean,
  ): void {
    controller.enqueue(encoder.encode(text));
    if (isOver) {
      controller.close();
      return;
    }
    slow = setTimeout(() => {
      source.leave();
      controller.error(new Error("the reader of an event stream was too slow"));
    }, SLOW_MAX_MS);
  }

  function stopWaitingForReader(): void {
    if (slow !== null) clearTimeout(slow);
  }

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        send(controller, `retry: ${RETRY_MS}\n\n${first.events.map(toFrame).join("")}`, first.isOver);
      },
      async pull(controller) {
        stopWaitingForReader();
        const leftMs = STREAM_MAX_MS - msSince(startedAt, Date.now());
        const news =
          leftMs > 0 ? await source.next(seq, Math.min(COMMENT_MS, leftMs)).catch(() => null) : null;
        if (news === null) {
          source.leave();
          controller.close();
          return;
        }
        seq = news.lastSeq;
        if (news.isOver) source.leave();
        const text = news.events.length > 0 ? news.events.map(toFrame).join("") : ":\n\n";
        send(controller, text, news.isOver);
      },
      cancel() {
        stopWaitingForReader();
        source.leave();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The number comes first in an event's JSON. */
function toFrame(event: string): string {
  const [, seq = ""] = /^\{"seq":(\d+)/.exec(event) ?? [];
  return `id: ${seq}\ndata: ${event}\n\n`;
}
