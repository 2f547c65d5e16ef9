/**
 * What a coordinator does for webhook endpoints: it knows them, tells them of events, shows how their deliveries went, and
 * sends deliveries again.
 */

import type { DeliveriesReply, EndpointCalls, EndpointReport, ResendReply, RunEventToTell } from "../endpoint-calls.ts";
import { bytesOf, type Journal } from "../journal/journal.ts";
import type { DeliveryFilter } from "../message.ts";
import { type EndpointKey, type EventType, eventOf, type Recovery, type RecoveryOrder } from "../telling.ts";
import type { Ledger } from "./ledger.ts";
import type { Replies } from "./replies.ts";
import type { Tellers } from "./tellers.ts";
import { TestLimit } from "./test-limit.ts";

export class EndpointHandler implements EndpointCalls {
  readonly #journal: Journal;
  readonly #tellers: Tellers;
  readonly #arm: (now: number) => void;
  readonly #ledger: Ledger;
  readonly #replies: Replies;
  readonly #tests = new TestLimit();

  constructor(journal: Journal, tellers: Tellers, ledger: Ledger, replies: Replies, arm: (now: number) => void) {
    this.#journal = journal;
    this.#tellers = tellers;
    this.#ledger = ledger;
    this.#replies = replies;
    this.#arm = arm;
  }

  /** Tells of events that are untold. Call it when the object starts. */
  tellSoon(): void {
    this.#tellers.telling.startSoon();
  }

  /** The same, at once, and reads the endpoints if it is time. Call it at each alarm. */
  tell(now: number): void {
    this.#tellers.telling.start();
    this.#tellers.reads.start(now);
  }

  /** When a telling or a read is due; Infinity if there is none. Deliveries have a queue of their own. */
  nextAt(now: number): number {
    const { telling, reads } = this.#tellers;
    return Math.min(telling.nextAt(now), reads.nextAt(now));
  }

  takeBatch(now: number): number {
    return this.#tellers.deliveries.takeBatch(now);
  }

  async note(created: EndpointKey | null): Promise<void> {
    this.#tellers.reads.note(created, Date.now());
  }

  async changed(): Promise<void> {
    await this.#tellers.reads.read();
  }

  async report(key: EndpointKey): Promise<EndpointReport> {
    const { deliveries } = this.#journal.deliveries.page(key, { limit: 1 });
    return {
      health: this.#journal.endpointHealth.of(key),
      isHalfOpen: this.#tellers.deliveries.isHalfOpen(key),
      recovery: this.#tellers.recoveries.of(key),
      newest: deliveries[0] ?? null,
    };
  }

  async forgetHealth(key: EndpointKey): Promise<void> {
    this.#journal.transaction(() => {
      this.#journal.endpointHealth.erase(key);
      this.#tellers.reads.note(null, Date.now());
    });
  }

  async page(key: EndpointKey, filter: DeliveryFilter): Promise<DeliveriesReply> {
    return { ...this.#journal.deliveries.page(key, filter), isHalfOpen: this.#tellers.deliveries.isHalfOpen(key) };
  }

  async resend(key: EndpointKey, runId: string, type: EventType | null): Promise<ResendReply> {
    const now = Date.now();
    const run = this.#ledger.current(runId, now);
    if (run === null) return "run_not_found";
    const event = eventOf(run);
    if (event === null || (type !== null && type !== event.type)) return "no_such_event";
    this.#tellers.deliveries.resend(key, runId, event, bytesOf(run), now);
    return "accepted";
  }

  async recover(key: EndpointKey, order: RecoveryOrder): Promise<Recovery | null> {
    const { recoveries, reads, telling } = this.#tellers;
    // It may have been stored or enabled a moment ago, and the call that says so got lost.
    const isKnown = this.#journal.endpoints.listeners.some(({ endpoint }) => endpoint === key);
    if (!isKnown) await reads.read();
    const isBegun = recoveries.begin(key, order);
    this.#arm(Date.now());
    telling.start();
    return isBegun ? this.#tellers.recoveries.of(key) : null;
  }

  async lastEvent(runId: string): Promise<RunEventToTell | Exclude<ResendReply, "accepted">> {
    const run = this.#ledger.current(runId, Date.now());
    return run === null ? "run_not_found" : (this.#replies.event(run) ?? "no_such_event");
  }

  async admitTest(): Promise<number> {
    return this.#tests.admit(Date.now());
  }
}
