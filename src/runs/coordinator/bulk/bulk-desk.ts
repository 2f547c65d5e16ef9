/** What callers ask about bulk operations: to begin, to see and to stop them. */

import {
  type BulkOperation,
  type BulkOrder,
  type NumberedItem,
  OPERATIONS_MAX,
  type Outcome,
  RETRIES_MAX,
} from "../../bulk.ts";
import type { AcceptedRuns, BulkCalls, BulkReply, Stopper } from "../../bulk-calls.ts";
import { isLost, shownBulk } from "../../journal/bulk-rows.ts";
import type { Journal } from "../../journal/journal.ts";
import type { ChangeKey } from "../../run-calls.ts";
import type { Admitter } from "../gates/admitter.ts";
import { wouldStart } from "../gates/would-start.ts";
import { KEY_REUSED } from "../replies.ts";
import type { StorageLimit } from "../storage-limit.ts";
import { BulkDriver, type Driving } from "./bulk-driver.ts";
import { BulkProgress } from "./progress.ts";

const TOO_MANY = { ok: false, reason: "too_many_bulk_operations" } as const;

export class BulkDesk implements BulkCalls {
  readonly #journal: Journal;
  readonly #storageLimit: StorageLimit;
  readonly #admitter: Admitter;
  readonly #arm: (now: number) => void;
  readonly #progress: BulkProgress;
  readonly driver: BulkDriver;

  constructor(journal: Journal, storageLimit: StorageLimit, admitter: Admitter, driving: Driving) {
    this.#journal = journal;
    this.#storageLimit = storageLimit;
    this.#admitter = admitter;
    this.#arm = driving.arm;
    this.#progress = new BulkProgress(journal);
    this.driver = new BulkDriver(journal, this.#progress, driving);
  }

  async reserve(
    order: BulkOrder,
    runIds: readonly string[] | null,
    changeKey: ChangeKey,
  ): Promise<BulkReply> {
    const now = Date.now();
    const { bulk, bulkPages } = this.#journal;
    const known = bulk.byKey(changeKey.key);
    if (known !== null) {
      if (known.fingerprint !== changeKey.fingerprint) return KEY_REUSED;
      if (known.state === "reserved") bulk.renew(known.id, now);
      return { ok: true, id: known.id, operation: shownBulk(known) };
    }
    const underWay = bulk.underWay(now);
    if (underWay.retry + underWay.cancel >= OPERATIONS_MAX) return TOO_MANY;
    if (order.request.operation === "retry" && underWay.retry >= RETRIES_MAX) return TOO_MANY;
    // Keep the room that is left, so that the runs of this coordinator can end.
    if (this.#storageLimit.isReached(now)) return { ok: false, reason: "storage_full" };
    this.#journal.transaction(() => {
      bulk.insert(order, changeKey, runIds?.length ?? 0, now);
      bulkPages.add(
        order.id,
        (runIds ?? []).map((id) => [id, false]),
      );
    });
    this.#arm(now);
    return { ok: true, id: order.id, operation: null };
  }

  async begin(id: string): Promise<BulkOperation | null> {
    const now = Date.now();
    const { bulk } = this.#journal;
    const reserved = bulk.of(id);
    if (reserved?.state !== "reserved") return this.#shown(id);
    // Another operation may have its place by now.
    if (isLost(reserved, now)) return null;
    const begun = bulk.update(reserved, { state: "collecting" });
    this.#arm(now);
    return shownBulk(begun);
  }

  async operation(id: string): Promise<BulkOperation | null> {
    return this.#shown(id);
  }

  async operations(before: string | null, limit: number): Promise<readonly BulkOperation[]> {
    return this.#journal.bulk.before(before, limit).flatMap((bulk) => shownBulk(bulk) ?? []);
  }

  async items(
    id: string,
    outcome: Outcome | null,
    after: number,
    limit: number,
  ): Promise<readonly NumberedItem[] | null> {
    if (this.#shown(id) === null) return null;
    return this.#journal.bulkPages.page(id, outcome, after, limit);
  }

  async drop(id: string): Promise<void> {
    if (this.#journal.bulk.of(id)?.state === "reserved") this.#progress.erase(id);
  }

  async acceptedRuns(id: string): Promise<AcceptedRuns | null> {
    return this.#shown(id) && this.#progress.acceptedRuns(id);
  }

  async abort(id: string, by: Stopper): Promise<BulkOperation | null> {
    const now = Date.now();
    const known = this.#journal.bulk.of(id);
    if (known === null || known.state === "reserved") return null;
    if (known.completedAt === null) {
      this.driver.stop(this.#progress.stopAsked(known, by), now);
      this.#arm(now);
    }
    return this.#shown(id);
  }

  async wouldStart(runIds: readonly string[]): Promise<number> {
    const slots = this.#journal.slots.slotsOf(runIds);
    return wouldStart(slots, new Set(runIds), (slot) => this.#admitter.lineAt(slot, Date.now()));
  }

  #shown(id: string): BulkOperation | null {
    const known = this.#journal.bulk.of(id);
    return known && shownBulk(known);
  }
}
