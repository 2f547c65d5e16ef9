/** The feed of changes as one request reads it: how far it has read, and the call that waits for more. */

import { within } from "../../../base/time.ts";
import { ApiError } from "../../../http/errors.ts";
import type { Inclusion } from "../../run-answer.ts";
import type { ChangeFilter, FeedPosition } from "../../watch-calls.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";
import { refusalError } from "../run-response.ts";
import { changeCursorOf } from "./change-cursor.ts";
import type { Subscription } from "./seat.ts";

/** How long an answer takes beyond its wait. After that, the coordinator counts as one that can't be reached. */
const ANSWER_MAX_MS = 5000;
/** The platform ends a request that makes more than 1000 calls. A stream ends before that, and its client resumes. */
const CALLS_MAX = 900;
const BEGINNING: FeedPosition = { epoch: 0, seq: 0 };

/** What a request asks of the feed. */
export type Asked = ChangeFilter & Inclusion;

/** JSON of the runs, with commas between them. `isCaughtUp`: nothing more is to be read. */
export interface Changes {
  readonly runs: string;
  readonly cursor: string;
  readonly isCaughtUp: boolean;
}

export class ChangeFeed {
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
export function changesJson({ runs, cursor, isCaughtUp }: Changes): string {
  return `{"runs":[${runs}],"cursor":"${cursor}","caughtUp":${isCaughtUp}}`;
}
