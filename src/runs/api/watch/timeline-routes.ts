/** GET …/{id}/events: a run's timeline, in pages or as Server-Sent Events. */

import { type Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import { requires } from "../../../auth/bearer.ts";
import { may } from "../../../auth/permissions.ts";
import { msSinceOrLongAgo } from "../../../base/time.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { encodeCursor, nextLink, parseSeq } from "../../../http/cursor.ts";
import { ApiError } from "../../../http/errors.ts";
import { validQuery } from "../../../http/validate.ts";
import { baseUrl } from "../../../settings/public-url.ts";
import { eventsQuery } from "../query-schemas.ts";
import { mayBeKnown } from "../read/reader.ts";
import { ask, environmentOf, type RunEnvironment, runIdOf } from "../run-environment.ts";
import { refusalError } from "../run-response.ts";
import { EVENT_STREAM, eventStreamHeaders } from "./event-stream.ts";
import { openExcerpts } from "./open-excerpts.ts";
import { subscriptionFor } from "./seat.ts";
import { streamEvents } from "./timeline-stream.ts";

const JSON_TYPE = "application/json";
/** The most events that a stream fetches at once. */
const STREAM_PAGE = 100;

export const timelineRoutes = new Hono<AppEnv>().get(
  "/:id/events",
  requires("data:read"),
  validQuery(eventsQuery),
  async (c) => {
    const id = runIdOf(c);
    const environment = environmentOf(c);
    if (!(await mayBeKnown(environment, id))) throw new ApiError("run_not_found");
    const type = accepts(c, { header: "Accept", supports: [JSON_TYPE, EVENT_STREAM], default: JSON_TYPE });
    c.header("Vary", "Accept");
    if (type === EVENT_STREAM) return stream(c, environment, id);

    const { limit, cursor = 0 } = c.req.valid("query");
    const page = { after: cursor, limit, withExcerpts: seesExcerpts(c) };
    const answer = await ask(environment, (coordinator) => coordinator.watches.events(id, page));
    if (!answer.ok) throw refusalError(answer.reason);
    if (answer.lastSeq < answer.newestSeq) {
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(answer.lastSeq)));
    }
    c.header("Content-Type", JSON_TYPE);
    const { events } = await openExcerpts(environment, id, answer);
    return c.body(`[${events.join(",")}]`);
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
  const watch = (seq: number, maxMs: number) => {
    const startedAt = Date.now();
    const page = { after: seq, limit: STREAM_PAGE, withExcerpts: seesExcerpts(c) };
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
    : await watch(after, 0);
  if (!first.ok) throw refusalError(first.reason);
  if (after > first.newestSeq) {
    leave();
    throw badLastEventId();
  }
  // 204 tells an EventSource not to reconnect: the client has every event that there will ever be.
  if (first.isOver && first.events.length === 0) return c.body(null, 204);
  eventStreamHeaders(c);
  if (isHead) return c.body(null);
  const next = async (seq: number, maxMs: number) => {
    const answer = await watch(seq, Math.min(maxMs, expiresAt - Date.now()));
    // Authorize before the answer is used, because the token may have been revoked while the call waited.
    await authorizeAgain();
    return answer.ok ? openExcerpts(environment, id, answer) : null;
  };
  return c.body(streamEvents(await openExcerpts(environment, id, first), { next, leave }));
}

/** Only those who manage actions, because a receiver's response can contain secrets of the action. */
function seesExcerpts(c: Context<AppEnv>): boolean {
  return may(c.get("principal").role, "actions:manage");
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
