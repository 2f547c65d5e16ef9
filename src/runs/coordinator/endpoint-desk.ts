/**
 * What a coordinator does for webhook endpoints: it tells them of events, shows how their messages went, and sends
 * messages again.
 */

import type { EndpointReport, MessagesReply, ResendReply, RunEventToTell } from "../endpoint-calls.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type { MessageFilter } from "../message.ts";
import {
  type EndpointKey,
  type Endpoints,
  type EventType,
  eventOf,
  type Recovery,
  type RecoveryOrder,
} from "../telling.ts";
import type { DueQueue } from "./alarm/due-queue.ts";
import { type MessageSender, Messages } from "./messages.ts";
import type { Arming } from "./outbox.ts";
import { Recoveries } from "./recoveries.ts";
import type { Replies } from "./replies.ts";
import { Telling } from "./telling.ts";
import { TestLimit } from "./test-limit.ts";

interface Calling extends Arming {
  readonly sender: MessageSender;
  readonly endpoints: Endpoints;
}

export class EndpointDesk {
  readonly #journal: Journal;
  readonly #arm: (now: number) => void;
  readonly #messages: Messages;
  readonly #recoveries: Recoveries;
  readonly #telling: Telling;
  readonly #replies: Replies;
  readonly #tests = new TestLimit();

  constructor(journal: Journal, queue: DueQueue, replies: Replies, calling: Calling) {
    const { endpoints, arm } = calling;
    this.#journal = journal;
    this.#arm = arm;
    this.#replies = replies;
    this.#messages = new Messages(journal, queue, replies, calling);
    this.#recoveries = new Recoveries(journal, this.#messages, endpoints);
    this.#telling = new Telling(journal, this.#messages, this.#recoveries, endpoints, arm);
  }

  /** Call this after each end, and after each version of a run that lacks approvals. */
  eventHappened(): void {
    this.#telling.eventHappened();
  }

  /** Tells of events that nobody was told of. Call it when the object starts. */
  tellSoon(): void {
    this.#telling.startSoon();
  }

  /** The same, at once. Call it at each alarm. */
  tell(): void {
    this.#telling.start();
  }

  /** When a telling is due; Infinity if there is none. Messages have a queue of their own. */
  nextAt(now: number): number {
    return this.#telling.nextAt(now);
  }

  takeBatch(now: number): number {
    return this.#messages.takeBatch(now);
  }

  notify(now: number): void {
    this.#telling.notify(now);
  }

  report(key: EndpointKey): EndpointReport {
    const { messages } = this.#journal.messages.page(key, { limit: 1 });
    return {
      health: this.#journal.endpointHealth.of(key),
      isProbed: this.#messages.isProbed(key),
      recovery: this.#recoveries.of(key),
      newest: messages[0] ?? null,
    };
  }

  /** Call this before the endpoint is enabled. */
  forgetHealth(key: EndpointKey, now: number): void {
    this.#journal.endpointHealth.erase(key);
    this.#telling.notify(now);
  }

  page(key: EndpointKey, filter: MessageFilter): MessagesReply {
    return { ...this.#journal.messages.page(key, filter), isProbed: this.#messages.isProbed(key) };
  }

  /** `run`: null if there is none. `type`: null for the run's newest event, whichever it is. */
  resend(key: EndpointKey, run: JournaledRun | null, type: EventType | null, now: number): ResendReply {
    const kept = run === null ? undefined : this.#journal.runsToTell.kept([run.id]).get(run.id);
    if (run === null || kept === undefined) return "run_not_found";
    const event = eventOf(run);
    if (event === null || (type !== null && type !== event.type)) return "no_such_event";
    this.#messages.resend(key, event, kept, now);
    return "accepted";
  }

  /** Null if a recovery with another order is under way. */
  recover(key: EndpointKey, order: RecoveryOrder, now: number): Recovery | null {
    const isBegun = this.#recoveries.begin(key, order);
    this.#arm(now);
    this.#telling.start();
    return isBegun ? this.#recoveries.of(key) : null;
  }

  /** `run`: null if there is none. */
  lastEvent(run: JournaledRun | null): RunEventToTell | Exclude<ResendReply, "accepted"> {
    return run === null ? "run_not_found" : (this.#replies.event(run) ?? "no_such_event");
  }

  admitTest(now: number): number {
    return this.#tests.admit(now);
  }
}
