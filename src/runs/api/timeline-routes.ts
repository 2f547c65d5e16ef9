/** GET …/{id}/events: a run's timeline, in pages or as Server-Sent Events. */
import { type Context, Hono } from "hono";
import { requires } from "../../auth/authentication.ts";
import { may } from "../../auth/principal.ts";
import { msSinceOrLongAgo, rfc3339 } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import type { Described } from "../../http/operation.ts";
import { linkNext, parseSeq } from "../../http/paging.ts";
import type { AppEnv } from "../../http/request-context.ts";
import { validQuery } from "../../http/validate.ts";
import { sealedFor } from "../../webhooks/webhook-request.ts";
import type { Tail, TimelineAnswer } from "../run-calls.ts";
import { mayBeKnown } from "./read-runs.ts";
import { eventsQuery } from "./request-schemas.ts";
import { OF_RUNS, timeline } from "./responses/runs.ts";
import { ask, environmentOf, type RunEnvironment, runIdOf } from "./run-request.ts";
import { refusalError, sendJson } from "./run-response.ts";
import {
  EVENT_STREAM,
  eventFrame,
  eventStream,
  eventStreamHeaders,
  type Piece,
  subscriptionFor,
  wantsEventStream,
} from "./subscription.ts";

/** The most events that a stream fetches at once. */
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

export const timelineRoutes = new Hono<AppEnv>().get(
  "/:id/events",
  requires("data:read", LIST_ACTION_RUN_EVENTS),
  validQuery(eventsQuery),
  async (c) => {
    const id = runIdOf(c);
    const environment = environmentOf(c);
    if (!(await mayBeKnown(environment, id))) throw new ApiError("run_not_found");
    if (wantsEventStream(c)) return stream(c, environment, id);

    const { limit, cursor = 0 } = c.req.valid("query");
    const page = { after: cursor, limit, withExcerpts: seesExcerpts(c) };
    const answer = await ask(environment, (coordinator) => coordinator.watches.events(id, page));
    if (!answer.ok) throw refusalError(answer.reason);
    linkNext(c, answer.lastSeq < answer.newestSeq ? answer.lastSeq : null);
    const { events } = await openExcerpts(environment, id, answer);
    return sendJson(c, `[${events.join(",")}]`);
  },
);

async function stream(c: Context<AppEnv>, environment: RunEnvironment, id: string): Promise<Response> {
  const ofPages = ["limit", "cursor"].find((name) => c.req.query(name) !== undefined);
  if (ofPages !== undefined) {
    throw new ApiError(
      "invalid_query",
      "A stream has no limit and no cursor. Send Last-Event-ID to continue after an event.",
      { pointer: `/${ofPages}` },
    );
  }
  const after = lastEventId(c.req.header("Last-Event-ID"));
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
    ? await ask(environment, (coordinator) => coordinator.watches.events(id, { after, limit: 1 }))
    : await watch(after, 0, 0);
  if (!first.ok) throw refusalError(first.reason);
  if (after > first.newestSeq) {
    leave();
    throw badLastEventId();
  }
  // 204 tells an EventSource not to reconnect: the client has every event that there will ever be.
  if (first.isOver && first.events.length === 0) return c.body(null, 204);
  eventStreamHeaders(c);
  if (isHead) return c.body(null);
  const next = async (seq: number, maxMs: number, tailAt: number) => {
    const answer = await watch(seq, tailAt, Math.min(maxMs, expiresAt - Date.now()));
    // Authorize before the answer is used, because the token may have been revoked while the call waited.
    await authorizeAgain();
    return answer.ok ? openExcerpts(environment, id, answer) : null;
  };
  return c.body(streamEvents(await openExcerpts(environment, id, first), { next, leave }));
}

/** Only those who manage actions, because a receiver's response can contain secrets of the action. */
function seesExcerpts(c: Context<AppEnv>): boolean {
  return may(c.get("principal"), "actions:manage");
}

/** The number of the last event that the client got; 0 for a new client. */
function lastEventId(header: string | undefined): number {
  const seq = header === undefined ? 0 : parseSeq(header);
  if (seq === null) throw badLastEventId();
  return seq;
}

function badLastEventId(): ApiError {
  return new ApiError(
    "invalid_last_event_id",
    "Last-Event-ID is not an event of this run. Send the id of the last event you got, or leave the header out.",
  );
}

interface TimelineSource {
  /**
   * The events after `seq`, and a tail other than that of the instant `tailAt`. If there is neither yet, waits up to
   * `maxMs` for one. Null if there is nothing to watch any more.
   */
  next(seq: number, maxMs: number, tailAt: number): Promise<TimelineAnswer | null>;
  /** Called when the stream is over or has lost its subscriber. */
  leave(): void;
}

/**
 * A timeline as Server-Sent Events, each with its number as the id. A tail has a name and no id: no client resumes after
 * it, and one that reads only unnamed events never sees it. A slow reader gets only the newest tail.
 */
export function streamEvents(first: TimelineAnswer, source: TimelineSource): ReadableStream<Uint8Array> {
  let seq = first.lastSeq;
  let tailAt = first.tail?.at ?? 0;
  return eventStream(toPiece(first), {
    async next(maxMs) {
      const news = await source.next(seq, maxMs, tailAt);
      if (news === null) return null;
      seq = news.lastSeq;
      tailAt = news.tail?.at ?? tailAt;
      return toPiece(news);
    },
    leave: source.leave,
  });
}

function toPiece({ events, tail, isOver }: TimelineAnswer): Piece {
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

/**
 * Opens the excerpts of a page. An excerpt can repeat a secret of the request, so the sender seals it, and the journal
 * never holds it in clear. An excerpt is null if no key of the ring opens it. The page has excerpts only if the call to
 * the coordinator asked for them.
 */
async function openExcerpts(environment: RunEnvironment, id: string, page: TimelineAnswer): Promise<TimelineAnswer> {
  const events = page.events.map((event) => (event.includes(HAS_EXCERPT) ? opened(environment, id, event) : event));
  return { ...page, events: await Promise.all(events) };
}

async function opened({ ring, scope }: RunEnvironment, id: string, event: string): Promise<string> {
  const members = JSON.parse(event) as { readonly excerpt: string };
  const excerpt = ring && (await ring.openBase64(members.excerpt, sealedFor(scope, id, "excerpt")));
  return JSON.stringify({ ...members, excerpt });
}
