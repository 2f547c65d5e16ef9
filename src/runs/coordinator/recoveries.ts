/**
 * Brings messages back that an endpoint has lost: a walk over runs, newest change first, in bounded turns. The journal
 * has its progress, so it survives an eviction.
 */

import { RECOVERED_MAX } from "../../base/limits.ts";
import { HOUR_MS, within } from "../../base/time.ts";
import type { Journal } from "../journal/journal.ts";
import type { StoredRecovery } from "../journal/recovery-rows.ts";
import {
  type EndpointKey,
  type Endpoints,
  isSameOrder,
  MATCHING_MAX_MS,
  type Match,
  type Recovery,
  type RecoveryOrder,
  type RunToTell,
} from "../telling.ts";
import type { Messages } from "./messages.ts";

/** How many runs one turn looks at. */
const TURN_RUNS = 50;
/** A run that ended late, after the object was down, was written after its end. Clocks step back by less than this. */
const CLOCK_MARGIN_MS = HOUR_MS;

export class Recoveries {
  readonly #journal: Journal;
  readonly #messages: Messages;
  readonly #endpoints: Endpoints;

  constructor(journal: Journal, messages: Messages, endpoints: Endpoints) {
    this.#journal = journal;
    this.#messages = messages;
    this.#endpoints = endpoints;
  }

  of(endpoint: EndpointKey): Recovery | null {
    return this.#journal.recoveries.of(endpoint);
  }

  /** Whether a recovery is under way. */
  get isAny(): boolean {
    return this.#journal.recoveries.isAny;
  }

  /**
   * Begins a recovery, or goes on with one that has brought all that it may. False if another one of this endpoint is
   * under way. It begins at the newest change, told or not: a matching under way may have read endpoints before this one
   * was stored or enabled. A run that both find has one message.
   */
  begin(endpoint: EndpointKey, order: RecoveryOrder): boolean {
    const known = this.#journal.recoveries.of(endpoint);
    const isSame = known !== null && isSameOrder(known, order);
    if (known !== null && !known.isOver) return isSame;
    const beforeSeq = isSame && known.beforeSeq > 0 ? known.beforeSeq : this.#journal.sequence.next;
    this.#journal.recoveries.put({ endpoint, ...order, beforeSeq, messages: 0, isOver: false });
    return true;
  }

  /** One turn of one recovery. */
  async takeTurn(): Promise<void> {
    if (!this.isAny) return;
    // Between two turns, others get theirs. A turn that asks nobody would not let them.
    await scheduler.wait(0);
    const recovery = this.#journal.recoveries.next();
    if (recovery === null) return;
    const { endpoint, since, until, include } = recovery;
    const { runs, walkedTo } = this.#journal.runsToTell.before(
      recovery.beforeSeq,
      since - CLOCK_MARGIN_MS,
      // No more runs than messages that it may still bring, so that the next order goes on right behind the last one.
      Math.min(TURN_RUNS, RECOVERED_MAX - recovery.messages),
    );
    const inTime = runs.filter(({ at }) => at >= since && at < (until ?? Number.POSITIVE_INFINITY));
    const lost =
      include === "failed" ? this.#failed(endpoint, inTime) : await this.#missing(endpoint, inTime);
    const kinds = new Map(inTime.map(({ id, kind }) => [id, kind]));
    // Another turn may have taken this one's place meanwhile.
    if (this.#journal.recoveries.of(endpoint)?.beforeSeq !== recovery.beforeSeq) return;
    const now = Date.now();
    const begun = this.#journal.transaction(() => {
      for (const { runId } of lost) {
        this.#journal.messages.erase({ endpoint, runId, kind: kinds.get(runId) ?? "ended" });
      }
      const messages = this.#messages.insert(inTime, lost, now);
      this.#journal.recoveries.put(after(recovery, lost.length, walkedTo));
      return messages;
    });
    this.#messages.launch(begun);
  }

  #failed(endpoint: EndpointKey, runs: readonly RunToTell[]): Match[] {
    return runs.flatMap(({ id: runId, kind }) => {
      const message = this.#journal.messages.of({ endpoint, runId, kind });
      if (message?.state !== "failed") return [];
      return [{ runId, endpoint, previousStatus: message.previousStatus }];
    });
  }

  async #missing(endpoint: EndpointKey, runs: readonly RunToTell[]): Promise<readonly Match[]> {
    const known = this.#journal.messages.runsWith(endpoint, runs);
    const unknown = runs.filter(({ id }) => !known.has(id));
    if (unknown.length === 0) return [];
    const matching = this.#endpoints.match(this.#journal.scope, unknown, endpoint);
    const { matches } = await within(MATCHING_MAX_MS, matching);
    // Others may have asked for one of them meanwhile.
    const since = this.#journal.messages.runsWith(endpoint, runs);
    return matches.filter(({ runId }) => !since.has(runId));
  }
}

function after(recovery: StoredRecovery, brought: number, walkedTo: number): StoredRecovery {
  const messages = recovery.messages + brought;
  return {
    ...recovery,
    messages,
    beforeSeq: walkedTo,
    isOver: walkedTo === 0 || messages >= RECOVERED_MAX,
  };
}
