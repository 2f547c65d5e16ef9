/** Brings deliveries back that an endpoint has lost: a walk over events, newest first. The journal has its progress. */
import { RECOVERED_MAX } from "../../../base/limits.ts";
import { log } from "../../../base/log.ts";
import { HOUR_MS } from "../../../base/time.ts";
import {
  type EndpointKey,
  hears,
  isSameOrder,
  type RecoveryOrder,
  type RunWithEvent,
} from "../../endpoint-deliveries.ts";
import type { StoredRecovery } from "../../journal/endpoint-rows.ts";
import { type Context, Part } from "../context.ts";
import type { Deliveries } from "./deliveries.ts";

const BATCH_RUNS = 50;
/** A run that ended late, after the object was down, was written after its end. Clocks step back by less than this. */
const CLOCK_MARGIN_MS = HOUR_MS;

export class Recoveries extends Part {
  readonly #deliveries: Deliveries;
  readonly #suspect = new Suspect();

  constructor(context: Context, deliveries: Deliveries) {
    super(context);
    this.#deliveries = deliveries;
  }

  /**
   * Goes on with a recovery that has brought all that it may. False if another one of this endpoint is under way. It
   * begins at the newest event, pending or not. An event that both find has one delivery.
   */
  begin(endpoint: EndpointKey, order: RecoveryOrder): boolean {
    const known = this.journal.recoveries.of(endpoint);
    const isSame = known !== null && isSameOrder(known, order);
    if (known !== null && !known.isOver) return isSame;
    const beforeSeq = isSame && known.beforeSeq > 0 ? known.beforeSeq : this.journal.sequence.next;
    this.journal.recoveries.put({ endpoint, ...order, beforeSeq, deliveries: 0, isOver: false });
    return true;
  }

  recoverBatch(): void {
    const recovery = this.journal.recoveries.next();
    if (recovery === null) return;
    const { endpoint, since, until, include } = recovery;
    const { runs, walkedTo } = this.journal.runsWithEvents.before(
      recovery.beforeSeq,
      since - CLOCK_MARGIN_MS,
      // No more runs than deliveries that it may still bring, so that the next order goes on right behind the last one.
      this.#suspect.limit(Math.min(BATCH_RUNS, RECOVERED_MAX - recovery.deliveries)),
    );
    const inTime = runs.filter(({ at }) => at >= since && at < (until ?? Number.POSITIVE_INFINITY));
    const lost = include === "failed" ? this.#failed(endpoint, inTime) : this.#missing(endpoint, inTime);
    try {
      this.#bring(recovery, lost, walkedTo);
      this.#suspect.passed();
    } catch (error) {
      const skipped = this.#suspect.failed(runs);
      if (skipped === null) throw error;
      this.journal.recoveries.put(after(recovery, 0, skipped.seq));
      log("error", "event_skipped", { coordinator: this.journal.scope, run: skipped.id });
    }
  }

  #bring(recovery: StoredRecovery, lost: readonly RunWithEvent[], walkedTo: number): void {
    const { endpoint } = recovery;
    const begun = this.journal.transaction(() => {
      for (const { id: runId, kind } of lost) this.journal.deliveries.erase({ endpoint, runId, kind });
      const matches = lost.map((run) => ({ run, endpoint }));
      const deliveries = this.#deliveries.insert(matches, Date.now());
      this.journal.recoveries.put(after(recovery, lost.length, walkedTo));
      return deliveries;
    });
    this.#deliveries.launch(begun);
  }

  #failed(endpoint: EndpointKey, runs: readonly RunWithEvent[]): RunWithEvent[] {
    return runs.filter(
      ({ id: runId, kind }) => this.journal.deliveries.of({ endpoint, runId, kind })?.state === "failed",
    );
  }

  /** Also events from before the endpoint was stored. */
  #missing(endpoint: EndpointKey, runs: readonly RunWithEvent[]): RunWithEvent[] {
    const listener = this.journal.endpoints.listeners.find((one) => one.endpoint === endpoint);
    if (listener === undefined) return [];
    const known = this.journal.deliveries.runsWith(endpoint, runs);
    return runs.filter((run) => !known.has(run.id) && hears(listener, run));
  }
}

function after(recovery: StoredRecovery, brought: number, walkedTo: number): StoredRecovery {
  const deliveries = recovery.deliveries + brought;
  return { ...recovery, deliveries, beforeSeq: walkedTo, isOver: walkedTo === 0 || deliveries >= RECOVERED_MAX };
}

/** How often an event is tried that can't be fanned out. */
const TRIES_MAX = 5;

/**
 * The event at which a walk has failed. Events are then tried one at a time, and one that fails too often is skipped,
 * so that it does not hold up the others for ever. In memory only: a new instance tries it again.
 */
export class Suspect {
  #seq: number | null = null;
  #tries = 0;

  limit(usual: number): number {
    return this.#seq === null ? usual : 1;
  }

  passed(): void {
    this.#seq = null;
  }

  /** Returns the event to skip; null if it must be tried again. */
  failed([first, ...others]: readonly RunWithEvent[]): RunWithEvent | null {
    if (first === undefined) return null;
    if (this.#seq !== first.seq) this.#tries = 0;
    this.#seq = first.seq;
    if (others.length === 0) this.#tries++;
    if (this.#tries < TRIES_MAX) return null;
    this.#seq = null;
    return first;
  }
}
