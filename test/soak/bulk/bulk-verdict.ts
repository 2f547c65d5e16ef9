/**
 * What came of bulk operations that have ended: each run has exactly one effect, and the counts, the items, the
 * timelines and the new runs say the same. Each that was acknowledged is listed and in the audit at the end of a soak.
 */

import { setTimeout as delay } from "node:timers/promises";
import { bulkRetriesInD1 } from "../replicated.ts";
import { forAll } from "../requests.ts";
import type { Stage } from "../stage.ts";
import { type Begun, type BulkItem, type BulkOperation, miscount, outcomeOf } from "./bulk-operation.ts";
import { BULK_ENVIRONMENT, type BulkEnvironment } from "./bulk-plans.ts";

const ITEMS_PAGE = 100;

/** What a retry made: the new run, the run that it repeats, and the operation. */
export interface Retried {
  readonly newRunId: string;
  readonly runId: string;
  readonly begun: Begun;
}

interface Shown {
  readonly status: string;
  readonly triggeredBy: string;
  readonly details: {
    readonly retryOf: string | null;
    readonly bulkOperationId: string | null;
    readonly cancel: object | null;
  };
}

interface TimelineEvent {
  readonly type: string;
  readonly reason?: string;
}

export class BulkVerdict {
  /** All accepted items of retries, by the id of the new run. */
  readonly retried = new Map<string, Retried>();
  /** The ids of retries and of runs about which nobody knows whether there is a new run. */
  readonly unknown = new Set<string>();
  readonly #stage: Stage;
  readonly #environment: BulkEnvironment;

  constructor(stage: Stage, environment: BulkEnvironment) {
    this.#stage = stage;
    this.#environment = environment;
  }

  /** Judges one operation. `runs`: all that the operation could have met. */
  async judge(begun: Begun, operation: BulkOperation, runs: readonly string[]): Promise<void> {
    const { order, story } = begun;
    const { record } = this.#stage;
    const path = `bulk-operations/${begun.id}/items?limit=${ITEMS_PAGE}`;
    const items = await this.#environment.all<BulkItem>(path, story, order.environment);
    const wrong = miscount(operation, items);
    if (wrong !== null) this.#violation(`MISCOUNTED: ${wrong}, ${JSON.stringify(operation)}`, begun);
    const end = [operation.status, operation.abortReason ?? ""].join(" ").trim();
    if (!order.mayEndAs.includes(end)) this.#violation(`ANOTHER END: ${JSON.stringify(operation)}`, begun);
    const byRun = new Map(items.map((item) => [item.runId, item]));
    for (const id of new Set([...byRun.keys(), ...order.may.keys()])) {
      const outcome = outcomeOf(byRun.get(id));
      record.count(`bulk ${order.body.operation}: ${outcome}`);
      if (outcome === "unknown") this.unknown.add(`${begun.id} ${id}`);
      const may = order.may.get(id) ?? ["absent"];
      const isUnknown = outcome === "unknown" && order.body.operation === "retry";
      if (may.includes(outcome) || isUnknown) continue;
      this.#violation(`ANOTHER OUTCOME: ${id} is ${outcome} and not ${may.join(" or ")}`, begun);
    }
    await forAll(runs, async (id) => {
      if (order.body.operation === "cancel") await this.#judgeCancel(begun, id, byRun.get(id));
      else await this.#judgeRetry(begun, id, byRun.get(id));
    });
    record.tell(story, "judged");
  }

