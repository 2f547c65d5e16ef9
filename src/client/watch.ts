/** Follows a run's events to the end. Each event comes once and in order, over as many streams as it takes. */

import type { TimelineEvent } from "./api.ts";
import { parseJson, unexpectedResponse } from "./errors.ts";
import { readStreams, type StreamSettings } from "./event-stream.ts";

/** Opens a stream of the events after `seq`. The response is 204 if none will come. */
export type OpenStream = (seq: number, signal: AbortSignal) => Promise<Response>;

export interface WatchOptions {
  /** The number of the last event that you already have. Default: 0, from the beginning. */
  readonly after?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const EVENT_MAX_CHARACTERS = 1024 * 1024;

/** Throws as `readStreams` does. */
export function watchEvents(
  open: OpenStream,
  { after = 0, signal }: WatchOptions,
  settings: StreamSettings,
): AsyncGenerator<TimelineEvent, void> {
  let seq = after;
  const reading = {
    open: (stop: AbortSignal) => open(seq, stop),
    read(response: Response, data: string) {
      const event = toEvent(response, data);
      if (event.seq <= seq) return null;
      seq = event.seq;
      return event;
    },
    isLast: ({ type }: TimelineEvent) => type === "ended",
    maxCharacters: EVENT_MAX_CHARACTERS,
  };
  return readStreams(reading, signal, settings);
}

function toEvent(response: Response, data: string): TimelineEvent {
  const event = parseJson(data) as TimelineEvent | null | undefined;
  if (Number.isSafeInteger(event?.seq)) return event as TimelineEvent;
  throw unexpectedResponse(response, "An event has no number");
}
