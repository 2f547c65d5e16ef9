/**
 * GET …/action-runs/changes: the feed of changes, as JSON or as Server-Sent Events. It reads the coordinator and never D1.
 */

import { type Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import { requires } from "../../../auth/bearer.ts";
import { msSinceOrLongAgo } from "../../../base/time.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { validQuery } from "../../../http/validate.ts";
import type { FeedPosition } from "../../watch-calls.ts";
import { changesQuery } from "../query-schemas.ts";
import { environmentOf, type RunEnvironment } from "../run-environment.ts";
import { sendJson } from "../run-response.ts";
import { sentCursor } from "./change-cursor.ts";
import { type Asked, ChangeFeed, type Changes, changesJson } from "./change-feed.ts";
import { EVENT_STREAM, eventFrame, eventStream, eventStreamHeaders, type Piece } from "./event-stream.ts";
import { subscriptionFor } from "./seat.ts";

const JSON_TYPE = "application/json";
/** How long a wait goes on before the token is judged again. */
const JUDGED_EVERY_MS = 25_000;

export const changeRoutes = new Hono<AppEnv>().get(
  "/changes",
  requires("data:read"),
  validQuery(changesQuery),
  async (c) => {
    const { after, wait = 0, label: labels, ...others } = c.req.valid("query");
    const asked = { ...others, labels };
    const environment = environmentOf(c);
    const type = accepts(c, { header: "Accept", supports: [JSON_TYPE, EVENT_STREAM], default: JSON_TYPE });
    c.header("Vary", "Accept");
    if (type === EVENT_STREAM) {
      return stream(c, environment, asked, sentCursor(after, c.req.header("Last-Event-ID")));
    }
    const feed = new ChangeFeed(environment, asked, sentCursor(after, undefined));
    const read = await feed.read(null);
    // Without a cursor there is nothing to wait for, because the client needs one first.
    const isAtOnce = wait === 0 || after === undefined || read.runs !== "" || !read.isCaughtUp;
    const changes = isAtOnce ? read : await waited(c, environment, feed, wait * 1000);
    return sendJson(c, changesJson(changes));
  },
);

/** The next changes, or what there is after `waitMs`. */
async function waited(
  c: Context<AppEnv>,
  environment: RunEnvironment,
  feed: ChangeFeed,
  waitMs: number,
): Promise<Changes> {
  const startedAt = Date.now();
  const subscription = subscriptionFor(c, environment);
  const { expiresAt, isGone, authorizeAgain, leave } = subscription;
  try {
    for (;;) {
      const now = Date.now();
      const leftMs = waitMs - msSinceOrLongAgo(startedAt, now);
      if (leftMs <= 0 || isGone()) return feed.now;
      const changes = await feed.next(subscription, Math.min(leftMs, JUDGED_EVERY_MS, expiresAt - now));
      // Authorize before the answer is used, because the token may have been revoked while the call waited.
      await authorizeAgain();
      if (changes !== null && (changes.runs !== "" || !changes.isCaughtUp)) return changes;
    }
  } finally {
    leave();
  }
}

async function stream(
  c: Context<AppEnv>,
  environment: RunEnvironment,
  asked: Asked,
  cursor: FeedPosition | null,
): Promise<Response> {
  const feed = new ChangeFeed(environment, asked, cursor);
  const isHead = c.req.raw.method === "HEAD";
  const subscription = isHead ? null : subscriptionFor(c, environment);
  // Before the stream begins, because a refusal needs a status.
  const first = await feed.read(subscription).catch((refusal: unknown) => {
    subscription?.leave();
    throw refusal;
  });
  eventStreamHeaders(c);
  if (subscription === null) return c.body(null);
  const { expiresAt, authorizeAgain, leave } = subscription;
  let told = first.cursor;
  const next = async (maxMs: number) => {
    if (feed.isSpent) return null;
    const news = await feed.next(subscription, Math.min(maxMs, expiresAt - Date.now()));
    await authorizeAgain();
    const changes = news ?? feed.now;
    // A comment, unless the cursor has moved on behind runs that the filter leaves out.
    if (news === null && changes.cursor === told) return { text: "", isOver: false };
    told = changes.cursor;
    return toPiece(changes);
  };
  return c.body(eventStream(toPiece(first), { next, leave }));
}

function toPiece(changes: Changes): Piece {
  return { text: eventFrame(changes.cursor, changesJson(changes)), isOver: false };
}
