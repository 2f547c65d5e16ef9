/**
 * The feed of changes as one request reads it: how far it has read each coordinator, and the calls that wait there. A
 * coordinator's call goes on while the others answer. One that can't be reached keeps its number and is asked again
 * later.
 */

import { msSinceOrLongAgo, within } from "../../../base/time.ts";
import { ApiError } from "../../../http/errors.ts";
import type { Inclusion } from "../../run-answer.ts";
import { COORDINATORS } from "../../run-id.ts";
import type { ChangeFilter, ChangesReply } from "../../watch-calls.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";
import { refusalError } from "../run-response.ts";
import { changeCursorOf } from "./change-cursor.ts";
import type { Seat } from "./seat.ts";

/** The longest that one call to a coordinator waits. */
const CALL_MAX_MS = 25_000;
/** How long an answer takes beyond its wait. After that, the coordinator counts as one that can't be reached. */
const ANSWER_MAX_MS = 5000;
const ASK_AGAIN_MS = 5000;
/** The least time between two changes that one watcher is told. It spares clients as much as coordinators. */
const TOLD_EVERY_MS = 1000;
/** The platform ends a request that makes more than 1000 calls. A stream ends before that, and its client resumes. */
const CALLS_MAX = 900;

/** What a request asks of the feed. */
export type Asked = ChangeFilter & Inclusion;

/** JSON of the runs, with commas between them. `isCaughtUp`: nothing more is to be read where there was an answer. */
export interface Changes {
  readonly runs: string;
  readonly cursor: string;
  readonly isCaughtUp: boolean;
  readonly isIncomplete: boolean;
}

interface Place {
  readonly n: number;
  /** Everything up to this number was read; null until the coordinator has named its newest number. */
  readSeq: number | null;
  isCaughtUp: boolean;
  isReached: boolean;
  isAsked: boolean;
  /** Undefined: no answer waits. Null: the coordinator can't be reached. */
  answer: ChangesReply | null | undefined;
  /** When it answered last, or could not be reached. */
  askedAt: number;
}

export class ChangeFeed {
  readonly #environment: RunEnvironment;
  readonly #asked: Asked;
  readonly #places: readonly Place[];
  #calls = 0;
  #wake: () => void = () => {};
  /** When runs were told last, with none left behind. */
  #toldAt = 0;

