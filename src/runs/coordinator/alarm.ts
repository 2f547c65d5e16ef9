/** The coordinator's one alarm. The instants come from the journal, so no new instance can postpone one. */
import { log, logFailure } from "../../base/log.ts";
import type { Journal } from "../journal/journal.ts";
import { ALARM_LATE_MS } from "../protocol.ts";
import type { ReplicationAlarm } from "../replication/batch-writer.ts";
import type { Replication } from "../replication/replication.ts";
import { endOf } from "./leased-call.ts";

/** How long the alarm waits after a part of it failed. */
const AFTER_FAILURE_MS = 5000;

/** Work that the alarm begins. None of it waits for D1 or for an attempt, because the next alarm would wait too. */
export interface DueWork {
  /** When it is due; Infinity if there is nothing to do. */
  nextAt(now: number): number;
  /** Does what is due, or starts it. Returns how many runs, requests or deliveries it took on. */
  takeBatch(now: number): number;
}

export class AlarmClock implements ReplicationAlarm {
  readonly #storage: DurableObjectStorage;
  readonly #journal: Journal;
  #open: readonly DueWork[] = [];
  #retention: readonly DueWork[] = [];
  #failedAt: number | null = null;
  /** What the alarm is set for; null if unknown, as in a new instance. */
  #armedFor: number | null = null;

  constructor(storage: DurableObjectStorage, journal: Journal) {
    this.#storage = storage;
    this.#journal = journal;
    // The transaction may have set the alarm, and that was taken back as well.
    journal.takenBack = () => {
      this.#armedFor = null;
    };
  }

  /** Says what the alarm is for, in this order. `retention`: what happens to ended runs, which is no open work. */
  serve(open: readonly DueWork[], retention: readonly DueWork[]): void {
    this.#open = open;
    this.#retention = retention;
  }

  /** Whatever fails, the rest goes on: a full object must still purge. The alarm is set again, and not for at once. */
  ring(now: number, replication: Replication): void {
    this.forgetArmed();
    const coordinator = this.#journal.scope;
    const tried = <T>(part: () => T): T | null => {
      try {
        return part();
      } catch (error) {
        // What failed is still due. Without a pause, a full object would do nothing else.
        this.#failedAt = Date.now();
        logFailure("alarm_failed", error, { coordinator });
        return null;
      }
    };
    const taken = (works: readonly DueWork[]) =>
      works.reduce((sum, work) => sum + (tried(() => work.takeBatch(now)) ?? 0), 0);
    const due = taken(this.#open);
    const purging = taken(this.#retention);
    const behind = tried(() => replication.retry(now));
    if (due + purging > 0 || behind !== null) log("info", "alarm", { coordinator, due, purging, ...behind });
    const isArmed = tried(() => {
      replication.arm(now);
      return true;
    });
    // The journal can't be read or written.
    if (isArmed === null) this.#setAlarm(now + AFTER_FAILURE_MS);
  }

  get replicationRetryAt(): number {
    const at = this.#journal.metadata.get("replication_retry_at");
    return at === null ? Number.POSITIVE_INFINITY : Number(at);
  }

  setReplicationRetryAt(at: number | null): void {
    this.#journal.metadata.set("replication_retry_at", at === null ? null : String(at));
  }

  /** A steady stream of changes must not postpone it for ever. A later one was set before the clock stepped back. */
  retryReplicationBy(at: number): void {
    if (this.replicationRetryAt > at) this.setReplicationRetryAt(at);
  }

  forgetArmed(): void {
    this.#armedFor = null;
    this.#failedAt = null;
  }

  /** An alarm that is set for sooner stays, and is set again when it rings. So a change nearly always needs no SQL here. */
  armBy(at: number, now: number): void {
    if (!this.ringsBy(at, now)) this.arm(now);
  }

  /** An alarm that is long past was dropped. */
  ringsBy(at: number, now: number): boolean {
    const armedFor = this.#armedFor;
    return armedFor !== null && armedFor <= Math.max(at, now) && armedFor > now - ALARM_LATE_MS;
  }

  nextOpenAt(now: number): number {
    return Math.min(...this.#open.map((work) => work.nextAt(now)));
  }

  nextDueAt(now: number): number {
    return Math.min(this.nextOpenAt(now), ...this.#retention.map((work) => work.nextAt(now)));
  }

  /** Sets the alarm in the same critical section as the writes around it, so that it commits with them. */
  arm(now: number): void {
    const next = Math.min(this.replicationRetryAt, this.nextDueAt(now));
    if (next === Number.POSITIVE_INFINITY) return;
    const at = Math.max(next, this.#notBefore(now));
    if (at > now ? at === this.#armedFor : this.ringsBy(now, now)) return;
    this.#setAlarm(at);
  }

  #setAlarm(at: number): void {
    this.#armedFor = at;
    this.#storage.setAlarm(at).catch((error: unknown) => {
      logFailure("alarm_failed", error, { coordinator: this.#journal.scope });
      if (this.#armedFor !== at) return;
      // The writes around it may stay without their alarm. So the next write sets it, or this does.
      this.#armedFor = null;
      setTimeout(() => {
        if (this.#armedFor === null) this.#setAlarm(at);
      }, AFTER_FAILURE_MS);
    });
  }

  #notBefore(now: number): number {
    return this.#failedAt === null ? now : endOf({ at: this.#failedAt, ms: AFTER_FAILURE_MS }, now);
  }
}
