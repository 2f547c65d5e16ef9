/** Subscriptions that follow a run or the feed. In memory only, and bounded: see docs/capacity.md, "Watchers". */
import { BoundedMap } from "../../base/bounded-map.ts";
import { CHANGES_MAX_BYTES, utf8Bytes } from "../../base/limits.ts";
import { logFailure } from "../../base/log.ts";
import { msSinceOrLongAgo } from "../../base/time.ts";
import { detailsOf, shownHeartbeat, toActionRun, withDetails } from "../action-run.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type {
  AskedChanges,
  ChangesAnswer,
  ChangesReply,
  FeedPosition,
  Inclusion,
  Subscriber,
  Tail,
} from "../run-calls.ts";

export const SUBSCRIPTIONS_MAX = 2000;
export const SUBSCRIPTIONS_PER_TOKEN = 500;
/** A change of a run wakes all its subscribers at once, so these are few. */
export const SUBSCRIPTIONS_PER_RUN = 200;
export const SUBSCRIPTIONS_PER_RUN_AND_TOKEN = 100;
/** After each call, so that a subscription is not lost between two. */
const SUBSCRIPTION_KEPT_MS = 10_000;

interface Subscription {
  readonly runId: string | null;
  readonly tokenId: string;
  /** Whether it reads events. A wait reads only the end. */
  readonly isStream: boolean;
  askedAt: number;
  keptMs: number;
  wake: () => void;
}

export class Subscriptions {
  readonly #subscriptions = new Map<string, Subscription>();