  /** `cursor`: what was read before; null begins with the newest number of each coordinator. */
  constructor(environment: RunEnvironment, asked: Asked, cursor: readonly number[] | null) {
    this.#environment = environment;
    this.#asked = asked;
    this.#places = Array.from({ length: COORDINATORS }, (_, n) => ({
      ...{ n, readSeq: cursor?.[n] ?? null, isCaughtUp: true, isReached: true },
      ...{ isAsked: false, answer: undefined, askedAt: 0 },
    }));
  }

  /** The coordinators that answered when they were asked last. */
  get reached(): readonly number[] {
    return this.#places.filter(({ isReached }) => isReached).map(({ n }) => n);
  }

  /**
   * What there is now. `seat`: taken at each coordinator; null for none. Throws `cursor_gone`, `too_many_watchers`, or
   * `coordinator_unavailable` if no coordinator can be reached, or one whose number is unknown.
   */
  async read(seat: Seat | null): Promise<Changes> {
    await Promise.all(this.#places.map((place) => this.#call(place, seat, 0)));
    const runs = this.#takeAnswers();
    if (this.reached.length === 0 || this.#places.some(({ readSeq }) => readSeq === null)) {
      throw new ApiError("coordinator_unavailable", "The runs can't be reached. Try again in a few seconds.");
    }
    return this.#changes(runs);
  }

  /**
   * The next changes, at most once a second. Without any, null after `maxMs`, or when the seat was given back. An answer without runs says that the feed
   * has caught up, or that a coordinator can no longer be reached or can be again. Throws as `read` does.
   */
  async next(seat: Seat, maxMs: number): Promise<Changes | null> {
    const startedAt = Date.now();
    for (;;) {
      const now = Date.now();
      const leftMs = maxMs - msSinceOrLongAgo(startedAt, now);
      // Another call would take the seat again.
      if (seat.hasLeft()) return null;
      for (const place of this.#places) {
        const isFree = !place.isAsked && place.answer === undefined;
        if (isFree && askAgainInMs(place, now) === 0) void this.#call(place, seat, CALL_MAX_MS);
      }
      if (!this.#hasAnswer) {
        if (leftMs <= 0) return null;
        const pauses = this.#places.map((place) => askAgainInMs(place, now)).filter((ms) => ms > 0);
        await this.#answerWithin(Math.min(leftMs, ...pauses));
        continue;
      }
      const restMs = TOLD_EVERY_MS - msSinceOrLongAgo(this.#toldAt, now);
      // Meanwhile other coordinators can answer, too.
      if (restMs > 0) await scheduler.wait(restMs);
      const before = this.#state;
      const runs = this.#takeAnswers();
      if (runs !== "" || this.#state !== before) return this.#changes(runs);
    }
  }

  /** What there is to tell without runs: the cursor moves on behind runs that the filter leaves out. */
  get now(): Changes {
    return this.#changes("");
  }

  /** Whether the request must end, because the platform would soon refuse its calls. */
  get isSpent(): boolean {
    return this.#calls >= CALLS_MAX;
  }

  async #call(place: Place, seat: Seat | null, maxMs: number): Promise<void> {
    place.isAsked = true;
    this.#calls++;
    const asked = { ...this.#asked, after: place.readSeq };
    const answer = ask(this.#environment, place.n, (coordinator) =>
      seat === null ? coordinator.changes(asked) : coordinator.watchChanges(asked, seat.watcher, maxMs),
    );
    place.answer = await within(maxMs + ANSWER_MAX_MS, answer).catch(() => null);
    place.isAsked = false;
    this.#wake();
  }

  /** Moves each place on that has an answer. Returns the runs. */
  #takeAnswers(): string {
    const runs: string[] = [];
    for (const place of this.#places) {
      const { answer } = place;
      if (answer === undefined) continue;
      place.answer = undefined;
      place.isReached = answer !== null;
      place.askedAt = Date.now();
      if (answer === null) continue;
      if (!answer.ok) throw refusalError(answer.reason);
      if (answer.runs !== "") runs.push(answer.runs);
      place.readSeq = answer.readSeq;
      place.isCaughtUp = answer.readSeq >= answer.newestSeq;
    }
    return runs.join(",");
  }

  #changes(runs: string): Changes {
    const isCaughtUp = this.#places.every((place) => place.isCaughtUp);
    if (runs !== "" && isCaughtUp) this.#toldAt = Date.now();
    return {
      runs,
      cursor: changeCursorOf(this.#places.map(({ readSeq }) => readSeq ?? 0)),
      isCaughtUp,
      isIncomplete: this.#places.some(({ isReached }) => !isReached),
    };
  }

  get #hasAnswer(): boolean {
    return this.#places.some(({ answer }) => answer !== undefined);
  }

  get #state(): string {
    return this.#places.map(({ isReached, isCaughtUp }) => `${isReached}${isCaughtUp}`).join();
  }

  async #answerWithin(maxMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, maxMs);
    await promise;
    clearTimeout(timer);
  }
}

/** How long a coordinator that can't be reached is left alone. */
function askAgainInMs({ isReached, askedAt }: Place, now: number): number {
  return isReached ? 0 : Math.max(ASK_AGAIN_MS - msSinceOrLongAgo(askedAt, now), 0);
}

/** The object of a response or an event. */
export function changesJson({ runs, cursor, isCaughtUp, isIncomplete }: Changes): string {
  return `{"runs":[${runs}],"cursor":"${cursor}","caughtUp":${isCaughtUp},"incomplete":${isIncomplete}}`;
}
