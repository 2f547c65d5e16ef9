/** The calls that read or follow what happens: the timeline of a run, its end, the feed of changes. */

import type { WaitingFor } from "./gates.ts";
import type { Inclusion, RunRefusal, RunReply } from "./run-answer.ts";

/** Which events of a timeline a call asks for. */
export interface TimelinePage {
  /** The page starts after the event with this number. */
  readonly after: number;
  readonly limit: number;
  /** Whether the caller may see receivers' responses. Default: no. */
  readonly withExcerpts?: boolean | undefined;
}

/** A page of a run's timeline. */
export interface TimelineAnswer {
  readonly ok: true;
  /** JSON for the wire, oldest first. */
  readonly events: readonly string[];
  /** The number of the last of these events; the caller's `after` if there are none. */
  readonly lastSeq: number;
  /** The number of the run's newest event. */
  readonly newestSeq: number;
  /** Whether no event can follow these. */
  readonly isOver: boolean;
}

export type TimelineReply = TimelineAnswer | RunRefusal;

/**
 * Which runs of the feed of changes a call asks for. A run must have each label. `waiting`: runs that this
 * gate can hold back, or any gate, whether or not they wait now.
 */
export interface ChangeFilter {
  readonly actionName?: string | undefined;
  readonly waiting?: WaitingFor | "any" | undefined;
  readonly group?: string | undefined;
  readonly labels?: readonly string[] | undefined;
}

/**
 * Up to where the feed was read: the number of a write, which means nothing in another epoch. The number 0 is before
 * every change, in each epoch.
 */
export interface FeedPosition {
  readonly epoch: number;
  readonly seq: number;
}

/** `after`: the page starts behind this position; null asks only for the newest position. */
export interface AskedChanges extends ChangeFilter, Inclusion {
  readonly after: FeedPosition | null;
}

/** A page of the feed of changes. */
export interface ChangesAnswer {
  readonly ok: true;
  /** JSON for the wire, in the order of the changes, with commas between the runs. Empty if there is no run. */
  readonly runs: string;
  /** Everything up to here was read. The next page starts behind it. */
  readonly readTo: FeedPosition;
  /** Whether there was no newer change. */
  readonly isCaughtUp: boolean;
}

export type ChangesReply = ChangesAnswer | RunRefusal;

/** An event stream or a wait that follows a run, or the feed of changes. */
export interface Subscriber {
  /** Chosen by the Worker, the same for every call of one subscriber. */
  readonly key: string;
  readonly tokenId: string;
}

export interface Wait extends Inclusion {
  readonly maxMs: number;
  /** Whether this is the subscriber's last call. Its subscription ends with it. */
  readonly isLast: boolean;
}

export interface WatchCalls {
  /** A page of the timeline. */
  events(id: string, page: TimelinePage): Promise<TimelineReply>;
  /** The same. If the page has no event yet, waits up to `maxMs` for one. */
  watch(id: string, page: TimelinePage, subscriber: Subscriber, maxMs: number): Promise<TimelineReply>;
  /** The run when it has ended, or as it is after `maxMs`. */
  waitForEnd(id: string, subscriber: Subscriber, wait: Wait): Promise<RunReply>;
  /**
   * The runs that changed after a position, at most 200 of 1 MiB together. A position of another epoch, or beyond the
   * newest change, is refused as `cursor_gone`.
   */
  changes(asked: AskedChanges): Promise<ChangesReply>;
  /** The same. If the page has no run yet, waits up to `maxMs` for one. A subscriber is woken at most once a second. */
  watchChanges(asked: AskedChanges, subscriber: Subscriber, maxMs: number): Promise<ChangesReply>;
  /** Ends a subscription. */
  unwatch(subscriberKey: string): Promise<void>;
}
