/**
 * In which database the coordinator's runs land: the home, and the target as well while the environment moves. Decides
 * where a new environment lives, and carries out the messages of a move.
 */

import { logFailure } from "../../base/log.ts";
import { within } from "../../base/time.ts";
import { type Databases, hasSeveralDatabases } from "../../settings/databases.ts";
import { Registration } from "../d1/registration.ts";
import { FIRST_HOME, type Home } from "../home.ts";
import { HomeMarks } from "../journal/home-marks.ts";
import type { Journal } from "../journal/journal.ts";
import type { MoveOrder, Placement } from "../move-calls.ts";
import { Landing } from "./landing.ts";
import { placeOf } from "./placing.ts";
import type { RepairAlarm } from "./repair-alarm.ts";
import { Target } from "./target.ts";

/** A target that lacks so many runs is copied anew. */
const TARGET_MAX_ROWS = 50_000;
/** The timeout of placing a new environment. */
const PLACING_MAX_MS = 10_000;

/** `wasCopied`: whether the database had everything when it became the home. If not, a resync brings it. */
interface LivedIn {
  readonly home: Home;
  readonly landing: Landing;
  readonly wasCopied: boolean;
}

/** What a coordinator's homes need. */
export interface HomesParts {
  readonly env: Databases;
  readonly journal: Journal;
  readonly alarm: RepairAlarm;
  /** When a run of this coordinator is due next; Infinity if nothing will be due. */
  readonly nextDueAt: (now: number) => number;
}

export class Homes {
  readonly #parts: HomesParts;
  readonly #marks: HomeMarks;
  readonly registration: Registration;
  #home: LivedIn | null = null;
  #target: Target | null = null;
  /** The latest message of a move. In memory only, because no message is late for long. */
  #heard = { generation: 0, turn: 0 };
  /** Under way; null if none is. */
  #placing: Promise<void> | null = null;

  constructor(parts: HomesParts) {
    const { env, journal, alarm, nextDueAt } = parts;
    this.#parts = parts;
    this.#marks = new HomeMarks(journal.marks);
    const isOwed = alarm.repairAt !== Number.POSITIVE_INFINITY;
    const keeper = hasSeveralDatabases(env) ? this : null;
    this.registration = new Registration(env.DB, journal.scope, { nextDueAt, keeper, isOwed });
    const home = this.#markedHome();
    if (home !== null) this.#home = { home, landing: this.#landingIn(home.database), wasCopied: true };
    const target = this.#marks.target;
    if (target !== null) this.#target = this.#newTarget(target.home);
    if (target?.isClosing) this.#target?.close(journal.sequence.last);
  }

  /** Null while nobody has decided where the environment lives. */
  get home(): Home | null {
    return this.#home?.home ?? null;
  }

  /** The landing in the home; null while nobody has decided. */
  get landing(): Landing | null {
    return this.#home?.landing ?? null;
  }

  /** Null while the environment does not move. */
  get target(): Target | null {
    return this.#target;
  }

