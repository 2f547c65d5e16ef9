/** GET …/{id}/events: a run's timeline, in pages or as Server-Sent Events. */

import { type Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import { requires } from "../../../auth/bearer.ts";
import { may } from "../../../auth/permissions.ts";
import { msSince } from "../../../base/time.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { encodeCursor, nextLink, parseSeq } from "../../../http/cursor.ts";
import { ApiError } from "../../../http/errors.ts";
import { validQuery } from "../../../http/validate.ts";
import { baseUrl } from "../../../settings/public-url.ts";
import { refusalError } from "../coordinator-answer.ts";
import { eventsQuery } from "../query-schemas.ts";
import { mayBeKnown } from "../read/reader.ts";
import { askAboutRun, type Place, placeOf, runIdOf } from "../run-place.ts";
import { openExcerpts } from "./open-excerpts.ts";
import { streamEvents } from "./timeline-stream.ts";
import { beginWatching } from "./watch-place.ts";

const EVENT_STREAM = "text/event-stream";
const JSON_TYPE = "application/json";
/** The most events that a stream fetches at once. */
const STREAM_PAGE = 100;

export const eventRoutes = new Hono<AppEnv>().get(
  "/:id/events",
  requires("data:read"),
  validQuery(eventsQuery),
  async (c) => {
    const id = runIdOf(c);
    const place = placeOf(c);
    if (!(await mayBeKnown(place, id))) throw new ApiError("run_not_found");
    const type = accepts(c, { header: "Accept", supports: [JSON_TYPE, EVENT_STREAM], default: JSON_TYPE });
    c.header("Vary", "Accept");
    if (type === EVENT_STREAM) return stream(c, place, id);

    const { limit, cursor = 0 } = c.req.valid("query");
    const answer = await askAboutRun(place, id, (stub) => stub.events(id, cursor, limit, seesExcerpts(c)));
    if (!answer.ok) throw refusalError(answer.reason);
    if (answer.lastSeq < answer.newestSeq) {
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(answer.lastSeq)));
    }
    c.header("Content-Type", JSON_TYPE);
    const { events } = await openExcerpts(place, id, answer);
    return c.body(`[${events.join(",")}]`);
  },
);

async function stream(c: Context<AppEnv>, place: Place, id: string): Promise<Response> {
  const ofPages = ["limit", "cursor"].find((name) => c.req.query(name) !== undefined);
  if (ofPages !== undefined) {
    throw new ApiError(
      "invalid_query",
      "A stream has no limit and no cursor. Send Last-Event-ID to continue after an event.",
      { pointer: `/${ofPages}` },
    );
  }
  const after = lastEventId(c.req.header("Last-Event-ID"));
  c.header("Cache-Control", "no-store, no-transform");
  const { watcher, expiresAt, judge, leave } = beginWatching(c, place, id);
  const watch = (seq: number, maxMs: number) => {
    const startedAt = Date.now();
    return askAboutRun(place, id, (stub) =>
      stub.watch(
        ...([id, seq, STREAM_PAGE, watcher] as const),
        // Computed in here because the call may be repeated.
        Math.max(maxMs - msSince(startedAt, Date.now()), 0),
        seesExcerpts(c),
      ),
    );
  };

  // Before the stream begins, because a refusal needs a status.
  const isHead = c.req.raw.method === "HEAD";
  const first = isHead
    ? await askAboutRun(place, id, (stub) => stub.events(id, after, 1))
    : await watch(after, 0);
  if (!first.ok) throw refusalError(first.reason);
  if (after > first.newestSeq) {
    leave();
    throw badLastEventId();
  }
  // 204 tells an EventSource not to reconnect: the client has every event that there will ever be.
  if (first.isOver && first.events.length === 0) return c.body(null, 204);
  c.header("Content-Type", EVENT_STREAM);
  if (isHead) return c.body(null);
  const next = async (seq: number, maxMs: number) => {
    const answer = await watch(seq, Math.min(maxMs, expiresAt - Date.now()));
    // Before the answer is used, because the token may have been revoked while the call waited.
    await judge();
    return answer.ok ? openExcerpts(place, id, answer) : null;
  };
  return c.body(streamEvents(await openExcerpts(place, id, first), { next, leave }));
}

/** What a receiver answered can contain secrets of the action, so it is for those who manage actions. */
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
