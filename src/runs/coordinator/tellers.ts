/** The parts of a coordinator that notify webhook endpoints of events, put together. */

import type { Journal } from "../journal/journal.ts";
import type { Endpoints, ReadEndpoint } from "../telling.ts";
import type { DueQueue } from "./alarm/due-queue.ts";
import { EndpointReads } from "./endpoint-reads.ts";
import { Deliveries, type DeliverySending } from "./messages.ts";
import { Outcomes } from "./outcomes.ts";
import { Recoveries } from "./recoveries.ts";
import type { Replies } from "./replies.ts";
import type { StorageLimit } from "./storage-limit.ts";
import { FanOut } from "./telling.ts";

/** What the parts that notify need besides the journal. */
export interface NotificationSettings extends DeliverySending {
  readonly endpoints: Endpoints;
  readonly select: () => Promise<readonly ReadEndpoint[]>;
  readonly armBy: (at: number, now: number) => void;
}

/** The parts that notify. The ledger writes with them, so they come before it. */
export class Notifications {
  readonly deliveries: Deliveries;
  readonly recoveries: Recoveries;
  readonly outcomes: Outcomes;
  readonly fanOut: FanOut;
  readonly reads: EndpointReads;

  constructor(
    journal: Journal,
    queue: DueQueue,
    replies: Replies,
    storageLimit: StorageLimit,
    { endpoints, select, armBy, ...sending }: NotificationSettings,
  ) {
    const { arm } = sending;
    this.deliveries = new Deliveries(journal, queue, replies, sending);
    this.recoveries = new Recoveries(journal, this.deliveries);
    this.outcomes = new Outcomes(journal);
    const { deliveries, recoveries, outcomes } = this;
    this.fanOut = new FanOut(journal, { deliveries, recoveries, outcomes, storageLimit, arm, armBy });
    const onChange = () => this.fanOut.start();
    this.reads = new EndpointReads(journal, outcomes, { select, arm, onChange });
    this.deliveries.effects = {
      isGone: (key) => {
        if (!journal.endpoints.listeners.some(({ endpoint }) => endpoint === key)) return;
        this.reads.note(null, Date.now());
        this.reads.readSoon();
      },
      considerDisabling: async (endpoint, version) => {
        this.reads.note(null, Date.now());
        await endpoints.considerDisabling(journal.scope, endpoint, version);
        this.reads.readSoon();
      },
    };
  }
}
