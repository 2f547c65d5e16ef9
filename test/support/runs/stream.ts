/** Reads Server-Sent Events as their standard says, knowing nothing of the service. Every wait is bounded. */

import { exports } from "cloudflare:workers";
import { HANG_MS } from "../direct.ts";
import { type Answer, type Ask, ask, type Beaten, type CreatedRun, givenRun, ROOT } from "../requests.ts";

/** An entry of a timeline on the wire. */
export interface WireEvent {
  readonly seq: number;
  readonly type: string;
  readonly at: string;
  readonly [member: string]: unknown;
}

/** What stands between two blank lines. A missing field is null. */
export interface Frame {
  readonly id: string | null;
  /** The name. An event of a timeline has none. */
  readonly event: string | null;
  readonly data: string | null;
  readonly retry: string | null;
  readonly isComment: boolean;
}

export interface Stream {
  readonly status: number;
  readonly headers: Headers;
  /** The next frame, null at the end. */
  next(ms?: number): Promise<Frame | null>;
  /** The next `n` events. Skips other frames. */
  events(n: number, ms?: number): Promise<WireEvent[]>;
  /** Every event up to the end. */
  rest(ms?: number): Promise<WireEvent[]>;
  /** Hangs up, as a client does that closes its page. */
  cancel(): Promise<void>;
}

export interface Watching {
  readonly lastEventId?: string | number;
  readonly accept?: string;
  /** Null: only `headers` say who asks. */
  readonly token?: string | null;
  /** What a session sends. */
  readonly headers?: Readonly<Record<string, string>>;
}

export const EVENT_STREAM = "text/event-stream";

export function openStream(runPath: string, watching: Watching = {}): Promise<Stream> {
  return openStreamAt(`${runPath}/events`, watching);
}

/** Opens the stream of any path. */
export async function openStreamAt(path: string, watching: Watching = {}): Promise<Stream> {
  const { lastEventId, accept = EVENT_STREAM, token = ROOT } = watching;
  const headers = new Headers({ ...watching.headers, Accept: accept });
  if (token !== null) headers.set("Authorization", `Bearer ${token}`);
  if (lastEventId !== undefined) headers.set("Last-Event-ID", String(lastEventId));
  const url = `https://runs.example${path}`;
  return readStream(await exports.default.fetch(url, { headers }));
}

/** Reads a response's body. */
function readStream({ status, headers, body }: Response): Stream {
  const reader = (body as ReadableStream<Uint8Array> | null)?.getReader();
  const decoder = new TextDecoder();
  const frames: Frame[] = [];
  let text = "";
  let isOver = reader === undefined;

  async function next(ms = HANG_MS): Promise<Frame | null> {
    const until = performance.now() + ms;
    for (;;) {
      const frame = frames.shift();
      if (frame !== undefined) return frame;
      if (isOver || reader === undefined) return null;
      const { done, value } = await within(until - performance.now(), reader.read());
      isOver = done;
      text += decoder.decode(value, { stream: !done });
      const whole = text.split("\n\n");
      text = whole.pop() ?? "";
      // The standard throws away what no blank line ends.
      frames.push(...whole.map(toFrame));
    }
  }

  async function events(n: number, ms = HANG_MS): Promise<WireEvent[]> {
    const found: WireEvent[] = [];
    const until = performance.now() + ms;
    while (found.length < n) {
      const leftMs = until - performance.now();
      if (leftMs < 0) throw new Error(`${found.length} events within ${ms} ms, and no end of them`);
      const frame = await next(leftMs);
      if (frame === null) break;
      if (frame.data !== null && frame.event === null) found.push(JSON.parse(frame.data));
    }
    return found;
  }

  return {
    status,
    headers,
    next,
    events,
    rest: (ms) => events(Number.POSITIVE_INFINITY, ms),
    cancel: async () => reader?.cancel(),
  };
}

function toFrame(text: string): Frame {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r\n|\n|\r/)) {
    const colon = line.includes(":") ? line.indexOf(":") : line.length;
    fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ""));
  }
  const field = (name: string) => fields.get(name) ?? null;
  return {
    id: field("id"),
    event: field("event"),
    data: field("data"),
    retry: field("retry"),
    isComment: fields.has(""),
  };
}

/** The same, or an error after `ms`. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${Math.round(ms)} ms`)), Math.max(ms, 0));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function eventsOf(runPath: string, query = "", options: Ask = {}): Promise<Answer<WireEvent[]>> {
  return ask("GET", `${runPath}/events${query}`, options);
}

/** Sends a heartbeat as the run's workflow does. */
export function beat<T = Beaten>(run: CreatedRun, body: unknown = {}, token = run.callback.token): Promise<Answer<T>> {
  return ask("POST", run.callback.url.replace(/callback$/, "heartbeat"), { token, body });
}

/** A run in an environment of its own that a heartbeat has started. */
export async function givenStarted(body?: Record<string, unknown>) {
  const given = await givenRun(body);
  await beat(given.run);
  return given;
}
