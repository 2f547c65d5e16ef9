/**
 * In which database the runs land: the home, and the target as well while the environment moves. Decides where a new
 * environment lives. It carries out the steps of a move, and the move's driver decides them.
 */

import { logFailure } from "../../base/log.ts";
import { within } from "../../base/time.ts";
import { type Databases, hasSeveralDatabases } from "../../settings/databases.ts";
import { Registration } from "../d1/registration.ts";
import { FIRST_HOME, type Home } from "../home.ts";
import type { Journal } from "../journal/journal.ts";
import { Landing } from "./landing.ts";
import { placeOf } from "./placing.ts";
import type { RepairAlarm } from "./repair-alarm.ts";
import { Target } from "./target.ts";

/** A target that lacks so many runs is copied anew. */
const TARGET_MAX_ROWS = 50_000;
/** The timeout of placing a new environment. */
const PLACING_MAX_MS = 10_000;
/** The mark of a journal whose first runs were written before anybody has decided. */
const UNDECIDED = "undecided";

interface LivedIn {
  readonly home: Home;
  readonly landing: Landing;
}

/** What the homes need. */
export interface HomesParts {
  readonly env: Databases;
  readonly journal: Journal;
  readonly alarm: RepairAlarm;
  /** When a run is due next; Infinity if nothing will be due. */
  readonly nextDueAt: (now: number) => number;
}

export class Homes {
  readonly #parts: HomesParts;
  readonly registration: Registration;
  #home: LivedIn | null = null;
  #target: Target | null = null;
  /** Under way; null if none is. */
  #placing: Promise<void> | null = null;

  constructor(parts: HomesParts) {
    const { env, journal, alarm, nextDueAt } = parts;
    this.#parts = parts;
    const isOwed = alarm.repairAt !== Number.POSITIVE_INFINITY;
    const keeper = hasSeveralDatabases(env) ? this : null;
    this.registration = new Registration(env.DB, journal.scope, { nextDueAt, keeper, isOwed });
    const home = this.#markedHome();
    if (home !== null) this.#home = { home, landing: this.#landingIn(home.database) };
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
    if (this.#target !== null) yield this.#target.landing;
  }

  /** Whether the home may lack runs that have landed before, here or in another home. */
  get lacksOlder(): boolean {
    return this.#home?.landing.resync.isUnderWay ?? false;
  }

  /** Begins to copy all runs into this database. Throws, and changes nothing, if the journal can't note it. */
  copyTo(home: Home): void {
    const { journal } = this.#parts;
    journal.transaction(() => journal.landingIn(home.database).beginAnew(journal.sequence.last));
    this.#target?.landing.stop();
    this.goOnTo(home, false);
    this.#target?.landing.resync.next(Date.now());
  }

  /** The same for a new instance, which goes on with what the journal knows of the target. */
  goOnTo(home: Home, isClosing: boolean): void {
    this.#target = new Target(home, this.#landingIn(home.database));
    if (isClosing) this.#target.close(this.#parts.journal.sequence.last);
  }

  /** The home need not wait for the target any more. */
  reopenTarget(): void {
    this.#target?.reopen();
    this.#home?.landing.commit.goOn();
  }

  leaveTarget(): void {
    this.#parts.journal.transaction(() => this.#target?.landing.forgetMarks());
    this.#target?.landing.stop();
    this.#target = null;
    this.#home?.landing.commit.goOn();
  }

  /** The target is the home from here on. Nothing lands in the old home any more. */
  switch(): void {
    const old = this.#home?.landing;
    const target = this.#target;
    if (target === null) return;
    this.#parts.journal.transaction(() => {
      this.#mark(target.home);
      old?.forgetMarks();
    });
    old?.stop();
    this.#home = { home: target.home, landing: target.landing };
    this.#target = null;
    target.landing.commit.goOn();
  }

  /** Makes this the home. If the runs have landed elsewhere, all land again. Call it without a target. */
  adopt(home: Home): void {
    const { journal } = this.#parts;
    const old = this.#home?.landing;
    journal.transaction(() => {
      this.#mark(home);
      old?.forgetMarks();
      if (old !== undefined) journal.landingIn(home.database).beginAnew(journal.sequence.last);
    });
    old?.stop();
    const landing = this.#landingIn(home.database);
    this.#home = { home, landing };
    landing.commit.goOn();
    landing.resync.next(Date.now());
  }

  /** Lets all runs land again in a database where they land. */
  landAgain(database: number): void {
    for (const landing of this.landings()) {
      if (landing.database !== database) continue;
      landing.resync.beginAnew();
      landing.resync.next(Date.now());
    }
  }

  /**
   * A target that takes nothing must not fill the memory. If it falls too far behind, its copy begins again. While
   * it is closing, the home waits with it, and that bounds both.
   */
  boundTarget(): void {
    if (this.#target === null || this.#target.isClosing) return;
    const { landing, home } = this.#target;
    if (landing.commit.unlanded.size >= TARGET_MAX_ROWS) this.copyTo(home);
  }

  #landingIn(database: number): Landing {
    return new Landing({ ...this.#parts, registration: this.registration }, database, {
      mustWait: (id) => this.#home?.landing.database === database && this.#target?.mustHaveFirst(id) === true,
      onLanded: () => {
        if (this.#target?.isClosing && this.#home?.landing.database !== database) {
          this.#home?.landing.commit.goOn();
        }
      },
      // A list that was read before may have lacked runs, or shown older versions than the feed's numbers promise.
      onResynced: () => {
        if (this.#home?.landing.database === database) this.#parts.journal.sequence.beginEpoch(Date.now());
      },
    });
  }

  /** Null if nobody has decided. A journal that has no mark but has runs is older than the second database. */
  #markedHome(): Home | null {
    const mark = this.#parts.journal.marks.get("home");
    if (mark === UNDECIDED) return null;
    if (mark !== null) {
      const [database, generation] = mark.split(":");
      return { database: Number(database), generation: Number(generation) };
    }
    const isNew = this.#parts.journal.sequence.last === 0 && hasSeveralDatabases(this.#parts.env);
    return isNew ? null : FIRST_HOME;
  }

  #mark({ database, generation }: Home): void {
    this.#parts.journal.marks.set("home", `${database}:${generation}`);
  }

  /** Call this in the transaction of the first write. Otherwise an object that dies now would count as an old one. */
  isFirstWrite(): void {
    if (this.#home === null) this.#parts.journal.marks.set("home", UNDECIDED);
  }

  /** Decides where the environment lives, and lands what waits. Never throws. */
  async place(): Promise<void> {
    this.#placing ??= within(PLACING_MAX_MS, placeOf(this.#parts.env, this.#parts.journal.scope))
      .then((home) => {
        // A move can have decided meanwhile.
        if (this.#home === null) this.adopt(home);
      })
      .catch((error: unknown) =>
        logFailure("placing_failed", error, { coordinator: this.#parts.journal.scope }),
      )
      .finally(() => {
        this.#placing = null;
      });
    await this.#placing;
  }
}
