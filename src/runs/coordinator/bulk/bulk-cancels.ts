/**
 * What a bulk cancel does to one run: what a single cancel would do. The cancel and its item are one transaction. So
 * whenever the object dies, an undecided run is as it was, and the next instance goes on with it.
 */

import { logFailure } from "../../../base/log.ts";
import { nameOf } from "../../actor.ts";
import { bulkKey, type NumberedItem, type Outcome } from "../../bulk.ts";
import type { StoredBulk } from "../../journal/bulk-rows.ts";
import type { Journal } from "../../journal/journal.ts";
import type { RunRefusal } from "../../run-answer.ts";
import type { CancelRequest } from "../../transition.ts";
import { cancelRun } from "../cancel-run.ts";
import type { Ledger } from "../ledger.ts";
import type { BulkProgress } from "./progress.ts";

export class BulkCancels {
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #progress: BulkProgress;

  constructor(journal: Journal, ledger: Ledger, progress: BulkProgress) {
    this.#journal = journal;
    this.#ledger = ledger;
    this.#progress = progress;
  }

  /** Decides the run. If its transaction fails, the run is as it was and has failed, so that it holds up no other. */
  decide(bulk: StoredBulk, item: NumberedItem, now: number): void {
    const { id } = bulk;
    const note = (outcome: Outcome, code: string | null) => this.#progress.decided(bulk, [{ ...item, outcome, code }]);
    try {
      const refusal = this.#cancel(bulk, item.runId, now, () => note("accepted", null));
      if (refusal !== null) this.#journal.transaction(() => note("skipped", refusal));
    } catch (error) {
      logFailure("bulk_run_failed", error, { coordinator: this.#journal.scope, operation: id, run: item.runId });
      this.#journal.transaction(() => note("failed", "internal_error"));
    }
  }

  /** Why the run is not cancelled; null if it is. `accepted`: called in the transaction that cancels it. */
  #cancel(
    { order }: StoredBulk,
    runId: string,
    now: number,
    accepted: () => void,
  ): RunRefusal["reason"] | "person_required" | null {
    const { request, asker, mustNamePerson } = order;
    if (request.operation !== "cancel") throw new Error("this operation is no cancel");
    if (mustNamePerson && this.#journal.runs.byId(runId)?.gates) return "person_required";
    const { reason } = request;
    const graceMs = request.graceSeconds * 1000;
    const asked: CancelRequest = { type: "cancel_requested", by: nameOf(asker), reason, graceMs };
    const changeKey = { key: bulkKey(order.id, runId), fingerprint: "" };
    const parts = { journal: this.#journal, ledger: this.#ledger };
    const cancelled = cancelRun(parts, runId, asked, changeKey, now, accepted);
    return cancelled.ok ? null : cancelled.reason;
  }
}
