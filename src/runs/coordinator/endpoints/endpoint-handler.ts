import { TESTS_PER_MINUTE } from "../../../base/limits.ts";
import { MINUTE_MS, msSinceOrLongAgo } from "../../../base/time.ts";
import { type Delivery, type EndpointCalls, eventOf, type NamedDelivery } from "../../endpoint-deliveries.ts";
import { bytesOf } from "../../journal/journal.ts";
import { UNKNOWN_NAME } from "../../run.ts";
import { PartWith } from "../context.ts";
import type { FanOut } from "./fan-out.ts";

export class EndpointHandler extends PartWith<{ fanOut: FanOut }> {
  #testedAt: number[] = [];

  readonly calls: EndpointCalls = {
    report: async (key) => {
      const { deliveries } = this.journal.deliveries.page(key, { limit: 1 });
      return {
        health: this.journal.endpointHealth.of(key),
        isHalfOpen: this.parts.fanOut.deliveries.outbox.isHalfOpen(key),
        recovery: this.journal.recoveries.of(key),
        newest: this.#named(deliveries)[0] ?? null,
      };
    },

    forgetHealth: async (key) => {
      this.journal.transaction(() => {
        this.journal.endpointHealth.erase(key);
        this.parts.fanOut.reads.note(null, Date.now());
      });
    },

    page: async (key, filter) => {
      const { deliveries, nextBefore } = this.journal.deliveries.page(key, filter);
      const isHalfOpen = this.parts.fanOut.deliveries.outbox.isHalfOpen(key);
      return { deliveries: this.#named(deliveries), nextBefore, isHalfOpen };
    },

    resend: async (key, runId, type) => {
      const now = Date.now();
      const run = this.ledger.current(runId, now);
      if (run === null) return "run_not_found";
      const event = eventOf(run);
      if (event === null || (type !== null && type !== event.type)) return "no_such_event";
      this.parts.fanOut.deliveries.resend(key, runId, event, bytesOf(run), now);
      return "accepted";
    },

    recover: async (key, order) => {
      const { recoveries, reads } = this.parts.fanOut;
      // It may have been stored or enabled a moment ago, and the call that says so got lost.
      const isKnown = this.journal.endpoints.listeners.some(({ endpoint }) => endpoint === key);
      if (!isKnown) await reads.read();
      const isBegun = recoveries.begin(key, order);
      const now = Date.now();
      this.parts.fanOut.takeBatch(now);
      this.context.arm(now);
      return isBegun ? this.journal.recoveries.of(key) : null;
    },

    lastEvent: async (runId) => {
      const run = this.ledger.current(runId, Date.now());
      return run === null ? "run_not_found" : (this.context.replies.event(run) ?? "no_such_event");
    },

    admitTest: async () => {
      const now = Date.now();
      this.#testedAt = this.#testedAt.filter((at) => msSinceOrLongAgo(at, now) < MINUTE_MS);
      const [oldest] = this.#testedAt;
      if (oldest !== undefined && this.#testedAt.length >= TESTS_PER_MINUTE) return oldest + MINUTE_MS - now;
      this.#testedAt.push(now);
      return 0;
    },
  };

  #named(deliveries: readonly Delivery[]): readonly NamedDelivery[] {
    const names = this.journal.runs.names(deliveries.map(({ runId }) => runId));
    return deliveries.map((delivery) => ({ ...delivery, ...(names.get(delivery.runId) ?? UNKNOWN_NAME) }));
  }
}
