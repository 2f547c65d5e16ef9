/** What those who follow runs ask: a run's timeline and its end, now or as soon as there is news. */

import { msSinceOrLongAgo } from "../../base/time.ts";
import type { Journal } from "../journal/journal.ts";
import { isOpen } from "../run.ts";
import type { RunReply } from "../run-answer.ts";
import { isLast, toWireEvent } from "../timeline.ts";
import type {
  AskedChanges,
  ChangesReply,
  TimelinePage,
  TimelineReply,
  Wait,
  WatchCalls,
  Watcher,
} from "../watch-calls.ts";
import type { Changes } from "./changes.ts";
import type { Ledger } from "./ledger.ts";
import { NOT_FOUND, type Replies, TOO_MANY_WATCHERS } from "./replies.ts";
import type { Watchers } from "./watchers.ts";

export class WatchDesk implements WatchCalls {
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #watchers: Watchers;
  readonly #changes: Changes;
  readonly #replies: Replies;

  constructor(journal: Journal, ledger: Ledger, watchers: Watchers, changes: Changes, replies: Replies) {
    this.#journal = journal;
    this.#ledger = ledger;
    this.#watchers = watchers;
    this.#changes = changes;
    this.#replies = replies;
  }

  async events(id: string, page: TimelinePage): Promise<TimelineReply> {
    return this.#timeline(id, page);
  }

  /** The next events; an empty page if there are none for `maxMs`. */
  async watch(id: string, page: TimelinePage, watcher: Watcher, maxMs: number): Promise<TimelineReply> {
    const first = this.#timeline(id, page);
    if (!first.ok || first.isOver) return first;
    if (!this.#watchers.admit(id, watcher, Date.now(), maxMs)) return TOO_MANY_WATCHERS;
    if (first.events.length > 0) return first;
    await this.#watchers.news(watcher, maxMs);
    return this.#timeline(id, page);
  }

  async waitForEnd(id: string, watcher: Watcher, { maxMs, isLast, include }: Wait): Promise<RunReply> {
    const startedAt = Date.now();
    // Each round waits for news, so this loop never runs without a pause.
    for (;;) {
      const now = Date.now();
      const leftMs = maxMs - msSinceOrLongAgo(startedAt, now);
      const run = this.#ledger.current(id, now);
      if (run === null) return NOT_FOUND;
      if (!isOpen(run) || leftMs <= 0) {
        if (isLast || !isOpen(run)) this.#watchers.leave(watcher.key);
        return this.#replies.run(run, { include });
      }
      if (!this.#watchers.admit(id, watcher, now, maxMs)) return TOO_MANY_WATCHERS;
      // If the watcher has left or made a newer call, stop here. Otherwise both calls would take the seat in turn and
      // wake each other for ever.
      if (!(await this.#watchers.news(watcher, leftMs))) return this.#replies.run(run);
    }
  }

  async changes(asked: AskedChanges): Promise<ChangesReply> {
    return this.#changes.page(asked);
  }

  async watchChanges(asked: AskedChanges, watcher: Watcher, maxMs: number): Promise<ChangesReply> {
    return this.#changes.watch(asked, watcher, maxMs);
  }

  async unwatch(watcherKey: string): Promise<void> {
    this.#watchers.leave(watcherKey);
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
