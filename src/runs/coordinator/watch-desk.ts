/** What those who follow runs ask: a run's timeline and its end, now or as soon as there is news. */

import { msSinceOrLongAgo } from "../../base/time.ts";
import type { Journal } from "../journal/journal.ts";
import { isOpen } from "../run.ts";
import type { RunReply } from "../run-answer.ts";
import { isLast, toWireEvent } from "../timeline.ts";
import type {
  AskedChanges,
  ChangesReply,
  Subscriber,
  TimelinePage,
  TimelineReply,
  Wait,
  WatchCalls,
} from "../watch-calls.ts";
import type { Changes } from "./changes.ts";
import type { Ledger } from "./ledger.ts";
import { NOT_FOUND, type Replies, TOO_MANY_WATCHERS } from "./replies.ts";
import type { Subscriptions } from "./watchers.ts";

export class WatchHandler implements WatchCalls {
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #subscriptions: Subscriptions;
  readonly #changes: Changes;
  readonly #replies: Replies;

  constructor(journal: Journal, ledger: Ledger, subscriptions: Subscriptions, changes: Changes, replies: Replies) {
    this.#journal = journal;
    this.#ledger = ledger;
    this.#subscriptions = subscriptions;
    this.#changes = changes;
    this.#replies = replies;
  }

  async events(id: string, page: TimelinePage): Promise<TimelineReply> {
    return this.#timeline(id, page);
  }

  /** The next events; an empty page if there are none for `maxMs`. */
  async watch(id: string, page: TimelinePage, subscriber: Subscriber, maxMs: number): Promise<TimelineReply> {
    const first = this.#timeline(id, page);
    if (!first.ok || first.isOver) return first;
    if (!this.#subscriptions.add(id, subscriber, Date.now(), maxMs)) return TOO_MANY_WATCHERS;
    if (first.events.length > 0) return first;
    await this.#subscriptions.news(subscriber, maxMs);
    return this.#timeline(id, page);
  }

  async waitForEnd(id: string, subscriber: Subscriber, { maxMs, isLast, include }: Wait): Promise<RunReply> {
    const startedAt = Date.now();
    // Each pass waits for news, so this loop never runs without a pause.
    for (;;) {
      const now = Date.now();
      const leftMs = maxMs - msSinceOrLongAgo(startedAt, now);
      const run = this.#ledger.current(id, now);
      if (run === null) return NOT_FOUND;
      if (!isOpen(run) || leftMs <= 0) {
        if (isLast || !isOpen(run)) this.#subscriptions.leave(subscriber.key);
        return this.#replies.run(run, { include });
      }
      if (!this.#subscriptions.add(id, subscriber, now, maxMs)) return TOO_MANY_WATCHERS;
      // If the subscriber has left or made a newer call, stop here. Otherwise both calls would subscribe in turn and
      // wake each other for ever.
      if (!(await this.#subscriptions.news(subscriber, leftMs))) return this.#replies.run(run);
    }
  }

  async changes(asked: AskedChanges): Promise<ChangesReply> {
    return this.#changes.page(asked);
  }

  async watchChanges(asked: AskedChanges, subscriber: Subscriber, maxMs: number): Promise<ChangesReply> {
    return this.#changes.watch(asked, subscriber, maxMs);
  }

  async unwatch(subscriberKey: string): Promise<void> {
    this.#subscriptions.leave(subscriberKey);
  }

  #timeline(id: string, { after, limit, withExcerpts = false }: TimelinePage): TimelineReply {
    const run = this.#ledger.current(id, Date.now());
    if (run === null) return NOT_FOUND;
    const page = this.#journal.timeline.after(run, after, limit);
    const newest = this.#journal.timeline.last(run);
    const lastSeq = page.at(-1)?.seq ?? after;
    const isOver = isLast(newest) && lastSeq >= newest.seq;
    const events = page.map((event) => toWireEvent(event, { withExcerpt: withExcerpts }));
    return { ok: true, events, lastSeq, newestSeq: newest.seq, isOver };
  }
}
