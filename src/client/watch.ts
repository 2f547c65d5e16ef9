/**
 * Follows a run's events to their end over as many streams as that takes: cut, silent, or ended because their time
 * was up. Each event comes once, in order: the number of the last one is what the next stream goes on from.
 */

import type { TimelineEvent } from "./api.ts";
import { ActionRunsError, parseJson, unexpectedAnswer, unreachable } from "./errors.ts";
import { backoffMs, pause } from "./retry.ts";
import { readFrames } from "./sse.ts";
import type { TransportSettings } from "./transport.ts";

/** Opens a stream of what comes after `seq`: a success, or 204 where nothing will. */
export type OpenStream = (seq: number, signal: AbortSignal) => Promise<Response>;

export interface WatchOptions {
  /** The number of the last event that is known already. 0 unless told: from the beginning. */
  readonly after?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

type WatchSettings = Pick<TransportSettings, "retries" | "retryDelayMs" | "timeoutMs">;

/**
 * Throws `unreachable` when so many streams in a row as there are retries brought neither an event nor a sign of
 * life; a refusal as it is.
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
      for await (const frame of readFrames(connection.chunks(response))) {
        retryDelayMs = frame.retryMs ?? retryDelayMs;
        if (frame.data !== null || frame.isComment) failed = -1;
        if (frame.data === null) continue;
        const event = toEvent(response, frame.data);
        if (event.seq <= seq) continue;
        seq = event.seq;
        yield event;
        if (event.type === "ended") return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      // What fails before there is a stream was tried again already.
      if (response === undefined || error instanceof ActionRunsError) throw error;
      broken = error;
    } finally {
      connection.close();
    }
    if (failed >= settings.retries)
      throw unreachable("The stream of events breaks off again and again", broken);
    await pause(backoffMs(retryDelayMs, Math.max(failed, 0)), signal);
  }
}

function toEvent(response: Response, data: string): TimelineEvent {
  const event = parseJson(data) as TimelineEvent | null | undefined;
  if (Number.isSafeInteger(event?.seq)) return event as TimelineEvent;
  throw unexpectedAnswer(response, "An event without a number");
}

/** One stream, closed when it has been silent for too long or its watcher has had enough. */
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

  async *chunks(response: Response): AsyncGenerator<Uint8Array, void> {
    if (
      !/^text\/event-stream\b/i.test(response.headers.get("Content-Type") ?? "") ||
      response.body === null
    ) {
      throw unexpectedAnswer(response, "An answer that is no event stream");
    }
    const reader = response.body.getReader();
    try {
      for (;;) {
        // Only while something is waited for: a watcher may take its time with an event.
        const timer = setTimeout(
          () => this.#aborter.abort(new Error("the stream was silent")),
          this.#silenceMs,
        );
        const { done, value } = await reader.read().finally(() => clearTimeout(timer));
        if (done) return;
        yield value;
      }
    } finally {
      // Not every fetch ends a body by its signal.
      reader.cancel().catch(() => {});
    }
  }

  close(): void {
    this.#watcher?.removeEventListener("abort", this.#stop);
    this.#aborter.abort(new Error("the stream is no longer read"));
  }
}
