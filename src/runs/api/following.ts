/** The feed of an environment and the timeline of a run, as JSON or as Server-Sent Events. They never read D1. */
import { type Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import { requires } from "../../auth/authentication.ts";
import { may } from "../../auth/principal.ts";
import { CHANGE_CURSOR } from "../../base/limits.ts";
import { msSinceOrLongAgo, rfc3339, within } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import type { Described } from "../../http/operation.ts";
import { linkNext, parseSeq } from "../../http/paging.ts";
import { type AppEnv, type Environment, environmentOf } from "../../http/request-context.ts";
import { validQuery } from "../../http/validate.ts";
import { sealedFor } from "../../webhooks/webhook-request.ts";
import type { ChangeFilter, FeedPosition, Inclusion, Tail, TimelineAnswer } from "../run-calls.ts";
import { mayBeKnown } from "./read-runs.ts";
import { changesQuery, eventsQuery } from "./request-schemas.ts";
import { CHANGE_CURSOR_EXAMPLE, OF_RUNS, runChanges, timeline } from "./responses/runs.ts";
import { ask, refusalError, runIdOf, type Subscription, sendJson, subscriptionFor } from "./run-request.ts";

const JSON_TYPE = "application/json";
const EVENT_STREAM = "text/event-stream";

export const followingRoutes = new Hono<AppEnv>();

const FOLLOW_ACTION_RUNS: Described = DESCRIBE && {
  operationId: "followActionRuns",
  summary: "Follow the changes of action runs",
  description:
    "Returns the runs of an environment that changed since a cursor, at most 200. Start without `after`, which " +
    "returns a cursor for now. Then list the runs, and follow from the cursor. So you miss no change, unless the list " +
    "has `Action-Runs-Stale`: then list again. With `wait` the response waits for a change. If you send `Accept: text/event-stream`, " +
    "you get the same objects as Server-Sent Events, whose ids are the cursors.",
  headers: ["Last-Event-ID of changes"],
  responses: {
    200: {
      description: "The changes",
      json: runChanges,
      text: {
        [EVENT_STREAM]: `id: ${CHANGE_CURSOR_EXAMPLE}\ndata: {"runs":[],"cursor":"${CHANGE_CURSOR_EXAMPLE}","caughtUp":true}\n\n`,
      },
      headers: ["X-Accel-Buffering"],
    },
  },
  errors: ["invalid_cursor", "cursor_gone", "not_configured", "coordinator_unavailable", "too_many_watchers"],
};

followingRoutes.get("/changes", requires("data:read", FOLLOW_ACTION_RUNS), validQuery(changesQuery), async (c) => {
  const { after, wait = 0, label: labels, ...others } = c.req.valid("query");
  const isStream = wantsEventStream(c);
  const cursor = sentCursor(after, isStream ? c.req.header("Last-Event-ID") : undefined);
  const environment = environmentOf(c);
  const read = readerOf(environment, { ...others, labels }, cursor);
  if (isStream) return streamChanges(c, environment, read);
  const changes = await read(null, 0);
  // Without a cursor there is nothing to wait for, because the client needs one first.
  const isAtOnce = wait === 0 || after === undefined || isNews(changes);
  return sendJson(c, changesJson(isAtOnce ? changes : await waited(c, environment, read, wait * 1000, changes)));
});

interface Changes {
  /** JSON, with commas between the runs. */
  readonly runs: string;
  readonly cursor: string;
  readonly isCaughtUp: boolean;
}

function isNews({ runs, isCaughtUp }: Changes): boolean {
  return runs !== "" || !isCaughtUp;
}

/** How long an answer takes beyond its wait. */
const ANSWER_MAX_MS = 5000;

/**
 * With a subscription, a read waits up to `maxMs` for changes, and gets them at most once a second. Throws `cursor_gone`,
 * `too_many_watchers`, or `coordinator_unavailable`.
 */
type Read = (subscription: Subscription | null, maxMs: number) => Promise<Changes>;

/** The feed as one request reads it. `from`: null for the newest change. */
function readerOf(environment: Environment, asked: ChangeFilter & Inclusion, from: FeedPosition | null): Read {
  let after = from;
  return async (subscription, askedMs) => {
    const maxMs = Math.max(askedMs, 0);
    const asking = ask(environment, ({ watches }) =>
      subscription === null
        ? watches.changes({ ...asked, after })
        : watches.watchChanges({ ...asked, after }, subscription.subscriber, maxMs),
    );
    const answer = await within(maxMs + ANSWER_MAX_MS, asking).catch((cause: unknown) => {
      throw cause instanceof ApiError ? cause : new ApiError("coordinator_unavailable", undefined, { cause });
    });
    if (!answer.ok) throw refusalError(answer.reason);
    after = answer.readTo;
    return { runs: answer.runs, cursor: changeCursorOf(after), isCaughtUp: answer.isCaughtUp };
  };
}

/** How long a wait goes on before the token is judged again. */
const JUDGED_EVERY_MS = 25_000;

async function waited(
  c: Context<AppEnv>,
  environment: Environment,
  read: Read,
  waitMs: number,
  first: Changes,
): Promise<Changes> {
  const startedAt = Date.now();
  const subscription = subscriptionFor(c, environment);
  const { expiresAt, isGone, authorizeAgain, leave } = subscription;
  let changes = first;
  try {
    for (;;) {
      const now = Date.now();
      const leftMs = waitMs - msSinceOrLongAgo(startedAt, now);
      if (leftMs <= 0 || isGone() || isNews(changes)) return changes;
      changes = await read(subscription, Math.min(leftMs, JUDGED_EVERY_MS, expiresAt - now));
      await authorizeAgain();
    }
  } finally {
    leave();
  }
}

/** The platform ends a request that makes more than 1000 calls. A stream ends before that, and its client resumes. */
const CALLS_MAX = 900;

async function streamChanges(c: Context<AppEnv>, environment: Environment, read: Read): Promise<Response> {
  const subscription = c.req.raw.method === "HEAD" ? null : subscriptionFor(c, environment);
  // Before the stream begins, because a refusal needs a status.
  let told = await read(subscription, 0).catch((refusal: unknown) => {
    subscription?.leave();
    throw refusal;
  });
  eventStreamHeaders(c);
  if (subscription === null) return c.body(null);
  const { expiresAt, hasLeft, authorizeAgain, leave } = subscription;
  let calls = 1;
  const next = async (maxMs: number) => {
    // After the end of the subscription, another call would subscribe again.
    if (calls++ >= CALLS_MAX || hasLeft()) return null;
    const changes = await read(subscription, Math.min(maxMs, expiresAt - Date.now()));
    await authorizeAgain();
    const isSame = changes.runs === "" && changes.isCaughtUp === told.isCaughtUp && changes.cursor === told.cursor;
    told = changes;
    // A comment, unless the cursor has moved on behind runs that the filter leaves out.
    return isSame ? { text: "", isOver: false } : pieceOfChanges(changes);
  };
  return c.body(eventStream(pieceOfChanges(told), { next, leave }));
}

function pieceOfChanges(changes: Changes): Piece {
  return { text: eventFrame(changes.cursor, changesJson(changes)), isOver: false };
}

function changesJson({ runs, cursor, isCaughtUp }: Changes): string {
  return `{"runs":[${runs}],"cursor":"${cursor}","caughtUp":${isCaughtUp}}`;
}

const WHOLE = new RegExp(CHANGE_CURSOR);

/** The cursor of the feed is `{epoch}.{number}`, or `0` before every change. Null for a text that is no cursor. */
export function readChangeCursor(text: string): FeedPosition | null {
  if (!WHOLE.test(text)) return null;
  const [epoch, seq = 0] = text.split(".").map(Number);
  return { epoch: epoch ?? 0, seq };
}

function changeCursorOf({ epoch, seq }: FeedPosition): string {
  return seq === 0 ? "0" : `${epoch}.${seq}`;
}

/** The cursor of a request: `Last-Event-ID` wins over `after`. Null if there is neither. Throws `invalid_cursor`. */
function sentCursor(after: string | undefined, lastEventId: string | undefined): FeedPosition | null {
  const text = lastEventId ?? after;
  if (text === undefined) return null;
  const position = readChangeCursor(text);
  if (position !== null) return position;
  const [what, pointer] = lastEventId === undefined ? ["after", "/after"] : ["Last-Event-ID", ""];
  throw new ApiError(
    "invalid_cursor",
    `${what} is not a cursor of this feed. Send the cursor of an earlier response, 0 for all changes, or omit it.`,
    { pointer },
  );
}

/** Events that a stream fetches at once. */
const STREAM_PAGE = 100;

const LIST_ACTION_RUN_EVENTS: Described = DESCRIBE && {
  operationId: "listActionRunEvents",
  summary: "Read or follow a run's timeline",
  description:
    "Returns the events of a run, oldest first, in pages. If you send `Accept: text/event-stream`, you " +
    "get Server-Sent Events instead, live until the run ends. A stream takes no `limit` and no `cursor`. While the " +
    'job runs, frames with `event: tail` have its newest output as `{"tail", "at"}`, at most one each second. They ' +
    "have no `id`, because a tail is not part of the timeline.",
  headers: ["Last-Event-ID"],
  responses: {
    200: {
      description: "The run's timeline, oldest first",
      json: timeline,
      text: { [EVENT_STREAM]: 'id: 1\ndata: {"seq":1,"type":"created","at":"2026-11-25T13:21:48.373Z","by":"ci"}\n\n' },
      headers: ["Link", "X-Accel-Buffering"],
    },
    204: { description: "The stream was resumed after its last event, so there are no more events." },
  },
  errors: ["invalid_last_event_id", ...OF_RUNS, "too_many_watchers"],
};

followingRoutes.get(
  "/:id/events",
  requires("data:read", LIST_ACTION_RUN_EVENTS),
  validQuery(eventsQuery),
  async (c) => {
    const id = runIdOf(c);
    const environment = environmentOf(c);
    if (!(await mayBeKnown(environment, id))) throw new ApiError("run_not_found");
    if (wantsEventStream(c)) return streamTimeline(c, environment, id);

    const { limit, cursor = 0 } = c.req.valid("query");
    const page = { after: cursor, limit, withExcerpts: seesExcerpts(c) };
    const answer = await ask(environment, ({ watches }) => watches.events(id, page));
    if (!answer.ok) throw refusalError(answer.reason);
    linkNext(c, answer.lastSeq < answer.newestSeq ? answer.lastSeq : null);
    const { events } = await openExcerpts(environment, id, answer);
    return sendJson(c, `[${events.join(",")}]`);
  },
);

async function streamTimeline(c: Context<AppEnv>, environment: Environment, id: string): Promise<Response> {
  const ofPages = ["limit", "cursor"].find((name) => c.req.query(name) !== undefined);
  if (ofPages !== undefined) {
    throw new ApiError(
      "invalid_query",
      "A stream has no limit and no cursor. Send Last-Event-ID to continue after an event.",
      { pointer: `/${ofPages}` },
    );
  }
  const after = parseSeq(c.req.header("Last-Event-ID") ?? "0");
  if (after === null) throw new ApiError("invalid_last_event_id", BAD_LAST_EVENT_ID);
  const { subscriber, expiresAt, authorizeAgain, leave } = subscriptionFor(c, environment);
  const watch = (seq: number, tailAt: number, maxMs: number) => {
    const startedAt = Date.now();
    const page = { after: seq, limit: STREAM_PAGE, withExcerpts: seesExcerpts(c), tailAt };
    return ask(environment, (coordinator) => {
      // Computed in here because the call may be repeated.
      const leftMs = Math.max(maxMs - msSinceOrLongAgo(startedAt, Date.now()), 0);
      return coordinator.watches.watch(id, page, subscriber, leftMs);
    });
  };

  // Make the first call before the stream begins, because a refusal needs a status.
  const isHead = c.req.raw.method === "HEAD";
  const first = isHead
    ? await ask(environment, ({ watches }) => watches.events(id, { after, limit: 1 }))
    : await watch(after, 0, 0);
  if (!first.ok) throw refusalError(first.reason);
  if (after > first.newestSeq) {
    leave();
    throw new ApiError("invalid_last_event_id", BAD_LAST_EVENT_ID);
  }
  // 204 tells an EventSource not to reconnect: the client has every event that there will ever be.
  if (first.isOver && first.events.length === 0) return c.body(null, 204);
  eventStreamHeaders(c);
  if (isHead) return c.body(null);
  const next = async (seq: number, maxMs: number, tailAt: number) => {
    const answer = await watch(seq, tailAt, Math.min(maxMs, expiresAt - Date.now()));
    await authorizeAgain();
    return answer.ok ? openExcerpts(environment, id, answer) : null;
  };
  return c.body(streamEvents(await openExcerpts(environment, id, first), { next, leave }));
}

const BAD_LAST_EVENT_ID =
  "Last-Event-ID is not an event of this run. Send the id of the last event you got, or leave the header out.";

/** Only those who manage actions, because a receiver's response can contain secrets of the action. */
function seesExcerpts(c: Context<AppEnv>): boolean {
  return may(c.get("principal"), "actions:manage");
}

/**
 * A tail has a name and no id: no client resumes after it, and one that reads only unnamed events never sees it. A slow
 * reader gets only the newest tail. `next`: the events after `seq`, and a tail other than that of the instant `tailAt`.
 * Waits up to `maxMs` for one.
 */
export function streamEvents(
  first: TimelineAnswer,
  source: {
    next(seq: number, maxMs: number, tailAt: number): Promise<TimelineAnswer | null>;
    readonly leave: EventSource["leave"];
  },
): ReadableStream<Uint8Array> {
  let seq = first.lastSeq;
  let tailAt = first.tail?.at ?? 0;
  return eventStream(pieceOfTimeline(first), {
    async next(maxMs) {
      const news = await source.next(seq, maxMs, tailAt);
      if (news === null) return null;
      seq = news.lastSeq;
      tailAt = news.tail?.at ?? tailAt;
      return pieceOfTimeline(news);
    },
    leave: source.leave,
  });
}

function pieceOfTimeline({ events, tail, isOver }: TimelineAnswer): Piece {
  return { text: events.map(toFrame).join("") + (tail === undefined ? "" : tailFrame(tail)), isOver };
}

function tailFrame({ text, at }: Tail): string {
  return `event: tail\ndata: ${JSON.stringify({ tail: text, at: rfc3339(at) })}\n\n`;
}

/** The number is the first member of an event's JSON. */
function toFrame(event: string): string {
  const [, seq = ""] = /^\{"seq":(\d+)/.exec(event) ?? [];
  return eventFrame(seq, event);
}

/** No other text of an event can contain this, because JSON escapes its quotes. */
const HAS_EXCERPT = ',"excerpt":"';

/** An excerpt can repeat a secret of the request, so the sender has sealed it. Null if no key of the ring opens it. */
async function openExcerpts(environment: Environment, id: string, page: TimelineAnswer): Promise<TimelineAnswer> {
  const events = page.events.map((event) => (event.includes(HAS_EXCERPT) ? opened(environment, id, event) : event));
  return { ...page, events: await Promise.all(events) };
}

async function opened({ ring, scope }: Environment, id: string, event: string): Promise<string> {
  const members = JSON.parse(event) as { readonly excerpt: string };
  const excerpt = ring && (await ring.openBase64(members.excerpt, sealedFor(scope, id, "excerpt")));
  return JSON.stringify({ ...members, excerpt });
}

/** A stream ends after this time, so that it does not keep its isolate. Its client resumes. */
const STREAM_MAX_MS = 300_000;
/** How often a comment is sent when there are no events, so that proxies keep the connection open. */
const COMMENT_MS = 15_000;
/** A subscriber that takes nothing for this long is dropped. */
const SLOW_MAX_MS = 30_000;
/** How long clients wait before they reconnect. */
const RETRY_MS = 1000;

/** Events that are sent together. */
interface Piece {
  readonly text: string;
  /** Whether no event can follow these. */
  readonly isOver: boolean;
}

function wantsEventStream(c: Context): boolean {
  c.header("Vary", "Accept");
  return accepts(c, { header: "Accept", supports: [JSON_TYPE, EVENT_STREAM], default: JSON_TYPE }) === EVENT_STREAM;
}

interface EventSource {
  /** Waits up to `maxMs` for events. Null if there is nothing to watch any more. */
  next(maxMs: number): Promise<Piece | null>;
  leave(): void;
}

/** A piece is made when the subscriber asks for it, so nothing is buffered. One that stops reading is dropped. */
function eventStream(first: Piece, source: EventSource): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const startedAt = Date.now();
  let slow: ReturnType<typeof setTimeout> | null = null;

  function send(controller: ReadableStreamDefaultController<Uint8Array>, { text, isOver }: Piece): void {
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

function eventStreamHeaders(c: Context): void {
  c.header("Cache-Control", "no-store, no-transform");
  // Some clients read text without a charset as Latin-1.
  c.header("Content-Type", `${EVENT_STREAM}; charset=utf-8`);
  // nginx holds back a response until it has a full buffer of it, unless this header is there.
  c.header("X-Accel-Buffering", "no");
}

/** `data` has no line break. */
function eventFrame(id: string, data: string): string {
  return `id: ${id}\ndata: ${data}\n\n`;
}
