/**
 * What a coordinator does for webhook endpoints: it tells them of events, shows how their messages went, and sends
 * messages again.
 */

import type {
  EndpointCalls,
  EndpointReport,
  MessagesReply,
  ResendReply,
  RunEventToTell,
} from "../endpoint-calls.ts";
import type { Journal } from "../journal/journal.ts";
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
import type { Ledger } from "./ledger.ts";
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

export class EndpointDesk implements EndpointCalls {
  readonly #journal: Journal;
  readonly #arm: (now: number) => void;
  readonly #messages: Messages;
  readonly #recoveries: Recoveries;
  readonly #telling: Telling;
  readonly #ledger: Ledger;
  readonly #replies: Replies;
  readonly #tests = new TestLimit();

  constructor(journal: Journal, queue: DueQueue, ledger: Ledger, replies: Replies, calling: Calling) {
    const { endpoints, arm } = calling;
    this.#journal = journal;
    this.#arm = arm;
    this.#ledger = ledger;
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

  async notify(): Promise<void> {
    this.#telling.notify(Date.now());
  }

  async report(key: EndpointKey): Promise<EndpointReport> {
    const { messages } = this.#journal.messages.page(key, { limit: 1 });
    return {
      health: this.#journal.endpointHealth.of(key),
      isProbed: this.#messages.isProbed(key),
      recovery: this.#recoveries.of(key),
      newest: messages[0] ?? null,
    };
  }

  async forgetHealth(key: EndpointKey): Promise<void> {
    this.#journal.endpointHealth.erase(key);
    this.#telling.notify(Date.now());
  }

  async page(key: EndpointKey, filter: MessageFilter): Promise<MessagesReply> {
    return { ...this.#journal.messages.page(key, filter), isProbed: this.#messages.isProbed(key) };
  }

  async resend(key: EndpointKey, runId: string, type: EventType | null): Promise<ResendReply> {
    const now = Date.now();
    const run = this.#ledger.current(runId, now);
    const kept = run === null ? undefined : this.#journal.runsToTell.kept([run.id]).get(run.id);
    if (run === null || kept === undefined) return "run_not_found";
    const event = eventOf(run);
    if (event === null || (type !== null && type !== event.type)) return "no_such_event";
    this.#messages.resend(key, event, kept, now);
    return "accepted";
  }

  async recover(key: EndpointKey, order: RecoveryOrder): Promise<Recovery | null> {
    const isBegun = this.#recoveries.begin(key, order);
    this.#arm(Date.now());
    this.#telling.start();
    return isBegun ? this.#recoveries.of(key) : null;
  }

  async lastEvent(runId: string): Promise<RunEventToTell | Exclude<ResendReply, "accepted">> {
    const run = this.#ledger.current(runId, Date.now());
    return run === null ? "run_not_found" : (this.#replies.event(run) ?? "no_such_event");
  }

  async admitTest(): Promise<number> {
    return this.#tests.admit(Date.now());
  }
}
