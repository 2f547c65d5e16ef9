/**
 * GET …/action-runs/changes: the feed of changes, as JSON or as Server-Sent Events. It reads the coordinator and never D1.
 */
import { type Context, Hono } from "hono";
import { requires } from "../../auth/authentication.ts";
import { CHANGE_CURSOR } from "../../base/limits.ts";
import { msSinceOrLongAgo, within } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import type { Described } from "../../http/operation.ts";
import type { AppEnv } from "../../http/request-context.ts";
import { validQuery } from "../../http/validate.ts";
import type { ChangeFilter, FeedPosition, Inclusion } from "../run-calls.ts";
import { changesQuery } from "./request-schemas.ts";
import { CHANGE_CURSOR_EXAMPLE, runChanges } from "./responses/runs.ts";
import { ask, environmentOf, type RunEnvironment } from "./run-request.ts";
import { refusalError, sendJson } from "./run-response.ts";
import {
  EVENT_STREAM,
  eventFrame,
  eventStream,
  eventStreamHeaders,
  type Piece,
  type Subscription,
  subscriptionFor,
  wantsEventStream,
} from "./subscription.ts";

/** How long a wait goes on before the token is judged again. */
const JUDGED_EVERY_MS = 25_000;

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

export const changeRoutes = new Hono<AppEnv>().get(
  "/changes",
  requires("data:read", FOLLOW_ACTION_RUNS),
  validQuery(changesQuery),
  async (c) => {
    const { after, wait = 0, label: labels, ...others } = c.req.valid("query");
    const asked = { ...others, labels };
    const environment = environmentOf(c);
    if (wantsEventStream(c)) return stream(c, environment, asked, sentCursor(after, c.req.header("Last-Event-ID")));
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

/** How long an answer takes beyond its wait. After that, the coordinator counts as one that can't be reached. */
const ANSWER_MAX_MS = 5000;
/** The platform ends a request that makes more than 1000 calls. A stream ends before that, and its client resumes. */
const CALLS_MAX = 900;
const BEGINNING: FeedPosition = { epoch: 0, seq: 0 };

/** What a request asks of the feed. */
type Asked = ChangeFilter & Inclusion;

/** JSON of the runs, with commas between them. `isCaughtUp`: nothing more is to be read. */
interface Changes {
  readonly runs: string;
  readonly cursor: string;
  readonly isCaughtUp: boolean;
}

/** The feed as one request reads it: how far it has read, and the call that waits for more. */
class ChangeFeed {
  readonly #environment: RunEnvironment;
  readonly #asked: Asked;
  /** Everything up to here was read; null until the coordinator has named its newest position. */
  #readTo: FeedPosition | null;
  #isCaughtUp = true;
  #calls = 0;

  /** `cursor`: what was read before; null begins with the newest change. */
  constructor(environment: RunEnvironment, asked: Asked, cursor: FeedPosition | null) {
    this.#environment = environment;
    this.#asked = asked;
    this.#readTo = cursor;
  }

  /**
   * What there is now. `subscription`: null for none. Throws `cursor_gone`, `too_many_watchers`, or
   * `coordinator_unavailable`.
   */
  read(subscription: Subscription | null): Promise<Changes> {
    return this.#call(subscription, 0);
  }

  /**
   * The next changes, at most once a second. Without any, null after `maxMs`, or when the subscription has ended.
   * Throws as `read` does.
   */
  async next(subscription: Subscription, maxMs: number): Promise<Changes | null> {
    // Another call would subscribe again.
    if (subscription.hasLeft()) return null;
    const before = this.#isCaughtUp;
    const changes = await this.#call(subscription, Math.max(maxMs, 0));
    return changes.runs === "" && changes.isCaughtUp === before ? null : changes;
  }

  /** What there is to tell without runs: the cursor moves on behind runs that the filter leaves out. */
  get now(): Changes {
    return this.#changes("");
  }

  /** Whether the request must end, because the platform would soon refuse its calls. */
  get isSpent(): boolean {
    return this.#calls >= CALLS_MAX;
  }

  async #call(subscription: Subscription | null, maxMs: number): Promise<Changes> {
    this.#calls++;
    const asked = { ...this.#asked, after: this.#readTo };
    const asking = ask(this.#environment, ({ watches }) =>
      subscription === null ? watches.changes(asked) : watches.watchChanges(asked, subscription.subscriber, maxMs),
    );
    const answer = await within(maxMs + ANSWER_MAX_MS, asking).catch((cause: unknown) => {
      throw cause instanceof ApiError ? cause : new ApiError("coordinator_unavailable", undefined, { cause });
    });
    if (!answer.ok) throw refusalError(answer.reason);
    this.#readTo = answer.readTo;
    this.#isCaughtUp = answer.isCaughtUp;
    return this.#changes(answer.runs);
  }

  #changes(runs: string): Changes {
    return { runs, cursor: changeCursorOf(this.#readTo ?? BEGINNING), isCaughtUp: this.#isCaughtUp };
  }
}

/** The object of a response or an event. */
function changesJson({ runs, cursor, isCaughtUp }: Changes): string {
  return `{"runs":[${runs}],"cursor":"${cursor}","caughtUp":${isCaughtUp}}`;
}

const WHOLE = new RegExp(CHANGE_CURSOR);

/**
 * The cursor of the feed: `{epoch}.{number}`, the position up to which the changes were read, or `0` before every change.
 * It is in clear and grants nothing, because the token decides what a request may read. Null for a text that is no cursor.
 */
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
  const what = lastEventId === undefined ? "after" : "Last-Event-ID";
  const pointer = lastEventId === undefined ? { pointer: "/after" } : {};
  throw new ApiError(
    "invalid_cursor",
    `${what} is not a cursor of this feed. Send the cursor of an earlier response, 0 for all changes, or omit it.`,
    pointer,
  );
}
