/** Each change of a role is one transaction of the journal, so there is one primary at each instant. */
import { log, logFailure } from "../../base/log.ts";
import { within } from "../../base/time.ts";
import { type Databases, databasesForNew, hasSeveralDatabases } from "../../settings/databases.ts";
import { type HomeKeeper, Registration } from "../d1/control-database.ts";
import { D1RowStore } from "../d1/store.ts";
import { FIRST_HOME, type Home, type MoveRecord } from "../home.ts";
import type { Journal } from "../journal/journal.ts";
import type { ReplicaRows, Role } from "../journal/replica-rows.ts";
import { BatchWriter, type ReplicationAlarm, type ReplicationTarget } from "./batch-writer.ts";
import { Resync } from "./resync.ts";

type ReplicasParts = Omit<ReplicaParts, "registration"> & { readonly nextDueAt: (now: number) => number };

export class Replicas implements HomeKeeper {
  readonly #parts: ReplicasParts;
  readonly registration: Registration;
  readonly #live = new Map<number, Replica>();
  #leaving: readonly ReplicaRows[] = [];

  constructor(parts: ReplicasParts) {
    const { env, journal, alarm, nextDueAt } = parts;
    this.#parts = parts;
    const isOwed = alarm.replicationRetryAt !== Number.POSITIVE_INFINITY;
    this.registration = new Registration(env.DB, journal.scope, { nextDueAt, keeper: this, isOwed });
    this.#look();
  }

