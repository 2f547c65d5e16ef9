/** GET …/{id}/events: a run's timeline, as pages or as Server-Sent Events. */

import { type Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import type { AppEnv } from "../../app-env.ts";
import { requires, runNotFound } from "../../auth/bearer.ts";
import { baseUrl } from "../../config.ts";
import { msSince } from "../../elapsed.ts";
import { encodeCursor, nextLink, parseSeq } from "../../http/cursor.ts";
import { ApiError } from "../../http/errors.ts";
import { validQuery } from "../../http/validate.ts";
import type { TimelineAnswer } from "../protocol.ts";
import { readRunId } from "../run-id.ts";
import { refusalError } from "./answers.ts";
import { askCoordinator } from "./ask-coordinator.ts";
import { mayBeKnown } from "./reader.ts";
import { eventsQuery } from "./request-schemas.ts";
import { reading, runIdOf, scopeOf } from "./run-routes.ts";
import { streamEvents } from "./timeline-stream.ts";
import { beginWatching } from "./watch-place.ts";

const EVENT_STREAM = "text/event-stream";
const JSON_TYPE = "application/json";
/** Of a stream's pieces. */
const STREAM_PAGE = 100;

export const eventRoutes = new Hono<AppEnv>().get(
  "/:id/events",
  requires("data:read"),
  validQuery(eventsQuery),
  async (c) => {
    const id = runIdOf(c);
    if (!(await mayBeKnown(reading(c), id))) throw runNotFound();
    const wanted = accepts(c, {
      header: "Accept",
      supports: [JSON_TYPE, EVENT_STREAM],
      default: JSON_TYPE,
    });
    c.header("Vary", "Accept");
    if (wanted === EVENT_STREAM) return stream(c, id);

    const { limit, cursor = 0 } = c.req.valid("query");
    const answer = await askCoordinator(c.env, c.get("hops"), scopeOf(c), readRunId(id).coordinator, (stub) =>
      stub.events(id, cursor, limit),
    );
    if (!answer.ok) throw refusalError(answer.reason);
    if (answer.lastSeq < answer.newestSeq) {
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(answer.lastSeq)));
    }
    c.header("Content-Type", JSON_TYPE);
    return c.body(`[${answer.events.join(",")}]`);
  },
);

async function stream(c: Context<AppEnv>, id: string): Promise<Response> {
  if (c.req.query("limit") !== undefined || c.req.query("cursor") !== undefined) {
    throw new ApiError(
      "invalid_query",
      "A stream takes no limit or cursor: send Last-Event-ID to go on where you were.",
    );
  }
  const after = lastEventId(c);
  c.header("Cache-Control", "no-store, no-transform");
  const { coordinator } = readRunId(id);
  const scope = scopeOf(c);
  const watching = beginWatching(c, scope, id, "stream");
  const watch = (seq: number, maxMs: number) => {
    const startedAt = Date.now();
    return askCoordinator(c.env, c.get("hops"), scope, coordinator, (stub) =>
      // Computed here because the call may be made twice.
      stub.watch(id, seq, STREAM_PAGE, watching.watcher, Math.max(maxMs - msSince(startedAt, Date.now()), 0)),
    );
  };

  // Before the stream begins, so that what is wrong can still be said by a status.
  const isHead = c.req.raw.method === "HEAD";
  const first = isHead
    ? await askCoordinator(c.env, c.get("hops"), scope, coordinator, (stub) => stub.events(id, after, 1))
    : await watch(after, 0);
  if (!first.ok) throw refusalError(first.reason);
  if (after > first.newestSeq) {
    watching.leave();
    throw badLastEventId();
  }
  if (first.isOver && first.events.length === 0) {
    // Tells an EventSource not to come back: all there will ever be was sent.
    return c.body(null, 204);
  }
  c.header("Content-Type", EVENT_STREAM);
  const source = {
    next: async (seq: number, maxMs: number): Promise<TimelineAnswer | null> => {
      const answer = await watch(seq, Math.min(maxMs, watching.expiresAt - Date.now()));
      // Judged before the answer is looked at: what a token may not see any more, it is not sent.
      await watching.judge();
      return answer.ok ? answer : null;
    },
    leave: watching.leave,
  };
  return isHead ? c.body(null) : c.body(streamEvents(first, source));
}

/** Where a client says it had got to; 0 for one that is new. */
function lastEventId(c: Context<AppEnv>): number {
  const sent = c.req.header("Last-Event-ID");
  if (sent === undefined) return 0;
  const seq = parseSeq(sent);
  if (seq === null) throw badLastEventId();
  return seq;
}

function badLastEventId(): ApiError {
  return new ApiError(
    "invalid_last_event_id",
    "Last-Event-ID is no event of this run: send the id of the last event you got, or leave it out.",
  );
}
