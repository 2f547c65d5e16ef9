import { type BulkCalls, type BulkOperation, OPERATIONS_MAX, RETRIES_MAX } from "../../bulk.ts";
import { isLost, shownBulk } from "../../journal/bulk-rows.ts";
import { UNKNOWN_NAME } from "../../run.ts";
import { behind } from "../../run-id.ts";
import { PartWith } from "../context.ts";
import { type Scheduler, wouldStart } from "../gates/scheduler.ts";
import { KEY_REUSED } from "../replies.ts";
import { BulkDriver } from "./bulk-driver.ts";
import { BulkProgress, RunSets } from "./bulk-progress.ts";

const TOO_MANY = { ok: false, reason: "too_many_bulk_operations" } as const;

export class BulkHandler extends PartWith<{ scheduler: Scheduler }> {
  readonly #progress = new BulkProgress(this.context);
  readonly #sets = new RunSets(this.context);
  readonly driver = new BulkDriver(this.context, { progress: this.#progress, sets: this.#sets });

  readonly calls: BulkCalls = {
    reserve: async (order, runIds, changeKey) => {
      const now = Date.now();
      const { bulk, bulkItems, runs } = this.journal;
      const known = bulk.byKey(changeKey.key);
      if (known !== null) {
        if (known.fingerprint !== changeKey.fingerprint) return KEY_REUSED;
        if (known.state === "reserved") bulk.renew(known.id, now);
        return { ok: true, id: known.id, operation: shownBulk(known) };
      }
      const underWay = bulk.underWay(now);
      if (underWay.retry + underWay.cancel >= OPERATIONS_MAX) return TOO_MANY;
      if (order.request.operation === "retry" && underWay.retry >= RETRIES_MAX) return TOO_MANY;
      // Keep the room that is left, so that runs can end.
      if (this.context.storageLimit.isReached(now)) return { ok: false, reason: "storage_full" };
      const named = runIds ?? [];
      const waiting = new Set(runs.states(named).flatMap(({ id, isWaiting }) => (isWaiting ? [id] : [])));
      const set = named.map((id) => ({ id, isWaiting: waiting.has(id) }));
      this.journal.transaction(() => {
        bulk.insert(order, changeKey, set.length, now);
        bulkItems.add(order.id, set);
      });
      this.context.arm(now);
      return { ok: true, id: order.id, operation: null };
    },

    begin: async (id) => {
      const now = Date.now();
      const { bulk, runs } = this.journal;
      const reserved = bulk.of(id);
      if (reserved?.state !== "reserved") return this.#shown(id);
      // Another operation may have its room by now.
      if (isLost(reserved, now)) return null;
      // Runs that are created from now on are not in its set.
      const begun = bulk.update(
        reserved,
        reserved.order.filter === null
          ? { state: "running" }
          : { state: "collecting", below: behind(runs.newestId() ?? "") },
      );
      this.context.arm(now);
      return shownBulk(begun);
    },

    operation: async (id) => {
      const shown = this.#shown(id);
      const isCancel = shown?.order.request.operation === "cancel";
      if (!isCancel || shown.completedAt === null || shown.ended !== null) return shown;
      return { ...shown, ended: (await this.#sets.endsOf(id)).ended };
    },

    operations: async (before, limit) =>
      this.journal.bulk.before(before, limit).flatMap((bulk) => shownBulk(bulk) ?? []),

    items: async (id, outcome, after, limit) => {
      if (this.#shown(id) === null) return null;
      const { bulkItems, runs } = this.journal;
      const items = bulkItems.page(id, outcome, after, limit);
      const names = runs.names(items.map(({ runId }) => runId));
      return items.map((item) => ({ ...item, ...(names.get(item.runId) ?? UNKNOWN_NAME) }));
    },

    drop: async (id) => {
      if (this.journal.bulk.of(id)?.state === "reserved") this.#progress.erase(id);
    },

    abort: async (id, by) => {
      const now = Date.now();
      const known = this.journal.bulk.of(id);
      if (known === null || known.state === "reserved") return null;
      if (known.completedAt === null) {
        this.driver.stop(this.#progress.stopAsked(known, by), now);
        this.context.arm(now);
      }
      return this.#shown(id);
    },

    preview: async (target, isCancel) => {
      const { queues } = this.journal;
      const now = Date.now();
      const startedBy = (runIds: readonly string[]) =>
        wouldStart(queues.ofRuns(runIds), new Set(runIds), (queue) => this.parts.scheduler.queueState(queue, now));
      try {
        return await this.#sets.preview(target, isCancel ? startedBy : () => 0);
      } catch (error) {
        this.logFailure("bulk_failed", error, { operation: null });
        return null;
      }
    },
  };

  #shown(id: string): BulkOperation | null {
    const known = this.journal.bulk.of(id);
    return known && shownBulk(known);
  }
}
