/**
 * Follows a run's events to the end. A stream may be cut, fall silent or reach its time limit: then a new stream
 * continues after the last event. So each event comes once and in order.
 */

import { createParser } from "eventsource-parser";
import type { TimelineEvent } from "./api.ts";
import { ActionRunsError, parseJson, unexpectedResponse, unreachable } from "./errors.ts";
import { pause, retryPauseMs } from "./retry.ts";
import type { TransportSettings } from "./transport.ts";

/** Opens a stream of the events after `seq`. The response is 204 if none will come. */
export type OpenStream = (seq: number, signal: AbortSignal) => Promise<Response>;

export interface WatchOptions {
  /** The number of the last event that you already have. Default: 0, from the beginning. */
  readonly after?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Far more than an event needs. Without a limit, a line that never ends would fill the memory. */
const EVENT_MAX_CHARACTERS = 1024 * 1024;

type WatchSettings = Pick<TransportSettings, "retries" | "retryDelayMs" | "timeoutMs">;

/**
 * Throws a refusal as it is, and `unreachable` if `retries` + 1 streams in a row bring neither an event nor a comment.
 */
export async function* watchEvents(
  open: OpenStream,
  { after = 0, signal }: WatchOptions,
  settings: WatchSettings,
): AsyncGenerator<TimelineEvent, void> {
  let seq = after;
  let { retryDelayMs } = settings;
  for (let failed = 0; ; failed++) {
    let broken: unknown;
    let response: Response | undefined;
    const connection = new Connection(signal, settings.timeoutMs);
    try {
      response = await open(seq, connection.signal);
      if (response.status === 204) return;
      const texts: string[] = [];
      const parser = createParser({
        maxBufferSize: EVENT_MAX_CHARACTERS,
        onEvent({ data }) {
          failed = -1;
          texts.push(data);
        },
        // A comment shows that the connection is alive.
        onComment() {
          failed = -1;
        },
        onRetry(ms) {
          retryDelayMs = ms;
        },
        // The standard says to ignore unknown fields, and retry times that are no number.
        onError(error) {
          if (error.type === "max-buffer-size-exceeded") throw error;
        },
      });
      for await (const chunk of connection.chunks(response)) {
        parser.feed(chunk);
        for (const text of texts.splice(0)) {
          const event = toEvent(response, text);
          if (event.seq <= seq) continue;
          seq = event.seq;
          yield event;
          if (event.type === "ended") return;
        }
      }
    } catch (error) {
      signal?.throwIfAborted();
      // `open` has retried already.
      if (response === undefined || error instanceof ActionRunsError) throw error;
      broken = error;
    } finally {
      connection.close();
    }
    if (failed >= settings.retries) throw unreachable("The event stream broke off several times", broken);
    await pause(retryPauseMs(retryDelayMs, Math.max(failed, 0)), signal);
  }
}

function toEvent(response: Response, data: string): TimelineEvent {
  const event = parseJson(data) as TimelineEvent | null | undefined;
  if (Number.isSafeInteger(event?.seq)) return event as TimelineEvent;
  throw unexpectedResponse(response, "An event has no number");
}

/** One stream. Closed if it is silent for too long, or if its watcher stops. */
class Connection {
  readonly #aborter = new AbortController();
  readonly #watcher: AbortSignal | undefined;
  readonly #silenceMs: number;
  readonly #stop = () => this.#aborter.abort(this.#watcher?.reason);

  constructor(watcher: AbortSignal | undefined, silenceMs: number) {
    this.#watcher = watcher;
    this.#silenceMs = silenceMs;
    if (watcher?.aborted) this.#stop();
    watcher?.addEventListener("abort", this.#stop, { once: true });
  }

  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  /** The text of the stream, as it comes. */
  async *chunks(response: Response): AsyncGenerator<string, void> {
    if (
      !/^text\/event-stream\b/i.test(response.headers.get("Content-Type") ?? "") ||
      response.body === null
    ) {
      throw unexpectedResponse(response, "The response is not an event stream");
    }
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    try {
      for (;;) {
        // The timer runs only while we read, because the watcher may take its time with an event.
        const timer = setTimeout(
          () => this.#aborter.abort(new Error("the stream was silent")),
          this.#silenceMs,
        );
        const { done, value } = await reader.read().finally(() => clearTimeout(timer));
        if (done) return;
        yield decoder.decode(value, { stream: true });
      }
    } finally {
      // In some runtimes the signal does not end the body.
      reader.cancel().catch(() => {});
    }
  }

  close(): void {
    this.#watcher?.removeEventListener("abort", this.#stop);
    this.#aborter.abort(new Error("the stream is no longer read"));
  }
}