  /** Adds or extends a subscription. False if there are too many, or if the subscriber's one is elsewhere. */
  add(runId: string | null, subscriber: Subscriber, now: number, maxMs: number, isStream = false): boolean {
    const kept = { askedAt: now, keptMs: maxMs + SUBSCRIPTION_KEPT_MS };
    const known = this.#subscriptions.get(subscriber.key);
    if (known !== undefined) {
      Object.assign(known, kept);
      return known.runId === runId;
    }
    const { tokenId } = subscriber;
    if (this.#isFull(runId, tokenId)) {
      this.#dropForgotten(now);
      if (this.#isFull(runId, tokenId)) return false;
    }
    this.#subscriptions.set(subscriber.key, { runId, tokenId, isStream, ...kept, wake: () => {} });
    return true;
  }

  /** Also resolves when the subscriber leaves or calls again. False: nobody reads this call. */
  async news(subscriber: Subscriber, maxMs: number): Promise<boolean> {
    const subscription = this.#subscriptions.get(subscriber.key);
    if (subscription === undefined) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    subscription.wake();
    subscription.wake = resolve;
    const timer = setTimeout(resolve, maxMs);
    await promise;
    clearTimeout(timer);
    return this.#subscriptions.get(subscriber.key) === subscription && subscription.wake === resolve;
  }

  count(runId: string | null): number {
    let count = 0;
    for (const subscription of this.#subscriptions.values()) if (subscription.runId === runId) count++;
    return count;
  }

  /** Whether an event stream follows this run. A wait does not count, because a program that waits reads nothing. */
  isFollowed(runId: string, now: number): boolean {
    for (const { isStream, askedAt, keptMs, ...subscription } of this.#subscriptions.values()) {
      if (isStream && subscription.runId === runId && msSinceOrLongAgo(askedAt, now) < keptMs) return true;
    }
    return false;
  }

  /** Each subscriber then reads by itself, so a change never waits for them. */
  notify(runId: string | null): void {
    for (const subscription of this.#subscriptions.values()) if (subscription.runId === runId) subscription.wake();
  }

  leave(key: string): void {
    this.#subscriptions.get(key)?.wake();
    this.#subscriptions.delete(key);
  }

  #isFull(runId: string | null, tokenId: string): boolean {
    const all = [...this.#subscriptions.values()];
    const ofToken = all.filter((one) => one.tokenId === tokenId);
    if (all.length >= SUBSCRIPTIONS_MAX || ofToken.length >= SUBSCRIPTIONS_PER_TOKEN) return true;
    if (runId === null) return false;
    const ofRun = (some: readonly Subscription[]) => some.filter((one) => one.runId === runId).length;
    return ofRun(all) >= SUBSCRIPTIONS_PER_RUN || ofRun(ofToken) >= SUBSCRIPTIONS_PER_RUN_AND_TOKEN;
  }

  #dropForgotten(now: number): void {
    for (const [key, { askedAt, keptMs }] of this.#subscriptions) {
      if (msSinceOrLongAgo(askedAt, now) >= keptMs) this.leave(key);
    }
  }
}

const NOTIFY_EVERY_MS = 1000;
/** Leaves the coordinator three quarters of the 1000 calls a second that the platform lets it serve. */
const MS_PER_SUBSCRIBER = 4;
const SHARED_MAX_BYTES = 8 * 1024 * 1024;
const ENTRY_OVERHEAD_BYTES = 256;

export const TOO_MANY_WATCHERS = { ok: false, reason: "too_many_watchers" } as const;
const CURSOR_GONE = { ok: false, reason: "cursor_gone" } as const;

/** All subscribers are notified at once, so those with the same cursor and filters share a page. */
export class Changes {
  readonly #journal: Journal;
  readonly subscriptions: Subscriptions;
  #notifiedSeq = 0;
  #notifiedAt = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #shared = newPages();
  #sharedAt = { seq: -1, at: 0 };

  constructor(journal: Journal, subscriptions: Subscriptions) {
    this.#journal = journal;
    this.subscriptions = subscriptions;
  }

  noteChange(now: number): void {
    if (this.subscriptions.count(null) > 0) this.#notifySoon(now);
  }

  async page(asked: AskedChanges): Promise<ChangesReply> {
    const { sequence } = this.#journal;
    const newestSeq = sequence.last;
    const { after } = asked;
    if (after === null) {
      const readTo = { epoch: sequence.epoch, seq: newestSeq };
      return { ok: true, runs: "", readTo, isCaughtUp: true };
    }
    const isOfEpoch = after.seq === 0 || after.epoch === sequence.epoch;
    if (!isOfEpoch || after.seq > newestSeq) return CURSOR_GONE;
    if (after.seq === newestSeq) return { ok: true, runs: "", readTo: after, isCaughtUp: true };
    return this.#sharedPage(asked, { epoch: sequence.epoch, seq: after.seq }, newestSeq);
  }

  /** An answer can come without runs, because the walk has gone on. The subscription stays after the answer. */
  async watch(asked: AskedChanges, subscriber: Subscriber, maxMs: number): Promise<ChangesReply> {
    const startedAt = Date.now();
    // Each pass waits for news, or is the last one.
    for (let after = asked.after; ; ) {
      const now = Date.now();
      const leftMs = maxMs - msSinceOrLongAgo(startedAt, now);
      if (!this.subscriptions.add(null, subscriber, now, maxMs)) return TOO_MANY_WATCHERS;
      if (leftMs <= 0 || after === null || this.#mayNotify(after.seq, now)) {
        const page = await this.page({ ...asked, after });
        if (leftMs <= 0 || !page.ok || page.runs !== "" || !page.isCaughtUp) return page;
        after = page.readTo;
        continue;
      }
      if (await this.subscriptions.news(subscriber, leftMs)) continue;
      // The subscriber has left, or made a newer call. If it still reads this answer, it must miss nothing.
      return { ok: true, runs: "", readTo: after, isCaughtUp: after.seq >= this.#journal.sequence.last };
    }
  }

  /** Whether a subscriber that has read up to `after` may have more now. If not, the next news wakes it. */
  #mayNotify(after: number, now: number): boolean {
    const lastSeq = this.#journal.sequence.last;
    if (after < this.#notifiedSeq || after > lastSeq) return true;
    if (after === lastSeq) return false;
    if (msSinceOrLongAgo(this.#notifiedAt, now) >= this.#notifyEveryMs) {
      this.#notify(now);
      return true;
    }
    this.#notifySoon(now);
    return false;
  }

  #notifySoon(now: number): void {
    if (this.#timer !== null) return;
    const waitMs = Math.max(this.#notifyEveryMs - msSinceOrLongAgo(this.#notifiedAt, now), 0);
    this.#timer = setTimeout(() => this.#notify(Date.now()), waitMs);
  }

  get #notifyEveryMs(): number {
    return Math.max(NOTIFY_EVERY_MS, this.subscriptions.count(null) * MS_PER_SUBSCRIBER);
  }

  #notify(now: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#notifiedSeq = this.#journal.sequence.last;
    this.#notifiedAt = now;
    this.subscriptions.notify(null);
  }

  #sharedPage(asked: AskedChanges, after: FeedPosition, newestSeq: number): ChangesAnswer {
    const now = Date.now();
    // A heartbeat can change details without a new number, so a page is not shared for long.
    if (this.#sharedAt.seq !== newestSeq || msSinceOrLongAgo(this.#sharedAt.at, now) >= NOTIFY_EVERY_MS) {
      this.#shared = newPages();
      this.#sharedAt = { seq: newestSeq, at: now };
    }
    const { include, actionName, subject, labels, waiting, group } = asked;
    const key = JSON.stringify([after, include, actionName, subject, labels, waiting, group]);
    const shared = this.#shared.get(key);
    if (shared !== undefined) return shared;
    const page = this.#newPage(asked, after, newestSeq);
    this.#shared.set(key, page);
    return page;
  }

  #newPage(asked: AskedChanges, { epoch, seq: after }: FeedPosition, newestSeq: number): ChangesAnswer {
    const { rows, readSeq } = this.#journal.changedRuns.after(after, newestSeq, asked);
    const pageOf = (texts: readonly string[], seq: number) =>
      ({ ok: true, runs: texts.join(","), readTo: { epoch, seq }, isCaughtUp: seq >= newestSeq }) as const;
    const runs = new Map(this.#journal.runs.byIds(rows.map(({ id }) => id)).map((run) => [run.id, run]));
    const texts: string[] = [];
    let bytes = 0;
    let lastSeq = after;
    for (const { id, seq } of rows) {
      const run = runs.get(id);
      const text = run === undefined ? null : this.#print(run, asked);
      bytes += text === null ? 0 : utf8Bytes(text);
      // The journal counts characters and not bytes, so the page can be full before its rows end.
      if (bytes > CHANGES_MAX_BYTES && texts.length > 0) return pageOf(texts, lastSeq);
      if (text !== null) texts.push(text);
      lastSeq = seq;
    }
    return pageOf(texts, readSeq);
  }

  /** Null if the run can't be printed. It must not hold up the others for ever. */
  #print(run: JournaledRun, { include }: Inclusion): string | null {
    try {
      const text = toActionRun(run);
      if (include !== "details") return text;
      const heartbeat = shownHeartbeat(this.#journal.timeline.lastHeartbeat(run.id));
      return withDetails(text, detailsOf(run, { heartbeat, queuePosition: null }));
    } catch (error) {
      logFailure("run_unprintable", error, { coordinator: this.#journal.scope, run: run.id });
      return null;
    }
  }
}

function newPages(): BoundedMap<ChangesAnswer> {
  return new BoundedMap(SHARED_MAX_BYTES, ({ runs }) => runs.length + ENTRY_OVERHEAD_BYTES);
}

/** Those that were sent longest ago go first. */
export const TAILS_MAX_BYTES = 4 * 1024 * 1024;
const READS_MAX = 1000;
/** Longer than the pause between two reads of a client that polls. */
export const READ_COUNTS_MS = 15_000;
/** A stream gets at most one tail in this time, however often a job sends one. */
export const TAIL_EVERY_MS = 1000;

interface KeptTail extends Tail {
  readonly bytes: number;
  notifiedAt: number;
  /** Whether a timer notifies them of this one. */
  isHeld: boolean;
}

/** The newest output of open jobs. In memory only: such a text can contain anything, so nothing else gets it. */
export class Tails {
  readonly #subscriptions: Pick<Subscriptions, "isFollowed" | "notify">;
  readonly #tails = new BoundedMap<KeptTail>(TAILS_MAX_BYTES, ({ bytes }) => bytes);
  readonly #reads = new BoundedMap<number>(READS_MAX);

  constructor(subscriptions: Pick<Subscriptions, "isFollowed" | "notify">) {
    this.#subscriptions = subscriptions;
  }

  /** The same text again is no news. */
  note(runId: string, text: string, now: number): void {
    const before = this.#tails.get(runId);
    const isNews = before?.text !== text;
    const next: KeptTail = {
      text,
      // Streams tell two tails apart by their instants.
      at: isNews ? Math.max(now, (before?.at ?? 0) + 1) : before.at,
      bytes: utf8Bytes(text) + ENTRY_OVERHEAD_BYTES,
      notifiedAt: before?.notifiedAt ?? Number.NEGATIVE_INFINITY,
      isHeld: before?.isHeld ?? false,
    };
    this.#tails.set(runId, next);
    if (!isNews || next.isHeld) return;
    const waitMs = TAIL_EVERY_MS - msSinceOrLongAgo(next.notifiedAt, now);
    next.isHeld = waitMs > 0;
    if (next.isHeld) setTimeout(() => this.#notify(runId, Date.now()), waitMs);
    else this.#notify(runId, now);
  }

  of(runId: string): Tail | null {
    return this.#tails.get(runId) ?? null;
  }

  noteRead(runId: string, now: number): void {
    this.#reads.set(runId, now);
  }

  /** For a stream that has the tail of the instant `seenAt`, or none if that is 0. Null if it gets no other one now. */
  after(runId: string, seenAt: number): Tail | null {
    const tail = this.#tails.get(runId);
    if (tail === undefined || tail.at === seenAt) return null;
    // A stream that begins does not wait.
    if (tail.isHeld && seenAt !== 0) return null;
    return { text: tail.text, at: tail.at };
  }

  isWatched(runId: string, now: number): boolean {
    const readAt = this.#reads.get(runId);
    if (readAt !== undefined && msSinceOrLongAgo(readAt, now) < READ_COUNTS_MS) return true;
    return this.#subscriptions.isFollowed(runId, now);
  }

  /** Call this with the end of a run, in its critical section. */
  drop(runId: string): void {
    this.#tails.delete(runId);
    this.#reads.delete(runId);
  }

  #notify(runId: string, now: number): void {
    const tail = this.#tails.get(runId);
    if (tail === undefined) return;
    tail.notifiedAt = now;
    tail.isHeld = false;
    this.#subscriptions.notify(runId);
  }
}
