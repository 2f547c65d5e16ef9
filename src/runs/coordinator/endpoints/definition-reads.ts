/**
 * Keeps the rows of endpoints and schedules equal to those of D1. Whoever changes one has it noted here before, and
 * calls for a read afterwards. From the note on, the events are kept that an endpoint may have to hear of, so a call
 * that is lost or late does no harm. Reads are made one at a time, so no older one overwrites a newer.
 */
import { HOUR_MS, MINUTE_MS } from "../../../base/time.ts";
import { type ReadDefinitions, selectDefinitions } from "../../d1/control-database.ts";
import { type EndpointKey, needsPrevious, type PreviousStatus } from "../../endpoint-deliveries.ts";
import { type EndedOutcome, isOutcome } from "../../journal/endpoint-rows.ts";
import type { JournaledRun } from "../../journal/run-rows.ts";
import type { DefinitionCalls } from "../../protocol.ts";
import { isFinal } from "../../run.ts";
import type { DueWork } from "../alarm.ts";
import { Part, PartWith } from "../context.ts";
import type { IsCurrent } from "../leased-call.ts";

/** After a note. D1 gives up a statement before the first one, so that one finds each change. The others make sure. */
const READ_AFTER_MS = [MINUTE_MS, 10 * MINUTE_MS, HOUR_MS] as const;
const READ = { leaseMs: 10_000, retryFirstMs: 2000, retryMaxMs: 30_000 };

export class DefinitionReads extends PartWith<{ outcomes: Outcomes; fanOut: DueWork }> implements DueWork {
  readonly #call = this.leasedCall(READ, "endpoints_unread");
  #reading: Promise<void> = Promise.resolve();
  #following: Promise<void> | null = null;
  /** The instance before has noted changes that were perhaps never read. */
  #isInherited = this.journal.fanOut.noted?.reads === 0;
  #notes = 0;

  readonly calls: DefinitionCalls = {
    note: async (created) => this.note(created, Date.now()),
    changed: () => this.read(),
  };

  note(created: EndpointKey | null, now: number): void {
    const { fanOut, sequence, endpoints } = this.journal;
    this.#notes++;
    this.journal.transaction(() => {
      fanOut.noted = { at: now, afterSeq: fanOut.noted?.afterSeq ?? sequence.last, reads: 0 };
      if (created !== null) endpoints.expect(created, sequence.last);
      this.context.arm(now);
    });
  }

  /** Resolves when a read is done that has begun after this call. If it fails, the alarm reads again. */
  read(): Promise<void> {
    const now = Date.now();
    if (!this.#call.isUnderWay || this.#call.nextAt(now) <= now) {
      this.#reading = this.#call.run(now, (isCurrent) => this.#read(isCurrent));
      return this.#reading;
    }
    this.#following ??= this.#reading
      .catch(() => {})
      .then(() => {
        this.#following = null;
        return this.read();
      });
    return this.#following;
  }

  readSoon(): void {
    // The failure is in the log.
    void this.read().catch(() => {});
  }

  takeBatch(now: number): number {
    if (this.nextAt(now) <= now) this.readSoon();
    return 0;
  }

  nextAt(now: number): number {
    const { noted } = this.journal.fanOut;
    const afterMs = noted === null ? undefined : READ_AFTER_MS[noted.reads];
    if (noted === null || afterMs === undefined) return Number.POSITIVE_INFINITY;
    // After the clock stepped back, it reads at once, and the time begins anew.
    const isDue = this.#call.isUnderWay || this.#call.hasFailed || this.#isInherited || noted.at > now;
    return Math.max(isDue ? now : noted.at + afterMs, this.#call.nextAt(now));
  }

  async #read(isCurrent: IsCurrent): Promise<number> {
    const begunAt = Date.now();
    const notes = this.#notes;
    const read = await selectDefinitions(this.context.env.DB, this.journal.scope);
    if (!isCurrent()) throw new Error("a newer read has begun");
    if (this.#apply(read, notes === this.#notes ? begunAt : null)) this.parts.fanOut.takeBatch(Date.now());
    this.#isInherited = false;
    return 0;
  }

  /** `begunAt`: null if there was a note since the read began. Returns whether the rows of endpoints have changed. */
  #apply({ endpoints: read, schedules }: ReadDefinitions, begunAt: number | null): boolean {
    const { fanOut, endpoints, endpointHealth, recoveries, sequence } = this.journal;
    const { noted } = fanOut;
    const at = Math.min(noted?.at ?? 0, begunAt ?? Number.POSITIVE_INFINITY);
    const made = begunAt === null ? 0 : READ_AFTER_MS.filter((ms) => begunAt - at >= ms).length;
    const reads = noted === null ? READ_AFTER_MS.length : Math.max(noted.reads, made);
    const isOver = reads === READ_AFTER_MS.length;
    const wasNeeded = this.parts.outcomes.isNeeded;
    return this.journal.transaction(() => {
      this.journal.schedules.replace(schedules, Date.now());
      const afterSeq = noted?.afterSeq ?? sequence.last;
      const isChanged = endpoints.replace(read, { afterSeq, keepsExpected: !isOver });
      if (isChanged) {
        if (afterSeq < sequence.last) {
          fanOut.pendingAfter = Math.min(fanOut.pendingAfter ?? afterSeq, afterSeq);
        }
        this.parts.outcomes.needMayChange(wasNeeded);
        const keys = read.map(({ endpoint }) => endpoint);
        endpointHealth.eraseOthers(keys);
        recoveries.eraseOthers(keys);
      }
      if (noted !== null && (reads > noted.reads || at < noted.at)) {
        const kept = reads > 0 ? null : noted.afterSeq;
        fanOut.noted = isOver ? null : { at, afterSeq: kept, reads };
      }
      return isChanged;
    });
  }
}

/** How the same action, entity and subject ended before. Noted at each end, so every delivery says the same. */
export class Outcomes extends Part {
  before(run: EndedOutcome): PreviousStatus {
    return this.isNeeded && isOutcome(run) ? this.journal.outcomes.of(run) : null;
  }

  /** Call it in the transaction that ends the run. */
  ended(run: JournaledRun): void {
    if (this.isNeeded && isOutcome(run) && isFinal(run)) this.journal.outcomes.put(run);
  }

  /** `ended` has failed, so the walk notes the run. The outcome is unknown until then. */
  fillFrom(run: JournaledRun): void {
    const { fanOut, outcomes } = this.journal;
    outcomes.erase(run);
    fanOut.outcomesBelow = Math.max(fanOut.outcomesBelow ?? 0, (run.endedSeq ?? 0) + 1);
  }

  /** Call this in the transaction that changes the endpoints. A need begins with a walk over ended runs. */
  needMayChange(wasNeeded: boolean): void {
    const { fanOut, sequence, outcomes } = this.journal;
    if (this.isNeeded === wasNeeded) return;
    fanOut.outcomesBelow = this.isNeeded ? sequence.next : null;
    if (this.isNeeded) this.fill();
    else outcomes.clear();
  }

  get isFilling(): boolean {
    return this.journal.fanOut.outcomesBelow !== null;
  }

  fill(): void {
    const { fanOut, outcomes } = this.journal;
    const below = fanOut.outcomesBelow;
    if (below === null) return;
    this.journal.transaction(() => {
      const next = outcomes.fill(below);
      fanOut.outcomesBelow = next === 0 ? null : next;
    });
  }

  get isNeeded(): boolean {
    return this.journal.endpoints.listeners.some(needsPrevious);
  }
}
