/**
 * The end of a soak, for bulk operations: each that was acknowledged is listed and in the audit, each run of a bulk
 * retry belongs to one item, and the accepted runs of a cancel ended as the operation says.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Begun, BulkOperation } from "./bulk-operation.ts";
import { BULK_ENVIRONMENT, type BulkEnvironment } from "./bulk-place.ts";
import type { BulkVerdict } from "./bulk-verdict.ts";
import { bulkRetriesInD1 } from "./landing.ts";
import { forAll } from "./pool.ts";
import type { Stage } from "./stage.ts";

/** The longest grace of a round is 20 s. An entry of the audit comes late after D1 was down. */
const SETTLED_WITHIN_MS = 90_000;
const POLL_MS = 1000;
const PAGE = 100;

interface Cancelled extends BulkOperation {
  readonly ended: Readonly<Record<string, number>> | null;
}

interface AuditEntry {
  readonly action: string;
  readonly target: string;
  readonly bulk: { readonly status?: string; readonly counts?: object } | null;
}

export class BulkCheck {
  readonly #stage: Stage;
  readonly #environment: BulkEnvironment;
  readonly #verdict: BulkVerdict;
  readonly #since = Date.now();

  constructor(stage: Stage, environment: BulkEnvironment, verdict: BulkVerdict) {
    this.#stage = stage;
    this.#environment = environment;
    this.#verdict = verdict;
  }

  /** Call it when everything is replicated. */
  async run(): Promise<void> {
    this.#verdict.checkSources();
    this.#checkRetries();
    const environments = new Set(this.#stage.bulk.map(({ order }) => order.environment));
    for (const environment of environments) await this.#checkList(environment);
    await forAll(this.#stage.bulk, (begun) => this.#checkEnded(begun));
    await this.#checkAudit();
    this.#environment.close();
  }

  /** Nothing was done that no item tells of. */
  #checkRetries(): void {
    const rows = new Map(bulkRetriesInD1(this.#stage.site.state, BULK_ENVIRONMENT).map((row) => [row.id, row]));
    const { retried, unknown } = this.#verdict;
    for (const { id, bulkOperationId, retryOf } of rows.values()) {
      // One run at most: the second one is told of by nothing.
      if (unknown.delete(`${bulkOperationId} ${retryOf}`)) continue;
      const told = retried.get(id);
      if (told?.begun.id !== bulkOperationId || told.runId !== retryOf)
        this.#violation(`UNTOLD EFFECT: ${id} repeats ${retryOf}, and ${bulkOperationId} does not tell of it`);
    }
    for (const { newRunId, runId } of retried.values())
      if (!rows.has(newRunId)) this.#violation(`NO EFFECT: ${runId} was retried as ${newRunId}, D1 lacks it`);
    this.#stage.record.count("runs that bulk retries made", rows.size);
  }

  async #checkList(environment: string): Promise<void> {
    const listed: BulkOperation[] = [];
    let next: string | null = `bulk-operations?limit=${PAGE}`;
    while (next !== null) {
      const page = await this.#environment.ask([200], [], "GET", next, {}, environment);
      listed.push(...(page.body as BulkOperation[]));
      next = page.next;
    }
    const known = this.#stage.bulk.filter(({ order }) => order.environment === environment);
    const ids = listed.map(({ id }) => id);
    for (const { id } of known) if (!ids.includes(id)) this.#violation(`LIST BEHIND: it lacks operation ${id}`);
    if (new Set(ids).size < ids.length || ids.length > known.length)
      this.#violation(`TOO MANY: ${ids.length} operations are listed, and ${known.length} are known`);
    // By the instants in their ids. An operation can be created some seconds after its id was made.
    if (ids.join() !== ids.toSorted().reverse().join()) this.#violation("the list is not newest first");
  }

  /** `ended` comes to the accepted runs, and to their statuses. */
  async #checkEnded({ order, id }: Begun): Promise<void> {
    if (order.body.operation === "retry") return;
    const { environment } = order;
    for (;;) {
      const answer = await this.#environment.ask([200], [], "GET", `bulk-operations/${id}`, {}, environment);
      const { ended, counts } = answer.body as Cancelled;
      const sum = Object.values(ended ?? {}).reduce((all, n) => all + n, 0);
      if (ended !== null && sum === counts.accepted) return;
      if (sum > counts.accepted || Date.now() - this.#since > SETTLED_WITHIN_MS)
        return this.#violation(`MISCOUNTED: ${JSON.stringify(answer.body)} after all graces are over`);
      await delay(POLL_MS);
    }
  }

  /** One beginning and one end of each, with the counts of the end. */
  async #checkAudit(): Promise<void> {
    for (;;) {
      const entries = await this.#audit();
      const wrong = this.#stage.bulk.filter(({ id }) => {
        const actions = entries.filter(({ target }) => target === id).map(({ action }) => action);
        return actions.toSorted().join() !== "bulk_ended,bulk_started";
      });
      if (wrong.length === 0) return;
      if (Date.now() - this.#since > SETTLED_WITHIN_MS) {
        for (const { id } of wrong)
          this.#violation(`AUDIT: ${JSON.stringify(entries.filter(({ target }) => target === id))} about ${id}`);
        return;
      }
      await delay(POLL_MS);
    }
  }

  async #audit(): Promise<readonly AuditEntry[]> {
    const { site } = this.#stage;
    const entries: AuditEntry[] = [];
    let next: string | null = `${site.origins[0]}/acme/soak/audit?limit=${PAGE}`;
    while (next !== null) {
      const page = await this.#environment.ask([200], [], "GET", next);
      entries.push(...(page.body as AuditEntry[]));
      next = page.next;
    }
    return entries;
  }

  #violation(sentence: string): void {
    this.#stage.record.violation(sentence, [], this.#since);
  }
}
