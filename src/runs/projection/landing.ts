/** The landing of a coordinator's runs in one database: changes, repairs, and the resync. */

import type { Databases } from "../../settings/databases.ts";
import type { Registration } from "../d1/registration.ts";
import { D1RowStore, type RowStore } from "../d1/store.ts";
import type { Journal } from "../journal/journal.ts";
import { GroupCommit, type LandingPlace, type LandingTurns } from "./group-commit.ts";
import type { RepairAlarm } from "./repair-alarm.ts";
import { Resync } from "./resync.ts";

/** What every landing of a coordinator needs. */
export interface LandingParts {
  readonly env: Databases;
  readonly journal: Journal;
  readonly alarm: RepairAlarm;
  readonly registration: Registration;
}

export class Landing {
  /** The database's number. */
  readonly database: number;
  readonly store: RowStore;
  readonly commit: GroupCommit;
  readonly resync: Resync;
  readonly #place: LandingPlace;

  constructor(parts: LandingParts, database: number, turns: LandingTurns) {
    const { env, journal, alarm, registration } = parts;
    this.database = database;
    this.store = new D1RowStore(env, database, journal.scope, registration);
    this.#place = { database, store: this.store, rows: journal.landingIn(database), ...turns };
    this.commit = new GroupCommit(journal, this.#place, alarm);
    this.resync = new Resync(journal, this.#place, this.commit);
  }

  /** Whether the database lacks something that must land even if nobody asks. */
  get isBehind(): boolean {
    const { unlanded, aside } = this.commit;
    return unlanded.size + aside.size > 0 || this.resync.isUnderWay;
  }

  /** Whether nothing is left to land or to note. */
  get isDone(): boolean {
    return !this.isBehind && this.commit.isNoted;
  }

  /** Whether all writes up to this number have landed, except those of runs that were put aside. */
  hasAllUpTo(seq: number): boolean {
    return !this.resync.isUnderWay && this.commit.unlanded.firstSeq > seq;
  }

  /** Nothing departs any more, and nothing is noted. */
  stop(): void {
    this.commit.stop();
    this.resync.stop();
  }

  /** The journal forgets what has landed here. */
  forgetMarks(): void {
    this.#place.rows.forget();
  }
}
