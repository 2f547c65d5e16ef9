/** Keeps D1 equal to the journal. While the environment moves, its runs are replicated to both databases. */
import type { Home } from "../home.ts";
import type { FollowUp, Journal, Written } from "../journal/journal.ts";
import type { PendingVersion } from "../journal/replica-rows.ts";
import type { RunCount } from "../run-counts.ts";
import type { ReplicationAlarm } from "./batch-writer.ts";
import type { Replica, Replicas } from "./replica-set.ts";

export const PENDING_MAX_ROWS = 50_000;
export const PENDING_MAX_BYTES = 512 * 1024 * 1024;
/** How long after a change the alarm checks that the change is replicated, and retries if not. */
const RETRY_MS = 60_000;
const RETRY_IN_TROUBLE_MS = 5000;
/** A new instance replicates in this time what the last one may have left. Many can start at once, so they spread. */
const START_MIN_MS = 1000;
const START_MAX_MS = 4000;

export class Replication implements FollowUp {
  readonly #journal: Journal;
  readonly #alarm: ReplicationAlarm;
  readonly #replicas: Replicas;

  constructor(journal: Journal, alarm: ReplicationAlarm, replicas: Replicas) {
    this.#journal = journal;
    this.#alarm = alarm;
    this.#replicas = replicas;
    if (this.#isDone) return;
    const ms = START_MIN_MS + Math.random() * (START_MAX_MS - START_MIN_MS);
    setTimeout(() => this.replicate(), ms);
  }

  get home(): Home | null {
    return this.#replicas.primary?.home ?? null;
  }

  get isOverloaded(): boolean {
    const { primary } = this.#replicas;
    if (primary === null) return false;
    return primary.lacks >= PENDING_MAX_ROWS || primary.writer.pending.bytes >= PENDING_MAX_BYTES;
  }

  isOnRecord({ pendingVersion, ringsAt }: Written, now: number): boolean {
    const { replicationRetryAt } = this.#alarm;
    const isRung =
      replicationRetryAt <= now + RETRY_MS && this.#alarm.ringsBy(Math.min(replicationRetryAt, ringsAt), now);
    return isRung && pendingVersion.seq > 1;
  }

  record({ pendingVersion, ringsAt }: Written, now: number): null {
    if (pendingVersion.seq === 1) {
      this.#journal.sequence.beginEpoch(now);
      this.#replicas.decide();
    }
    this.#alarm.retryReplicationBy(now + RETRY_MS);
    this.#alarm.armBy(Math.min(this.#alarm.replicationRetryAt, ringsAt), now);
    return null;
  }

  changed(pendingVersion: PendingVersion, isUrgent: boolean): void {
    for (const { writer } of this.#replicas.live) writer.changed(pendingVersion, isUrgent);
    this.#replicas.boundCopy();
  }

  get unreplicated(): RunCount {
    const { primary } = this.#replicas;
    return { runs: primary?.lacks ?? 0, oldestAt: primary?.lacksSince ?? null };
  }

  get isStale(): boolean {
    return this.#replicas.primary?.resync.isUnderWay ?? false;
  }

  /**
   * In the replica that is primary when this resolves. The journal may forget the runs in the same critical section,
   * because what another replica may still have is on record. Throws if the primary has not deleted them.
   */
  async delete(ids: readonly string[]): Promise<void> {
    const asked = this.#replicas.live;
    // A batch that is under way can be written after the deletion.
    const inBatch = asked.filter(({ writer }) => ids.some((id) => writer.mayWrite(id)));
    this.forget(ids);
    const failures = new Map<Replica, unknown>();
    const noted = (replica: Replica) => (error: unknown) => void failures.set(replica, error);
    await Promise.all(asked.map((replica) => replica.delete(ids).catch(noted(replica))));
    const { live } = this.#replicas;
    const undone = live.filter((replica) => failures.has(replica) || !asked.includes(replica));
    const primary = undone.find(({ role }) => role === "primary");
    if (primary !== undefined) throw failures.get(primary) ?? new Error("the primary has changed");
    const owing = live.filter((replica) => undone.includes(replica) || inBatch.includes(replica));
    if (owing.length === 0) return;
    const now = Date.now();
    this.#journal.transaction(() => {
      for (const { rows } of owing) rows.oweDeletions(ids);
      this.#alarm.retryReplicationBy(now + RETRY_IN_TROUBLE_MS);
      this.#alarm.arm(now);
    });
    this.#replicas.boundCopy();
  }

  /** Replicates these runs, if they are pending, with what the journal has of them now. */
  unload(ids: readonly string[]): void {
    for (const { writer } of this.#replicas.live) writer.pending.unload(ids);
  }

  forget(ids: readonly string[]): void {
    for (const { writer } of this.#replicas.live) writer.forget(ids);
  }

  /** Call this in the critical section that makes a row pending, so that its retry can't be lost. */
  arm(now: number): void {
    if (!this.#isDone) this.#alarm.retryReplicationBy(now + RETRY_MS);
    this.#alarm.arm(now);
  }

  replicate(now = Date.now()): void {
    for (const replica of this.#replicas.live) replica.replicate(now);
    if (this.#owesRegistration) this.#replicas.registration.beside(now);
  }

  /** Called by the alarm. Returns what to log; null if nothing is left. */
  retry(now: number): Readonly<Record<string, number | null>> | null {
    const { live, primary } = this.#replicas;
    for (const { writer, resync } of live) {
      writer.noteReplicated();
      // A resync that an eviction cut off goes on.
      resync.next(now);
    }
    // A promotion can have failed.
    this.#replicas.promote();
    if (this.#isDone) {
      this.#alarm.setReplicationRetryAt(null);
    } else if (this.#alarm.replicationRetryAt <= now) {
      const isInTrouble = this.#owesRegistration || live.some((one) => one.isInTrouble || one.role === "copying");
      this.#alarm.setReplicationRetryAt(now + (isInTrouble ? RETRY_IN_TROUBLE_MS : RETRY_MS));
      this.replicate(now);
    }
    const { runs, oldestAt } = this.unreplicated;
    if (primary === null || runs === 0) return null;
    const oldestUnreplicatedMs = oldestAt === null ? null : now - oldestAt;
    return { unreplicated: runs, oldestUnreplicatedMs, quarantined: primary.writer.quarantined.size };
  }

  get #isDone(): boolean {
    const { copy, live } = this.#replicas;
    return copy === null && !this.#owesRegistration && live.every(({ isDone }) => isDone);
  }

  /** Whether the control database does not know the home yet, and perhaps no batch goes there. */
  get #owesRegistration(): boolean {
    const { isHomeRegistered, live, registration } = this.#replicas;
    const isBeside = live.length > 0 && live.every(({ home }) => home.database !== 0);
    return !isHomeRegistered || (registration.isOwed && isBeside);
  }

  resync(): number {
    const now = Date.now();
    const { primary, copy, registration } = this.#replicas;
    if (primary !== null && !primary.resync.isUnderWay) {
      primary.resync.begin();
      registration.forget();
      this.#journal.queues.doubtLimits();
      // The operator resyncs after a restore, and the copy can be what was restored.
      copy?.resync.beginAnew();
    }
    this.arm(now);
    for (const { resync } of this.#replicas.live) resync.next(now);
    return primary?.resync.remaining ?? 0;
  }
}