  /** Of the home first. */
  *landings(): Iterable<Landing> {
    if (this.#home !== null) yield this.#home.landing;
    if (this.#target?.landing != null) yield this.#target.landing;
  }

  /** Whether the home may lack runs that have landed in the one before. In memory only: an eviction forgets it. */
  get lacksOlder(): boolean {
    return this.#home !== null && !this.#home.wasCopied && this.#home.landing.resync.isUnderWay;
  }

  placement(bytes: number): Placement {
    const target = this.#target;
    return {
      home: this.home,
      target: target?.home ?? null,
      isReady: target?.isReady(this.#parts.journal.sequence.last) ?? false,
      isClosed: target?.isClosed ?? false,
      remaining: target?.landing?.resync.remaining ?? 0,
      bytes,
    };
  }

  /** Call it after the answer to a message of a move. */
  answeredDriver(): void {
    this.#target?.answered(this.#parts.journal.sequence.last);
  }

  /** Carries out a message of a move. A message that is late or repeated has no effect. */
  move({ step, turn, from, target }: MoveOrder): void {
    const { generation } = target;
    if (generation < this.#heard.generation) return;
    if (generation === this.#heard.generation && turn < this.#heard.turn) return;
    this.#heard = { generation, turn };
    if (this.#home === null && this.#parts.journal.sequence.last > 0) this.#placed(from);
    const isPast = this.#home !== null && this.#home.home.generation >= generation;
    if (isPast || (this.#target?.home.generation ?? 0) > generation) return;
    if (step === "switch") this.#switchTo(target);
    else if (step !== "cancel") this.#aimAt(target, step === "close");
    else if (this.#target !== null) this.#leaveTarget();
  }

  #aimAt(home: Home, isClosing: boolean): void {
    if (this.#target?.home.generation !== home.generation) {
      this.#copyAnew(home, isClosing);
    } else if (this.#target.isClosing !== isClosing) {
      this.#marks.target = { home, isClosing };
      if (isClosing) this.#target.close(this.#parts.journal.sequence.last);
      else this.#target.reopen();
      this.#home?.landing.commit.goOn();
    }
  }

  /** Begins to copy all runs into the target. */
  #copyAnew(home: Home, isClosing: boolean): void {
    this.#parts.journal.transaction(() => {
      this.#marks.target = { home, isClosing };
      if (home.database !== this.home?.database) {
        this.#parts.journal.landingIn(home.database).beginAnew(this.#parts.journal.sequence.last);
      }
    });
    this.#target?.landing?.stop();
    this.#target = this.#newTarget(home);
    if (isClosing) this.#target.close(this.#parts.journal.sequence.last);
    this.#target.landing?.resync.next(Date.now());
  }

  #leaveTarget(): void {
    this.#parts.journal.transaction(() => {
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
    this.#parts.journal.transaction(() => {
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
   * A target that takes nothing must not fill the memory. If it falls too far behind, its copy begins again. While
   * it is closing, the home waits with it, and that bounds both.
   */
  boundTarget(): void {
    const { landing, home, isClosing } = this.#target ?? {};
    if (landing == null || home === undefined || isClosing) return;
    if (landing.commit.unlanded.size >= TARGET_MAX_ROWS) this.#copyAnew(home, false);
  }

  #newTarget(home: Home): Target {
    return new Target(home, home.database === this.home?.database ? null : this.#landingIn(home.database));
  }

  #landingIn(database: number): Landing {
    return new Landing({ ...this.#parts, registration: this.registration }, database, {
      mustWait: (id) => this.#home?.landing.database === database && this.#target?.mustHaveFirst(id) === true,
      onLanded: () => {
        if (this.#target?.isClosing && this.#home?.landing.database !== database) {
          this.#home?.landing.commit.goOn();
        }
      },
    });
  }

  /** Null if nobody has decided. A journal that has no mark but has runs is older than the second database. */
  #markedHome(): Home | null {
    const marked = this.#marks.home;
    if (marked === "undecided") return null;
    const isNew = this.#parts.journal.sequence.last === 0 && hasSeveralDatabases(this.#parts.env);
    return marked ?? (isNew ? null : FIRST_HOME);
  }

  /** Call this in the transaction of the first write. Otherwise an object that dies now would count as an old one. */
  isFirstWrite(): void {
    if (this.#home === null) this.#marks.home = "undecided";
  }

  /** Decides where the environment lives, and lands what waits. Never throws. */
  async place(): Promise<void> {
    this.#placing ??= within(PLACING_MAX_MS, placeOf(this.#parts.env, this.#parts.journal.scope))
      .then((home) => this.#placed(home))
      .catch((error: unknown) =>
        logFailure("placing_failed", error, { coordinator: this.#parts.journal.scope }),
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
      if (isClosing) this.#target.close(this.#parts.journal.sequence.last);
    }
    this.#home.landing.commit.goOn();
  }
}
