/**
 * A timeline as Server-Sent Events. The next piece is made when the watcher asks for it, so nothing is buffered for a
 * slow watcher. A watcher that stops reading is dropped, and resumes with the id of the last event it got.
 */

import { msSince } from "../../../base/time.ts";
import type { TimelineAnswer } from "../../protocol.ts";

/** A stream ends after this time, so that it does not keep its isolate. The client then resumes. */
const STREAM_MAX_MS = 300_000;
/** How often a comment is sent when there are no events, so that proxies keep the connection open. */
const COMMENT_MS = 15_000;
/** A watcher that takes nothing for this long is dropped. */
const SLOW_MAX_MS = 30_000;
/** How long clients wait before they reconnect. */
const RETRY_MS = 1000;

export interface EventSource {
  /**
   * The events after `seq`. If there are none yet, waits up to `maxMs` for one. Null if there is nothing to watch any
   * more.
   */
  next(seq: number, maxMs: number): Promise<TimelineAnswer | null>;
  /** Called when the stream is over or has lost its watcher. */
  leave(): void;
}

type Controller = ReadableStreamDefaultController<Uint8Array>;

export function streamEvents(first: TimelineAnswer, source: EventSource): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const startedAt = Date.now();
  let seq = first.lastSeq;
  let slow: ReturnType<typeof setTimeout> | null = null;

  function send(controller: Controller, text: string, { isOver }: TimelineAnswer): void {
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

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        send(controller, `retry: ${RETRY_MS}\n\n${first.events.map(toFrame).join("")}`, first);
      },
      async pull(controller) {
        clearTimeout(slow);
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
        send(controller, text, news);
      },
      cancel() {
        clearTimeout(slow);
        source.leave();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The number is the first member of an event's JSON. */
function toFrame(event: string): string {
  const [, seq = ""] = /^\{"seq":(\d+)/.exec(event) ?? [];
  return `id: ${seq}\ndata: ${event}\n\n`;
}
