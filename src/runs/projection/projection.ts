/**
 * Keeps D1 equal to the journal: lands changes, repairs what did not land, and resyncs everything when asked. While the
 * environment moves to another database, its runs land in both. It decides nothing about runs.
 */

import { log, logFailure } from "../../base/log.ts";
import { within } from "../../base/time.ts";
import { hasSeveralDatabases } from "../../settings/databases.ts";
import { Registration } from "../d1/registration.ts";
import { FIRST_HOME, type Home } from "../home.ts";
import { HomeMarks } from "../journal/home-marks.ts";
import type { Journal, Written } from "../journal/journal.ts";
import type { MoveOrder, Placement } from "../move-calls.ts";
import type { Settled } from "../upkeep-calls.ts";
import { SETTLE_MAX_MS } from "./group-commit.ts";
import { Landing } from "./landing.ts";
import { type Placing, placeOf } from "./placing.ts";
import type { RepairAlarm } from "./repair-alarm.ts";
import { Target } from "./target.ts";

export const UNLANDED_MAX_ROWS = 50_000;
export const UNLANDED_MAX_BYTES = 512 * 1024 * 1024;
/** How long after a change the repair checks that the change has landed, and how long it waits between two tries. */
const REPAIR_MS = 5000;
/** `wasCopied`: whether the database had everything when it became the home. If not, a resync brings it. */
interface LivedIn {
  readonly home: Home;
  readonly landing: Landing;
  readonly wasCopied: boolean;
}

/** The timeout of placing a new environment. */
const PLACING_MAX_MS = 10_000;

export class Projection {
  readonly #env: Placing;
  readonly #journal: Journal;
  readonly #alarm: RepairAlarm;
  readonly #marks: HomeMarks;
  readonly #registration: Registration;
  /** Null while nobody has decided where the environment lives. */
  #home: LivedIn | null = null;
  #target: Target | null = null;
  /** The latest message of a move. In memory only, because no message is late for long. */
  #heard = { generation: 0, turn: 0 };
  /** Under way; null if none is. */
  #placing: Promise<void> | null = null;

  /** `nextDueAt`: when a run of this coordinator is due next; Infinity if nothing will be due. */
  constructor(env: Placing, journal: Journal, alarm: RepairAlarm, nextDueAt: (now: number) => number) {
    this.#env = env;
    this.#journal = journal;
    this.#alarm = alarm;
    this.#marks = new HomeMarks(journal.marks);
    const isOwed = alarm.repairAt !== Number.POSITIVE_INFINITY;
    const keeper = hasSeveralDatabases(env) ? this : null;
    this.#registration = new Registration(env.DB, journal.owner, { nextDueAt, keeper, isOwed });
    const home = this.#markedHome();
    if (home !== null) this.#home = { home, landing: this.#landingIn(home.database), wasCopied: true };
    const target = this.#marks.target;
    if (target !== null) this.#target = this.#newTarget(target.home);
    if (target?.isClosing) this.#target?.close(journal.sequence.last);
  }

  /** Where the runs land; null while nobody has decided. */
  get home(): Home | null {
    return this.#home?.home ?? null;
  }

