/** Follows all runs, or the events of one. When a stream of Server-Sent Events ends, a new one goes on from there. */

import { createParser } from "eventsource-parser";
import type { DetailOptions, List, Page, Schemas } from "./api.ts";
import type { TransportSettings } from "./settings.ts";
import {
  ActionRunsError,
  isTransient,
  parseJson,
  pause,
  retryPauseMs,
  unexpectedResponse,
  unreachable,
} from "./transport.ts";

type Run = Schemas["DetailedActionRun"];
type TimelineEvent = Schemas["TimelineEvent"];

/** Runs that are new or have changed. A run that you know already replaces the one that you have. */
export interface RunChanges {
  readonly runs: readonly Run[];
  /** Where to go on. Store it when you have processed these runs. Null until the whole list has come. */
  readonly cursor: string | null;
  /** Whether these are the newest changes. False also while the list comes. */
  readonly caughtUp: boolean;
}

export interface FollowOptions<List> extends DetailOptions {
  /**
   * Where to begin: a cursor, `"0"` for all that are kept, or `"now"`. Default: it lists the runs, and then follows.
   */
  readonly after?: string | undefined;
  readonly actionName?: string | undefined;
  readonly subject?: string | undefined;
  /** Only runs that have each of these labels. */
  readonly label?: string[] | undefined;
  /** Only runs that this gate can hold back. A run is also a change when it no longer waits. */
  readonly waiting?: "any" | "time" | "approval" | "concurrency" | "pause" | undefined;
  readonly group?: string | undefined;
  /** Makes the list at the beginning shorter, for example `{ status: ["running"] }`. All changes follow it. */
  readonly list?: List | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called each time when there is no connection. `follow` goes on by itself. */
  readonly onBreak?: ((error: ActionRunsError) => void) | undefined;
  /**
   * Called for each page of the list that stayed stale, although `follow` asked again as often as the client retries.
   * The page can lack changes that the feed will not give. Begin again later if you need them.
   */
  readonly onStale?: (() => void) | undefined;
}

interface FollowSource {
  cursor(): Promise<string>;
  readonly list: List<Run>;
  open(after: string, signal: AbortSignal): Promise<Response>;
}

/** Four pages of 1 MiB, each with a run that can be larger. */
const EVENT_MAX_CHARACTERS = 16 * 1024 * 1024;

type Patient = Pick<FollowOptions<unknown>, "after" | "signal" | "onBreak" | "onStale">;

/**
 * Lists all runs first, or goes on from a cursor. No change is missed between the list and the feed, because the cursor is
 * taken before the list, and a stale page is asked for again. Throws what waiting can't help with: a refusal,
 * `cursor_gone`, or an address that never answered. Then it is over.
 */
export async function* followRuns(
  source: FollowSource,
  options: Patient,
  settings: StreamSettings,
): AsyncGenerator<RunChanges, void> {
  const { after, signal } = options;
  const patience = patienceOf(options, settings);
  let cursor = after ?? "now";
  if (cursor === "now") {
    cursor = await patience.until(() => source.cursor());
    if (after === undefined) yield* listed(source, cursor, patience, settings.retries, options.onStale);
    else yield { runs: [], cursor, caughtUp: true };
  }
  for (;;) {
    let last = "";
    const reading = {
      open: (stop: AbortSignal) => source.open(cursor, stop),
      read(response: Response, data: string) {
        const changes = parseJson(data) as (RunChanges & { readonly cursor: string }) | null | undefined;
        if (!Array.isArray(changes?.runs) || typeof changes.cursor !== "string")
          throw unexpectedResponse(response, "An event of the feed has no cursor");
        patience.answered();
        // Each stream begins with where it is.
        const said = JSON.stringify([changes.cursor, changes.caughtUp]);
        if (changes.runs.length === 0 && said === last) return null;
        last = said;
        cursor = changes.cursor;
        return changes;
      },
      isLast: () => false,
      maxCharacters: EVENT_MAX_CHARACTERS,
    };
    try {
      yield* readStreams(reading, signal, settings);
    } catch (error) {
      await patience.afterError(error);
    }
  }
}

/** The list, page by page. A page is asked for again until it is current, or until `retries` + 1 in a row were stale. */
async function* listed(
  source: FollowSource,
  cursor: string,
  patience: ReturnType<typeof patienceOf>,
  retries: number,
  onStale: (() => void) | undefined,
): AsyncGenerator<RunChanges, void> {
  let stale = 0;
  for (let at: string | null | undefined; at !== null; ) {
    const page: Page<Run> = await patience.until(() => source.list.page(at ?? undefined));
    stale = page.isStale ? stale + 1 : 0;
    if (page.isStale && stale <= retries) {
      await patience.wait();
      continue;
    }
    if (page.isStale) onStale?.();
    patience.answered();
    at = page.next;
    yield { runs: page.entries, cursor: at === null ? cursor : null, caughtUp: false };
  }
}

