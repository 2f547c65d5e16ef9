import { TESTS_PER_MINUTE } from "../../../base/limits.ts";
import { MINUTE_MS, msSinceOrLongAgo } from "../../../base/time.ts";
import {
  type DeliveriesReply,
  type Delivery,
  type DeliveryFilter,
  type EndpointCalls,
  type EndpointKey,
  type EndpointReport,
  type EventContent,
  type EventType,
  eventOf,
  type NamedDelivery,
  type Recovery,
  type RecoveryOrder,
  type ResendReply,
} from "../../endpoint-deliveries.ts";
import { bytesOf, type Journal } from "../../journal/journal.ts";
import { UNKNOWN_NAME } from "../../run.ts";
import type { Context } from "../context.ts";
import type { FanOut } from "./fan-out.ts";

export class EndpointHandler implements EndpointCalls {
  readonly #context: Context;
  readonly #journal: Journal;
  readonly #fanOut: FanOut;
  readonly #tests = new TestLimit();

  constructor(context: Context, fanOut: FanOut) {
    this.#context = context;
    this.#journal = context.journal;
    this.#fanOut = fanOut;
  }

  async report(key: EndpointKey): Promise<EndpointReport> {
    const { deliveries } = this.#journal.deliveries.page(key, { limit: 1 });
    return {
      health: this.#journal.endpointHealth.of(key),
      isHalfOpen: this.#fanOut.deliveries.isHalfOpen(key),
      recovery: this.#fanOut.recoveries.of(key),
      newest: this.#named(deliveries)[0] ?? null,
    };
  }

  async forgetHealth(key: EndpointKey): Promise<void> {
    this.#journal.transaction(() => {
      this.#journal.endpointHealth.erase(key);
      this.#fanOut.reads.note(null, Date.now());
    });
  }

  async page(key: EndpointKey, filter: DeliveryFilter): Promise<DeliveriesReply> {
    const { deliveries, nextBefore } = this.#journal.deliveries.page(key, filter);
    return { deliveries: this.#named(deliveries), nextBefore, isHalfOpen: this.#fanOut.deliveries.isHalfOpen(key) };
  }

  #named(deliveries: readonly Delivery[]): readonly NamedDelivery[] {
    const names = this.#journal.runs.names(deliveries.map(({ runId }) => runId));
    return deliveries.map((delivery) => ({ ...delivery, ...(names.get(delivery.runId) ?? UNKNOWN_NAME) }));
  }

  async resend(key: EndpointKey, runId: string, type: EventType | null): Promise<ResendReply> {
    const now = Date.now();
    const run = this.#context.ledger.current(runId, now);
    if (run === null) return "run_not_found";
    const event = eventOf(run);
    if (event === null || (type !== null && type !== event.type)) return "no_such_event";
    this.#fanOut.deliveries.resend(key, runId, event, bytesOf(run), now);
    return "accepted";
  }

  async recover(key: EndpointKey, order: RecoveryOrder): Promise<Recovery | null> {
    const { recoveries, reads } = this.#fanOut;
    // It may have been stored or enabled a moment ago, and the call that says so got lost.
    const isKnown = this.#journal.endpoints.listeners.some(({ endpoint }) => endpoint === key);
    if (!isKnown) await reads.read();
    const isBegun = recoveries.begin(key, order);
    const now = Date.now();
    this.#fanOut.takeBatch(now);
    this.#context.arm(now);
    return isBegun ? recoveries.of(key) : null;
  }

  async lastEvent(runId: string): Promise<EventContent | Exclude<ResendReply, "accepted">> {
    const run = this.#context.ledger.current(runId, Date.now());
    return run === null ? "run_not_found" : (this.#context.replies.event(run) ?? "no_such_event");
  }

  async admitTest(): Promise<number> {
    return this.#tests.admit(Date.now());
  }
}

class TestLimit {
  #at: number[] = [];

  /** 0 if a test may begin now, which is then counted. Otherwise in how many ms the next one may. */
  admit(now: number): number {
    this.#at = this.#at.filter((at) => msSinceOrLongAgo(at, now) < MINUTE_MS);
    const [oldest] = this.#at;
    if (oldest !== undefined && this.#at.length >= TESTS_PER_MINUTE) return oldest + MINUTE_MS - now;
    this.#at.push(now);
    return 0;
  }
}