  /**
   * A cancel of all runs of a queue takes those that wait first, so that only the first run's job begins. While D1 is
   * disturbed, it may have an older version of a run.
   */
  judgeQueue(begun: Begun, runs: readonly string[]): void {
    const began = runs.filter((id) => this.#environment.heard.has(id));
    this.#stage.record.count("queued runs that a bulk cancel started", Math.max(began.length - 1, 0));
    if (began.length > 1 && !this.#stage.disturbances.metDisturbance(begun.sentAt, begun.order.environment))
      this.#violation(`STARTED: ${began.join()} of one queue, although nothing was disturbed`, begun);
  }

  /** Over all operations: no two have retried one run, unless they may repeat what was retried. */
  checkSources(): void {
    const sources = new Map<string, Retried>();
    for (const retried of this.retried.values()) {
      const { runId, begun, newRunId } = retried;
      if (begun.order.body.includeRetried === true) continue;
      const other = sources.get(runId);
      sources.set(runId, retried);
      if (other !== undefined)
        this.#violation(`TWO RUNS: ${runId} was retried as ${newRunId} and ${other.newRunId}`, begun);
    }
  }

  /** The timeline has the operation's reason once if it changed the run, and never if it did not. */
  async #judgeCancel(begun: Begun, runId: string, item: BulkItem | undefined): Promise<void> {
    const { order, story } = begun;
    const path = `action-runs/${runId}`;
    const { environment } = order;
    const [run, events] = await Promise.all([
      this.#environment.ask([200], story, "GET", `${path}?include=details`, {}, environment),
      this.#environment.ask([200], story, "GET", `${path}/events?limit=200`, {}, environment),
    ]);
    const { status, details } = run.body as Shown;
    const effects = (events.body as TimelineEvent[]).filter(({ reason }) => reason === order.mark).length;
    const outcome = outcomeOf(item);
    const told = `${runId} is ${outcome}, and its timeline has ${JSON.stringify(events.body)}`;
    if (outcome === "accepted") {
      if (effects > 1) this.#violation(`TWO EFFECTS: ${told}`, begun);
      const isOpen = status === "pending" || status === "running";
      if (isOpen && details.cancel === null) this.#violation(`NO EFFECT: ${told}`, begun);
      // A cancel that would end the run later than another one changes nothing.
      if (effects === 0 && details.cancel === null) this.#violation(`NO EFFECT: ${told}`, begun);
    } else if (effects > 0) this.#violation(`UNTOLD EFFECT: ${told}`, begun);
    const said = /^run_(succeeded|failed|cancelled)$/.exec(outcome)?.[1];
    if (said !== undefined && said !== status) this.#violation(`ANOTHER END: ${told}, but is ${status}`, begun);
  }

  async #judgeRetry(begun: Begun, runId: string, item: BulkItem | undefined): Promise<void> {
    const { order, id, story } = begun;
    if (item?.outcome !== "accepted") {
      if (item !== undefined && item.newRunId !== null)
        this.#violation(`UNTOLD EFFECT: ${JSON.stringify(item)}`, begun);
      return;
    }
    const { newRunId } = item;
    if (newRunId === null || this.retried.has(newRunId))
      return this.#violation(`NO EFFECT: ${JSON.stringify(item)} names no run of its own`, begun);
    this.retried.set(newRunId, { newRunId, runId, begun });
    const path = `action-runs/${newRunId}?include=details`;
    const answer = await this.#environment.ask([200], story, "GET", path, {}, order.environment);
    const { details, triggeredBy } = answer.body as Shown;
    const isOf = details.retryOf === runId && details.bulkOperationId === id;
    if (!isOf || triggeredBy !== (order.person ?? "root"))
      this.#violation(`ANOTHER ORIGIN: ${JSON.stringify(answer.body)} of ${JSON.stringify(item)}`, begun);
  }

  #violation(sentence: string, { id, sentAt, story }: Begun): void {
    this.#stage.record.violation(sentence, [`operation ${id}`, ...story], sentAt);
  }
}

/** The longest grace of a round is 20 s. An entry of the audit comes late after D1 was down. */
const SETTLED_WITHIN_MS = 90_000;
const POLL_MS = 1000;
const PAGE = 100;

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
    await this.#environment.close();
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
    const listed = await this.#environment.all<BulkOperation>(`bulk-operations?limit=${PAGE}`, [], environment);
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
      const { ended = null, counts } = answer.body as BulkOperation;
      const sum = Object.values(ended ?? {}).reduce((all, n) => all + n, 0);
      if (ended !== null && sum === counts.accepted) return;
      if (sum > counts.accepted || Date.now() - this.#since > SETTLED_WITHIN_MS)
        return this.#violation(`MISCOUNTED: ${JSON.stringify(answer.body)} after all graces are over`);
      await delay(POLL_MS);
    }
  }

  /** One beginning and one end of each, with the counts of the end. */
  async #checkAudit(): Promise<void> {
    const { site } = this.#stage;
    for (;;) {
      const entries = await this.#environment.all<AuditEntry>(`${site.origins[0]}/acme/soak/audit?limit=${PAGE}`);
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

  #violation(sentence: string): void {
    this.#stage.record.violation(sentence, [], this.#since);
  }
}
