/**
 * Reads Server-Sent Events. A stream may be cut, fall silent or reach its time limit: then a new stream continues. What
 * the events are, and where a new stream goes on, is the caller's.
 */

import { createParser } from "eventsource-parser";
import { ActionRunsError, unexpectedResponse, unreachable } from "./errors.ts";
import { pause, retryPauseMs } from "./retry.ts";
import type { TransportSettings } from "./transport.ts";

export interface Reading<T> {
  /** Opens a stream behind what was read. The response is 204 if nothing will come. */
  readonly open: (signal: AbortSignal) => Promise<Response>;
  /** What an event's data says; null if it is nothing new. May throw. */
  readonly read: (response: Response, data: string) => T | null;
  /** Whether nothing comes after it. */
  readonly isLast: (value: T) => boolean;
  /** Far more than an event needs. Without a limit, a line that never ends would fill the memory. */
  readonly maxCharacters: number;
}

export type StreamSettings = Pick<TransportSettings, "retries" | "retryDelayMs" | "timeoutMs">;

/**
 * Throws a refusal as it is, and `unreachable` if `retries` + 1 streams in a row bring neither an event nor a comment.
 */
export async function* readStreams<T>(
  { open, read, isLast, maxCharacters }: Reading<T>,
  signal: AbortSignal | undefined,
  settings: StreamSettings,
): AsyncGenerator<T, void> {
  let { retryDelayMs } = settings;
  for (let failed = 0; ; failed++) {
    let broken: unknown;
    let response: Response | undefined;
    const connection = new Connection(signal, settings.timeoutMs);
    try {
      response = await open(connection.signal);
      if (response.status === 204) return;
      const texts: string[] = [];
      const parser = createParser({
        maxBufferSize: maxCharacters,
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
          const value = read(response, text);
          if (value === null) continue;
          yield value;
          if (isLast(value)) return;
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

/** One stream. Closed if it is silent for too long, or if the caller stops. */
class Connection {
  readonly #aborter = new AbortController();
  readonly #callerSignal: AbortSignal | undefined;
  readonly #silenceMs: number;
  readonly #stop = () => this.#aborter.abort(this.#callerSignal?.reason);

  constructor(callerSignal: AbortSignal | undefined, silenceMs: number) {
    this.#callerSignal = callerSignal;
    this.#silenceMs = silenceMs;
    if (callerSignal?.aborted) this.#stop();
    callerSignal?.addEventListener("abort", this.#stop, { once: true });
  }

  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  /** The text of the stream, as it comes. */
  async *chunks(response: Response): AsyncGenerator<string, void> {
    if (!/^text\/event-stream\b/i.test(response.headers.get("Content-Type") ?? "") || response.body === null) {
      throw unexpectedResponse(response, "The response is not an event stream");
    }
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    try {
      for (;;) {
        // The timer runs only while we read, because the caller may take its time with an event.
        const timer = setTimeout(() => this.#aborter.abort(new Error("the stream was silent")), this.#silenceMs);
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
    this.#callerSignal?.removeEventListener("abort", this.#stop);
    this.#aborter.abort(new Error("the stream is no longer read"));
  }
}