/** Waits while the service can't answer, for as long as it takes, once it has answered. */
function patienceOf({ signal, onBreak }: Patient, { retryDelayMs }: StreamSettings) {
  let hasAnswered = false;
  let failed = 0;
  const wait = (leastMs = 0) => pause(leastMs + retryPauseMs(retryDelayMs, failed++), signal);
  /** Throws what waiting can't help with. */
  async function afterError(error: unknown): Promise<void> {
    signal?.throwIfAborted();
    if (!(error instanceof ActionRunsError) || !hasAnswered || !isTransient(error)) throw error;
    onBreak?.(error);
    await wait(error.retryAfterMs ?? 0);
  }
  return {
    answered(): void {
      hasAnswered = true;
      failed = 0;
    },
    async until<T>(call: () => Promise<T>): Promise<T> {
      for (;;) {
        try {
          const value = await call();
          hasAnswered = true;
          return value;
        } catch (error) {
          await afterError(error);
        }
      }
    },
    afterError,
    wait,
  };
}

export interface WatchOptions {
  /** The number of the last event that you already have. Default: 0, from the beginning. */
  readonly after?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the newest output of the job, as often as a stream brings one: once a second at most. */
  readonly onTail?: ((tail: RunTail) => void) | undefined;
}

/** The newest output of a running job. It can contain anything. `at`: when it came, in RFC 3339. */
export interface RunTail {
  readonly tail: string;
  readonly at: string;
}

const TIMELINE_EVENT_MAX_CHARACTERS = 1024 * 1024;

/** A run's events to the end. Each event comes once and in order. Throws as `readStreams` does. */
export function watchEvents(
  open: (seq: number, signal: AbortSignal) => Promise<Response>,
  { after = 0, signal, onTail }: WatchOptions,
  settings: StreamSettings,
): AsyncGenerator<TimelineEvent, void> {
  let seq = after;
  const reading = {
    open: (stop: AbortSignal) => open(seq, stop),
    read(response: Response, data: string) {
      const event = parseJson(data) as TimelineEvent | null | undefined;
      if (!event || !Number.isSafeInteger(event.seq)) throw unexpectedResponse(response, "An event has no number");
      if (event.seq <= seq) return null;
      seq = event.seq;
      return event;
    },
    readNamed(name: string, data: string) {
      const tail = name === "tail" ? (parseJson(data) as RunTail | null | undefined) : null;
      if (typeof tail?.tail === "string" && typeof tail.at === "string") onTail?.(tail);
    },
    isLast: ({ type }: TimelineEvent) => type === "ended",
    maxCharacters: TIMELINE_EVENT_MAX_CHARACTERS,
  };
  return readStreams(reading, signal, settings);
}

interface Reading<T> {
  /** Opens a stream behind what was read. The response is 204 if nothing will come. */
  readonly open: (signal: AbortSignal) => Promise<Response>;
  /** What an event's data says; null if it is nothing new. May throw. */
  readonly read: (response: Response, data: string) => T | null;
  /** Takes an event that has a name. One with an unknown name is for a newer client. */
  readonly readNamed?: (name: string, data: string) => void;
  /** Whether nothing comes after it. */
  readonly isLast: (value: T) => boolean;
  /** Far more than an event needs. Without a limit, a line that never ends would fill the memory. */
  readonly maxCharacters: number;
}

type StreamSettings = Pick<TransportSettings, "retries" | "retryDelayMs" | "timeoutMs">;

/** Throws a refusal, and `unreachable` if `retries` + 1 streams in a row bring neither an event nor a comment. */
async function* readStreams<T>(
  { open, read, readNamed, isLast, maxCharacters }: Reading<T>,
  signal: AbortSignal | undefined,
  settings: StreamSettings,
): AsyncGenerator<T, void> {
  let { retryDelayMs } = settings;
  for (let failed = 0; ; failed++) {
    let broken: unknown;
    let response: Response | undefined;
    const aborter = new AbortController();
    const stop = () => aborter.abort(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      response = await open(aborter.signal);
      if (response.status === 204) return;
      const events: { readonly name: string | undefined; readonly data: string }[] = [];
      const parser = createParser({
        maxBufferSize: maxCharacters,
        onEvent({ event: name, data }) {
          failed = -1;
          events.push({ name, data });
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
      for await (const chunk of chunksOf(response, aborter, settings.timeoutMs)) {
        parser.feed(chunk);
        for (const { name, data } of events.splice(0)) {
          if (name !== undefined) readNamed?.(name, data);
          const value = name === undefined ? read(response, data) : null;
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
      signal?.removeEventListener("abort", stop);
      aborter.abort(new Error("the stream is no longer read"));
    }
    if (failed >= settings.retries) throw unreachable("The event stream broke off several times", broken);
    await pause(retryPauseMs(retryDelayMs, Math.max(failed, 0)), signal);
  }
}

/** The text of a stream, as it comes. Aborts if the stream is silent for too long. */
async function* chunksOf(
  response: Response,
  aborter: AbortController,
  silenceMs: number,
): AsyncGenerator<string, void> {
  if (!/^text\/event-stream\b/i.test(response.headers.get("Content-Type") ?? "") || response.body === null) {
    throw unexpectedResponse(response, "The response is not an event stream");
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      // The timer runs only while we read, because the caller may take its time with an event.
      const timer = setTimeout(() => aborter.abort(new Error("the stream was silent")), silenceMs);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    // In some runtimes the signal does not end the body.
    reader.cancel().catch(() => {});
  }
}