  /** Null if the environment never had a run, and nobody has decided where it will live. */
  get primary(): Replica | null {
    if (this.#live.size === 0 && this.#parts.journal.sequence.last > 0) this.#look();
    return this.#withRole("primary");
  }

  get copy(): Replica | null {
    return this.#withRole("copying");
  }

  get live(): readonly Replica[] {
    return [this.primary, this.copy].filter((replica) => replica !== null);
  }

  get leaving(): readonly ReplicaRows[] {
    return this.#leaving;
  }

  get isAtRest(): boolean {
    return this.copy === null && this.#leaving.length === 0;
  }

  mayDiffer(id: string): boolean {
    const differs = ({ writer, resync }: Replica) =>
      writer.pending.has(id) || writer.quarantined.has(id) || resync.isUnderWay;
    return this.#leaving.length > 0 || this.live.some(differs);
  }

  get isHomeRegistered(): boolean {
    return !this.#leaving.some(mustBeRegistered);
  }

  get home(): Home | null {
    const home = this.primary?.home ?? null;
    return hasSeveralDatabases(this.#parts.env) || !this.isHomeRegistered ? home : null;
  }

  homeRegistered({ generation }: Home): void {
    const left = this.#leaving.filter(mustBeRegistered);
    if (left.length === 0 || generation !== this.primary?.home.generation) return;
    const { journal, alarm } = this.#parts;
    const now = Date.now();
    try {
      journal.transaction(() => {
        for (const rows of left) changeMove(rows, { switchedAt: now });
        alarm.arm(now);
      });
    } catch (error) {
      logFailure("move_failed", error, { coordinator: journal.scope, status: "switching" });
      return;
    }
    for (const { database } of left) {
      log("info", "moved", { coordinator: journal.scope, from: database, to: this.primary.home.database });
    }
  }

  /** Call it in the transaction of a new environment's first write. */
  decide(): void {
    if (this.#live.size > 0) return;
    const { env, journal } = this.#parts;
    const databases = databasesForNew(env);
    this.#decideOn(databases[hashOf(journal.scope) % databases.length] ?? 0);
  }

  chooseHome(database: number): Home {
    if (this.primary === null) {
      this.#parts.journal.transaction(() => this.#decideOn(database));
      this.#look();
    }
    return this.primary?.home ?? FIRST_HOME;
  }

  #decideOn(database: number): void {
    this.#parts.journal.replicaIn(database).change({ role: "primary", generation: 1 });
  }

  beginCopy(move: MoveRecord): void {
    const { journal } = this.#parts;
    const { database, generation } = move.target;
    journal.transaction(() => {
      const rows = journal.replicaIn(database);
      rows.change({ role: "copying", generation, move });
      rows.beginAnew(journal.sequence.last);
    });
    this.#look();
    this.copy?.resync.next(Date.now());
  }

  cancelCopy(): void {
    const { copy } = this;
    if (copy === null) return;
    this.#parts.journal.transaction(() => cancel(copy.rows));
    this.#look();
  }

  /** Because the control database knows more than an object that was restored to before a move. */
  adopt(home: Home, now: number): void {
    const { journal } = this.#parts;
    const own = this.primary?.home ?? null;
    if (home.generation <= Math.max(own?.generation ?? 0, this.copy?.home.generation ?? 0)) return;
    const { live } = this;
    journal.transaction(() => {
      for (const { rows, role, home: from } of live) {
        if (role === "copying") cancel(rows);
        else rows.leave({ ...NEW_MOVE, from, target: home, requestedAt: now, switchedAt: now });
      }
      const rows = journal.replicaIn(home.database);
      rows.change({ role: "primary", generation: home.generation, move: null });
      rows.beginAnew(journal.sequence.last);
    });
    this.#stop(live);
    this.#look();
    this.primary?.resync.next(now);
  }

  walkAgain(database: number): void {
    const replica = this.#live.get(database);
    if (replica === undefined) return;
    replica.resync.beginAnew();
    replica.resync.next(Date.now());
  }

  /** A copy that takes nothing must not fill the memory. If it falls too far behind, it begins again. */
  boundCopy(): void {
    const { copy } = this;
    if (copy === null || !copy.isFarBehind) return;
    const { journal } = this.#parts;
    journal.transaction(() => copy.rows.beginAnew(journal.sequence.last));
    this.#stop([copy]);
    this.#look();
    this.copy?.resync.next(Date.now());
  }

  /** Makes the copy the primary if it has every run, but for a few that it knows. Never throws. */
  promote(): void {
    const { copy, primary } = this;
    if (copy === null || primary === null || !copy.hasCaughtUp) return;
    const { journal } = this.#parts;
    const { move } = copy.rows.state;
    if (move === null) return;
    const now = Date.now();
    try {
      journal.transaction(() => {
        // What lists have shown of a primary that was being rebuilt proves nothing.
        if (primary.resync.isUnderWay) journal.sequence.beginEpoch(now);
        primary.rows.leave(move);
        copy.rows.change({ role: "primary", move: null });
      });
    } catch (error) {
      logFailure("move_failed", error, { coordinator: journal.scope, status: "copying" });
      return;
    }
    this.#look();
    // If that fails or this object dies, the retry does it, which is set since the copy began.
    this.registration.beside(now);
  }

  stop(): void {
    this.#look();
  }

  forget(rows: ReplicaRows): void {
    this.#parts.journal.transaction(() => rows.forget());
    this.#look();
  }

  #withRole(wanted: "primary" | "copying"): Replica | null {
    for (const replica of this.#live.values()) if (replica.role === wanted) return replica;
    return null;
  }

  #look(): void {
    const { env, journal } = this.#parts;
    const isErasing = journal.metadata.get("erasing") !== null;
    const noted = isErasing ? [] : journal.replicas;
    this.#leaving = noted.filter(({ state }) => state.role === "leaving");
    const live = noted.filter(({ state }) => state.role !== "leaving");
    // A primary without metadata is older than the second database. A copy can have metadata before it.
    const isNoted = live.some(({ state }) => state.role === "primary");
    if (!isErasing && !isNoted && (journal.sequence.last > 0 || !hasSeveralDatabases(env))) {
      live.push(journal.replicaIn(FIRST_HOME.database));
    }
    const isLive = ({ home }: Replica) => live.some(({ database }) => database === home.database);
    this.#stop([...this.#live.values()].filter((replica) => !isLive(replica)));
    for (const rows of live) {
      if (!this.#live.has(rows.database)) this.#live.set(rows.database, this.#replicaOf(rows));
    }
  }

  #stop(replicas: readonly Replica[]): void {
    for (const replica of replicas) {
      replica.stop();
      this.#live.delete(replica.home.database);
    }
  }

  #replicaOf(rows: ReplicaRows): Replica {
    const parts = { ...this.#parts, registration: this.registration };
    return new Replica(parts, rows, {
      onReplicated: () => this.promote(),
      // A list that was read before may have lacked runs, or shown older versions than the feed's numbers promise.
      onWalked: () => {
        if (rows.state.role === "primary") this.#parts.journal.sequence.beginEpoch(Date.now());
      },
    });
  }
}

export const NEW_MOVE = { isCancelled: false, switchedAt: null, cleanedAt: null } as const;

export function changeMove(rows: ReplicaRows, change: Partial<MoveRecord>): void {
  const { move } = rows.state;
  if (move !== null) rows.change({ move: { ...move, ...change } });
}

function cancel(rows: ReplicaRows): void {
  const { move } = rows.state;
  if (move !== null) rows.leave({ ...move, isCancelled: true });
}

/** Whether the control database may not know yet that the environment has left this database. */
function mustBeRegistered({ state: { move } }: ReplicaRows): boolean {
  return move !== null && !move.isCancelled && move.switchedAt === null;
}

/** FNV-1a, 32 bits. It spreads environments over databases. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

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
  readonly #target: ReplicationTarget;
  #isDeleting = false;
  #isStopped = false;

  constructor(
    { env, journal, alarm, registration }: ReplicaParts,
    rows: ReplicaRows,
    events: Pick<ReplicationTarget, "onReplicated" | "onWalked">,
  ) {
    const { database } = rows;
    const store = new D1RowStore(env, database, journal.scope, registration);
    this.rows = rows;
    this.#scope = journal.scope;
    this.#target = { database, store, rows, ...events };
    this.writer = new BatchWriter(journal, this.#target, alarm);
    this.resync = new Resync(journal, this.#target, this.writer);
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
    return within(DELETION_MAX_MS, this.#target.store.delete(ids));
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
      this.#target.onReplicated?.();
    } catch (error) {
      const { database } = this.rows;
      logFailure("deletion_failed", error, { coordinator: this.#scope, database, owed: this.rows.owed });
    }
    this.#isDeleting = false;
  }
}
