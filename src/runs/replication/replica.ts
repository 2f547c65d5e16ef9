/** A database that gets every change of the environment's runs: changes, retries, walks and owed deletions. */
import { logFailure } from "../../base/log.ts";
import { within } from "../../base/time.ts";
import type { Databases } from "../../settings/databases.ts";
import type { Registration } from "../d1/control-database.ts";
import { D1RowStore, type RowStore } from "../d1/store.ts";
import type { Home } from "../home.ts";
import type { Journal } from "../journal/journal.ts";
import type { ReplicaRows, Role } from "../journal/replica-rows.ts";
import { BatchWriter, type ReplicationAlarm, type ReplicationTarget } from "./batch-writer.ts";
import { Resync } from "./resync.ts";

/** A copy that lacks fewer runs can be primary, because lists leave out what the primary lacks. */
const CAUGHT_UP_ROWS = 500;
/** A copy that lacks so many runs, or owes so many deletions, would fill the memory or the journal. */
const BEHIND_MAX_ROWS = 50_000;
const OWED_MAX = 10_000;
const DELETED_AT_ONCE = 500;
const DELETION_MAX_MS = 8000;

export interface ReplicaParts {
  readonly env: Databases;
  readonly journal: Journal;
  readonly alarm: ReplicationAlarm;
  readonly registration: Registration;
}

export class Replica {
  readonly rows: ReplicaRows;
  readonly writer: BatchWriter;
  readonly resync: Resync;
  readonly #scope: string;
  readonly #store: RowStore;
  readonly #onReplicated: () => void;
  #isDeleting = false;
  #isStopped = false;

  constructor(
    { env, journal, alarm, registration }: ReplicaParts,
    rows: ReplicaRows,
    events: Required<Pick<ReplicationTarget, "onReplicated" | "onWalked">>,
  ) {
    const { database } = rows;
    this.rows = rows;
    this.#scope = journal.scope;
    this.#store = new D1RowStore(env, database, journal.scope, registration);
    this.#onReplicated = events.onReplicated;
    const target = { database, store: this.#store, rows, ...events };
    this.writer = new BatchWriter(journal, target, alarm);
    this.resync = new Resync(journal, target, this.writer);
  }

  get home(): Home {
    return this.rows.home;
  }

  get role(): Role {
    return this.rows.state.role;
  }

  get lacks(): number {
    return this.writer.pending.size + this.writer.quarantined.size;
  }

  get lacksSince(): number | null {
    const oldest = [this.writer.pending.oldestChange(), this.writer.quarantined.oldestChange()];
    const known = oldest.filter((at) => at !== null);
    return known.length === 0 ? null : Math.min(...known);
  }

  get isBehind(): boolean {
    return this.lacks > 0 || this.isInTrouble;
  }

  /** Whether more is left to do than to write changes. */
  get isInTrouble(): boolean {
    return this.writer.quarantined.size > 0 || this.resync.isUnderWay || this.rows.owed > 0;
  }

  get isDone(): boolean {
    return !this.isBehind && this.writer.isNoted;
  }

  get hasCaughtUp(): boolean {
    return this.lacks < CAUGHT_UP_ROWS && !this.resync.isUnderWay && this.rows.owed === 0;
  }

  get isFarBehind(): boolean {
    return this.lacks >= BEHIND_MAX_ROWS || this.rows.owed > OWED_MAX;
  }

  replicate(now: number): void {
    if (this.isDone) return;
    this.writer.writeNow();
    this.resync.next(now);
    void this.#deleteOwed();
  }

  delete(ids: readonly string[]): Promise<void> {
    return within(DELETION_MAX_MS, this.#store.delete(ids));
  }

  stop(): void {
    this.#isStopped = true;
    this.writer.stop();
    this.resync.stop();
  }

  /** Never throws. */
  async #deleteOwed(): Promise<void> {
    // A batch can bring back what is deleted before the batch is written.
    if (this.#isDeleting || this.rows.owed === 0 || this.writer.isWriting) return;
    this.#isDeleting = true;
    try {
      for (;;) {
        const ids = this.rows.nextOwed(DELETED_AT_ONCE);
        if (ids.length === 0) break;
        await this.delete(ids);
        // The copy that was made anew in its place has its own count of what is owed.
        if (this.#isStopped) return;
        this.rows.deleted(ids);
      }
      this.#onReplicated();
    } catch (error) {
      const { database } = this.rows;
      logFailure("deletion_failed", error, { coordinator: this.#scope, database, owed: this.rows.owed });
    }
    this.#isDeleting = false;
  }
}