  get isOverloaded(): boolean {
    if (this.#home === null) return this.#journal.sequence.last >= UNLANDED_MAX_ROWS;
    const { unlanded, aside } = this.#home.landing.commit;
    return unlanded.size + aside.size >= UNLANDED_MAX_ROWS || unlanded.bytes >= UNLANDED_MAX_BYTES;
  }

  /**
   * Lands a version that the journal has just written. Notes the version before it sets the alarm, so that the version
   * lands even if setting the alarm fails.
   */
  changed({ unlanded, dueAt }: Written, now: number): void {
    for (const { commit } of this.#landings()) commit.changed(unlanded);
    if (this.#home === null) this.#place(unlanded.seq);
    else this.#boundTarget();
    this.#alarm.repairBy(now + REPAIR_MS);
    this.#alarm.armBy(Math.min(this.#alarm.repairAt, dueAt), now);
  }

  /** Whether the home lacks something that must land even if nobody asks. */
  get isBehind(): boolean {
    return this.#home?.landing.isBehind ?? this.#journal.sequence.last > 0;
  }

  /** Lands what a list must show. Waits SETTLE_MAX_MS at most. */
  async settle(): Promise<Settled> {
    if (this.#home === null && this.#journal.sequence.last > 0) {
      await within(SETTLE_MAX_MS, this.#place()).catch(() => {});
    }
    if (this.#home === null) {
      return { isBehind: this.isBehind, lacksRefused: false, bookmark: null, home: null, alsoIn: null };
    }
    const { home, landing } = this.#home;
    const landed = await landing.commit.settle();
    const isBehind = landed.isBehind || this.#lacksOlder;
    return { ...landed, isBehind, home, alsoIn: this.#target?.isClosed ? this.#target.home.database : null };
  }

  /** A bookmark of D1 that covers this run as the journal has it; null if there is none yet. */
  bookmarkOf(id: string): string | null {
    return this.#lacksOlder ? null : (this.#home?.landing.commit.bookmarkOf(id) ?? null);
  }

  /** Whether the home may lack runs that have landed in the one before. In memory only: an eviction forgets it. */
  get #lacksOlder(): boolean {
    return this.#home !== null && !this.#home.wasCopied && this.#home.landing.resync.isUnderWay;
  }

  /** Deletes runs in each database that has them. */
  async delete(ids: readonly string[]): Promise<void> {
    await Promise.all([...this.#landings()].map(({ store }) => store.delete(ids)));
  }

  /** Forgets runs that the journal no longer keeps. */
  forget(ids: readonly string[]): void {
    for (const { commit } of this.#landings()) commit.forget(ids);
  }

  /** Call this when the sweep changes the registered instant: the next flight then registers the coordinator again. */
  unregister(): void {
    this.#registration.forget();
  }

  /** Call this in the stretch that makes a row unlanded, so that its repair can't be lost. */
  arm(now: number): void {
    if (!this.#isDone) this.#alarm.repairBy(now + REPAIR_MS);
    this.#alarm.arm(now);
  }

  /** Called by the alarm: starts a flight if a repair is due. Returns what to log; null if everything has landed. */
  repair(now: number): Readonly<Record<string, number | null>> | null {
    for (const { commit, resync } of this.#landings()) {
      commit.noteLanded();
      // A resync that an eviction cut off goes on.
      resync.next(now);
    }
    if (this.#isDone) {
      this.#alarm.setRepairAt(null);
    } else if (this.#alarm.repairAt <= now) {
      this.#alarm.setRepairAt(now + REPAIR_MS);
      for (const landing of this.#landings()) if (!landing.isDone) landing.commit.start("repair");
      if (this.#owesRegistration) this.#registration.beside(now);
      if (this.#home === null) void this.#place();
    }
    if (this.#home === null) return null;
    const { unlanded, aside } = this.#home.landing.commit;
    if (unlanded.size + aside.size === 0) return null;
    const oldest = unlanded.oldestChange();
    const oldestUnlandedMs = oldest === null ? null : now - oldest;
    return { unlanded: unlanded.size + aside.size, oldestUnlandedMs, aside: aside.size };
  }

  get #isDone(): boolean {
    const hasLanded = [...this.#landings()].every(({ isDone }) => isDone);
    // A coordinator without a run can have a target, whose resync may have failed.
    if (this.#home === null) return !this.isBehind && hasLanded;
    return !this.#owesRegistration && hasLanded;
  }

  /** Whether the control database must be told, and no flight goes there. */
  get #owesRegistration(): boolean {
    return this.#registration.isOwed && [...this.#landings()].every(({ database }) => database !== 0);
  }

  /** Rebuilds D1 from the journal, step by step. Returns how many runs are left. */
  resync(): number {
    const now = Date.now();
    const landing = this.#home?.landing;
    if (landing !== undefined && !landing.resync.isUnderWay) {
      landing.resync.begin();
      this.#registration.forget();
      // The operator resyncs after a restore, and that can have been the target's. Its changes still wait, because the
      // home may have to wait for them.
      this.#target?.landing?.resync.beginAnew();
    }
    this.arm(now);
    for (const { resync } of this.#landings()) resync.next(now);
    return landing?.resync.remaining ?? 0;
  }

  /** Called with what the control database says. A move may have switched while this coordinator was out of reach. */
  homeIsKnown(known: Home): void {
    if (this.#home === null) return;
    const { home } = this.#home;
    const { name } = this.#journal.owner;
    if (known.generation > home.generation) {
      log("info", "home_adopted", { coordinator: name, database: known.database, before: home.database });
      this.#switchTo(known);
    } else if (known.generation === home.generation && known.database !== home.database) {
      const why = new Error(
        `the environment lives in database ${known.database}: move it, to make all agree`,
      );
      logFailure("home_conflict", why, { coordinator: name, database: home.database });
    }
  }

  placement(bytes: number): Placement {
    const target = this.#target;
    return {
      home: this.home,
      target: target?.home ?? null,
      isReady: target?.isReady(this.#journal.sequence.last) ?? false,
      isClosed: target?.isClosed ?? false,
      remaining: target?.landing?.resync.remaining ?? 0,
      bytes,
    };
  }

  /** Call it after the answer to a message of a move. */
  answeredDriver(): void {
    this.#target?.answered(this.#journal.sequence.last);
  }

  /** Carries out a message of a move. A message that is late or repeated has no effect. */
  move({ step, turn, from, target }: MoveOrder, now: number): void {
    const { generation } = target;
    if (generation < this.#heard.generation) return;
    if (generation === this.#heard.generation && turn < this.#heard.turn) return;
    this.#heard = { generation, turn };
    if (this.#home === null && this.#journal.sequence.last > 0) this.#placed(from);
    const isPast = this.#home !== null && this.#home.home.generation >= generation;
    if (isPast || (this.#target?.home.generation ?? 0) > generation) return;
    if (step === "switch") this.#switchTo(target);
    else if (step !== "cancel") this.#aimAt(target, step === "close");
    else if (this.#target !== null) this.#leaveTarget();
    this.arm(now);
  }

  #aimAt(home: Home, isClosing: boolean): void {
    if (this.#target?.home.generation !== home.generation) {
      this.#copyAnew(home, isClosing);
    } else if (this.#target.isClosing !== isClosing) {
      this.#marks.target = { home, isClosing };
      if (isClosing) this.#target.close(this.#journal.sequence.last);
      else this.#target.reopen();
      this.#home?.landing.commit.goOn();
    }
  }

  /** Begins to copy all runs into the target. */
  #copyAnew(home: Home, isClosing: boolean): void {
    this.#journal.transaction(() => {
      this.#marks.target = { home, isClosing };
      if (home.database !== this.home?.database) {
        this.#journal.landingIn(home.database).beginAnew(this.#journal.sequence.last);
      }
    });
    this.#target?.landing?.stop();
    this.#target = this.#newTarget(home);
    if (isClosing) this.#target.close(this.#journal.sequence.last);
    this.#target.landing?.resync.next(Date.now());
  }

  #leaveTarget(): void {
    this.#journal.transaction(() => {
      this.#marks.target = null;
      this.#target?.landing?.forgetMarks();
    });
    this.#target?.landing?.stop();
    this.#target = null;
    this.#home?.landing.commit.goOn();
  }

  /** From here on nothing lands in the old home. Without a target of this generation, all runs land in the new home. */
  #switchTo(home: Home): void {
    const isTarget = this.#target?.home.generation === home.generation;
    if (!isTarget) this.#copyAnew(home, false);
    const old = this.#home?.landing;
    const landing = this.#target?.landing ?? old ?? this.#landingIn(home.database);
    const isLeft = old !== undefined && old !== landing;
    this.#journal.transaction(() => {
      this.#marks.home = home;
      this.#marks.target = null;
      if (isLeft) old.forgetMarks();
    });
    if (isLeft) old.stop();
    this.#home = { home, landing, wasCopied: isTarget || !isLeft };
    this.#target = null;
    landing.commit.goOn();
  }

  /**
   * A target that takes nothing must not fill the memory. Its copy begins again when it has fallen too far behind. While
   * it is closing, the home waits with it, and that bounds both.
   */
  #boundTarget(): void {
    const { landing, home, isClosing } = this.#target ?? {};
    if (landing == null || home === undefined || isClosing) return;
    if (landing.commit.unlanded.size >= UNLANDED_MAX_ROWS) this.#copyAnew(home, false);
  }

  #newTarget(home: Home): Target {
    return new Target(home, home.database === this.home?.database ? null : this.#landingIn(home.database));
  }

  #landingIn(database: number): Landing {
    const parts = {
      env: this.#env,
      journal: this.#journal,
      alarm: this.#alarm,
      registration: this.#registration,
    };
    return new Landing(parts, database, {
      mustWait: (id) => this.#home?.landing.database === database && this.#target?.mustHaveFirst(id) === true,
      onLanded: () => {
        if (this.#target?.isClosing && this.#home?.landing.database !== database) {
          this.#home?.landing.commit.goOn();
        }
      },
    });
  }

  *#landings(): Iterable<Landing> {
    if (this.#home !== null) yield this.#home.landing;
    if (this.#target?.landing != null) yield this.#target.landing;
  }

  /** Null if nobody has decided. A journal that has no mark but has runs is older than the second database. */
  #markedHome(): Home | null {
    const marked = this.#marks.home;
    if (marked === "undecided") return null;
    const isNew = this.#journal.sequence.last === 0 && hasSeveralDatabases(this.#env);
    return marked ?? (isNew ? null : FIRST_HOME);
  }

  /**
   * Decides where the environment lives, and lands what waits. Never throws. `firstSeq`: the number of the write that
   * needs it, if this is not a retry.
   */
  async #place(firstSeq = 0): Promise<void> {
    // In the stretch that writes the first run. Otherwise an object that dies now would count as an old one.
    if (firstSeq === 1) this.#marks.home = "undecided";
    this.#placing ??= within(PLACING_MAX_MS, placeOf(this.#env, this.#journal.owner))
      .then((home) => this.#placed(home))
      .catch((error: unknown) =>
        logFailure("placing_failed", error, { coordinator: this.#journal.owner.name }),
      )
      .finally(() => {
        this.#placing = null;
      });
    await this.#placing;
  }

  #placed(home: Home): void {
    if (this.#home !== null) return;
    const generation = this.#target?.home.generation ?? Number.POSITIVE_INFINITY;
    // The control database names the new home before this coordinator is told to switch.
    if (generation === home.generation) {
      this.#switchTo(home);
      return;
    }
    if (generation < home.generation) this.#leaveTarget();
    this.#marks.home = home;
    const { landing, home: target, isClosing } = this.#target ?? {};
    // A move can end where it began, to make coordinators agree. Two landings in one database would share their marks.
    const isShared = landing != null && landing.database === home.database;
    this.#home = { home, landing: isShared ? landing : this.#landingIn(home.database), wasCopied: true };
    if (isShared && target !== undefined) {
      this.#target = this.#newTarget(target);
      if (isClosing) this.#target.close(this.#journal.sequence.last);
    }
    this.#home.landing.commit.goOn();
  }
}
