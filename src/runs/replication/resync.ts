/**
 * Makes D1 equal to the journal again. A restore of D1 brings rows back of runs that the journal no longer keeps. Only
 * rows whose id is over an hour old are deleted: no run with such an id can still be created.
 */

import { firstIdAt } from "../../base/ids.ts";
import { logFailure } from "../../base/log.ts";
import { HOUR_MS, msSinceOrLongAgo } from "../../base/time.ts";
import type { Journal } from "../journal/journal.ts";
import { AFTER_ALL_IDS } from "../run-id.ts";
import type { BatchWriter, ReplicationTarget } from "./batch-writer.ts";

export const STEP_RUNS = 1000;
/** A run that was purged has an older id. A run that is being created has a younger one. */
const DELETABLE_AGE_MS = HOUR_MS;
const GIVEN_UP_MS = 10_000;

export class Resync {
  readonly #journal: Journal;
  readonly #target: ReplicationTarget;
  readonly #writer: BatchWriter;
  /** The step under way; null if the next may begin. */
  #current: { readonly at: number } | null = null;
  /** A try beside this can't help: replicating can't hang. */
  #isReplicating = false;
  #isWaitingForWrite = false;
  #isStopped = false;

  constructor(journal: Journal, target: ReplicationTarget, writer: BatchWriter) {
    this.#journal = journal;
    this.#target = target;
    this.#writer = writer;
  }

  get isUnderWay(): boolean {
    return this.#after !== null;
  }

  begin(): void {
    if (!this.isUnderWay) this.#note("");
  }

  beginAnew(): void {
    this.#note("");
    this.#current = null;
  }

  get #after(): string | null {
    return this.#target.rows.state.walkedTo;
  }

  #note(walkedTo: string | null): void {
    this.#target.rows.change({ walkedTo });
  }

  get remaining(): number {
    const after = this.#after;
    return after === null ? 0 : this.#target.rows.countAfter(after);
  }

  stop(): void {
    this.#isStopped = true;
    this.#current = null;
  }

  next(now: number): void {
    const after = this.#after;
    if (this.#isStopped || after === null || this.#isReplicating) return;
    if (this.#current !== null && msSinceOrLongAgo(this.#current.at, now) < GIVEN_UP_MS) return;
    const step = { at: now };
    this.#current = step;
    const isCurrent = () => this.#current === step;
    const over = () => {
      if (isCurrent()) this.#current = null;
    };
    void this.#step(after, now, isCurrent)
      .finally(over)
      .then(
        () => this.next(Date.now()),
        (error: unknown) => {
          if (this.#isStopped) return;
          logFailure("resync_failed", error, { coordinator: this.#journal.scope, database: this.#target.database });
          this.#goOnAfterWrite();
        },
      );
  }

  /** After a failed step, the next one starts when a batch is written. The alarm starts it too, in case none is. */
  #goOnAfterWrite(): void {
    if (this.#isWaitingForWrite) return;
    this.#isWaitingForWrite = true;
    void this.#writer.nextWrite().then(() => {
      this.#isWaitingForWrite = false;
      this.next(Date.now());
    });
  }

  /** The cursor moves last, so an object that dies before that repeats the step, which is harmless. */
  async #step(after: string, now: number, isCurrent: () => boolean): Promise<void> {
    const found = await this.#target.store.find(after, firstIdAt(now - DELETABLE_AGE_MS), STEP_RUNS);
    if (!isCurrent()) return;
    const upTo = found[STEP_RUNS - 1] ?? AFTER_ALL_IDS;
    const batch = this.#target.rows.between(after, upTo, STEP_RUNS);
    const last = batch.at(-1)?.id ?? after;
    // A resync that waited for a step without new runs could never end. Those are replicated anyway.
    const reached = this.#target.rows.hasBetween(last, upTo) ? last : upTo;
    const kept = new Set(batch.map(({ id }) => id));
    const unkept = found.filter((id) => id <= reached && !kept.has(id));
    if (unkept.length > 0) await this.#target.store.delete(unkept);
    if (!isCurrent()) return;
    this.#isReplicating = true;
    this.#writer.replicateAgain(batch);
    while (batch.some(({ id }) => this.#writer.pending.isAgain(id))) await this.#writer.nextWrite();
    this.#isReplicating = false;
    if (!isCurrent()) return;
    const isDone = reached === AFTER_ALL_IDS;
    // First, because a step whose cursor can't be written is repeated.
    if (isDone) this.#target.onWalked?.();
    this.#note(isDone ? null : reached);
    if (isDone) this.#target.onReplicated?.();
  }
}
