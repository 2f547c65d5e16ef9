/**
 * The subscription of a request that waits for news of a run, or of all runs, and Server-Sent Events. After each wait the
 * request is authorized again before the news is sent, so a token gets no more news from 30 s after its revocation on (10
 * minutes while D1 is down).
 */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { authorize } from "../../auth/authentication.ts";
import { msSinceOrLongAgo } from "../../base/time.ts";
import type { AppEnv } from "../../http/request-context.ts";
import { ask, type RunEnvironment } from "./run-request.ts";

export type Subscription = ReturnType<typeof subscriptionFor>;

/** The first call with `subscriber` subscribes at the coordinator. A client that hangs up is unsubscribed. */
export function subscriptionFor(c: Context<AppEnv>, environment: RunEnvironment) {
  const { id: tokenId, expiresAt } = c.get("principal");
  const subscriber = { key: crypto.randomUUID(), tokenId };
  const { signal } = c.req.raw;
  let hasLeft = false;
  const leave = () => {
    if (hasLeft) return;
    hasLeft = true;
    const left = ask(environment, ({ watches }) => watches.unwatch(subscriber.key));
    // Without waitUntil, the platform drops the call together with the request of a client that hung up.
    c.executionCtx.waitUntil(left.catch(() => {}));
  };
  signal.addEventListener("abort", leave, { once: true });
  return {
    subscriber,
    /** When the token expires. No wait lasts longer. */
    expiresAt: expiresAt ?? Number.POSITIVE_INFINITY,
    /** Whether the subscription has ended. */
    hasLeft: () => hasLeft,
    /** Whether the client hung up. */
    isGone: () => signal.aborted,
    /** Throws if the token no longer opens this environment. */
    authorizeAgain: () => authorize(c, "data:read"),
    /** Ends the subscription. The call goes on after the response. */
    leave,
  };
}

const JSON_TYPE = "application/json";
export const EVENT_STREAM = "text/event-stream";
/** A stream ends after this time, so that it does not keep its isolate. The client then resumes. */
const STREAM_MAX_MS = 300_000;
/** How often a comment is sent when there are no events, so that proxies keep the connection open. */
const COMMENT_MS = 15_000;
/** A subscriber that takes nothing for this long is dropped. */
const SLOW_MAX_MS = 30_000;
/** How long clients wait before they reconnect. */
const RETRY_MS = 1000;

/** Events that are sent together. */
export interface Piece {
  /** Empty if there is no event. */
  readonly text: string;
  /** Whether no event can follow these. */
  readonly isOver: boolean;
}

/** Whether the client wants Server-Sent Events. The response depends on `Accept`, and says so. */
export function wantsEventStream(c: Context): boolean {
  c.header("Vary", "Accept");
  return accepts(c, { header: "Accept", supports: [JSON_TYPE, EVENT_STREAM], default: JSON_TYPE }) === EVENT_STREAM;
}

export interface EventSource {
  /** The next events. If there are none yet, waits up to `maxMs` for one. Null if there is nothing to watch any more. */
  next(maxMs: number): Promise<Piece | null>;
  /** Called when the stream is over or has lost its subscriber. */
  leave(): void;
}

type Controller = ReadableStreamDefaultController<Uint8Array>;

/**
 * The next piece is made when the subscriber asks for it, so nothing is buffered for a slow one. A subscriber that stops
 * reading is dropped, and resumes with the id of the last event it got.
 */
export function eventStream(first: Piece, source: EventSource): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const startedAt = Date.now();
  let slow: ReturnType<typeof setTimeout> | null = null;

  function send(controller: Controller, { text, isOver }: Piece): void {
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
        send(controller, { ...first, text: `retry: ${RETRY_MS}\n\n${first.text}` });
      },
      async pull(controller) {
        clearTimeout(slow);
        const leftMs = STREAM_MAX_MS - msSinceOrLongAgo(startedAt, Date.now());
        const news = leftMs > 0 ? await source.next(Math.min(COMMENT_MS, leftMs)).catch(() => null) : null;
        if (news === null) {
          source.leave();
          controller.close();
          return;
        }
        if (news.isOver) source.leave();
        send(controller, news.text === "" ? { ...news, text: ":\n\n" } : news);
      },
      cancel() {
        clearTimeout(slow);
        source.leave();
      },
    },
    { highWaterMark: 0 },
  );
}

export function eventStreamHeaders(c: Context): void {
  c.header("Cache-Control", "no-store, no-transform");
  // Some clients read text without a charset as Latin-1.
  c.header("Content-Type", `${EVENT_STREAM}; charset=utf-8`);
  // nginx holds back a response until it has a full buffer of it, unless this header is there.
  c.header("X-Accel-Buffering", "no");
}

/** One event. `data` has no line break. */
export function eventFrame(id: string, data: string): string {
  return `id: ${id}\ndata: ${data}\n\n`;
}
