/**
 * A coordinator that lands with the service's own GroupCommit. What stands in for the rest is short: its thread, its
 * journal's writes, the way to D1, and the alarm's repair as src/runs/projection.ts arms it.
 */

import { GROUP_MAX_BYTES } from "../../src/runs/d1/store.ts";
import type { Unlanded } from "../../src/runs/journal/journal.ts";
import { GroupCommit } from "../../src/runs/projection/group-commit.ts";
import type { Database } from "./database.ts";
import type { OneAtATime } from "./one-at-a-time.ts";
import { NOTED_BYTES, ROW_BYTES, type Setting } from "./settings.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** As in src/runs/projection.ts, whose other imports are none of the simulation's. */
const CONFIRM_MAX_ROWS = 1000;
const UNLANDED_MAX_ROWS = 50_000;
const REPAIR_MS = 5000;
const REPAIR_FIRST_MS = 1000;
const REPAIR_LAST_MS = 4000;
const VERSION = 1;
const ROW_TEXT = "x".repeat(ROW_BYTES);

/** What became of a create: refused, or answered, with a bookmark where its row had landed by then. */
export type Outcome = "landed" | "journalled" | "refused";

export interface Observer {
  flightLeft(atMs: number, rows: number): void;
  /** It failed, or was given up. */
  flightFailed(atMs: number): void;
}

export interface Surroundings {
  readonly time: VirtualTime;
  readonly setting: Setting;
  readonly database: Database;
  readonly thread: OneAtATime;
  readonly observer: Observer;
}

export class Coordinator {
  readonly #time: VirtualTime;
  readonly #setting: Setting;
  readonly #database: Database;
  readonly #observer: Observer;
  readonly #thread: OneAtATime;
  readonly #commit: GroupCommit;
  /** When everything written so far is durable. Nothing leaves the object before. */
  #durableAt = 0;
  #repairAt = Number.POSITIVE_INFINITY;

  constructor({ time, setting, database, thread, observer }: Surroundings) {
    this.#time = time;
    this.#setting = setting;
    this.#database = database;
    this.#thread = thread;
    this.#observer = observer;
    const landing = {
      groupMaxBytes: GROUP_MAX_BYTES,
      readRows: (unlanded: readonly Unlanded[]) =>
        unlanded.map(({ id }) => ({ id, version: VERSION, text: ROW_TEXT })),
      land: (rows: readonly string[]) => this.#land(rows.length),
      isRefusedForContent: () => false,
      onTrouble: () => this.#repairAfterFailure(),
      onFlown: () => {},
    };
    this.#commit = new GroupCommit(landing, []);
  }

  get unlandedRows(): number {
    return this.#commit.unlandedRows;
  }

  /** A create that arrives now. `onAnswer` is called when its answer leaves the object. */
  create(id: string, onAnswer: (outcome: Outcome) => void): void {
    this.#time.at(this.#thread.take(this.#setting.objectBusyMs), () => this.#create(id, onAnswer));
  }

  #create(id: string, onAnswer: (outcome: Outcome) => void): void {
    if (this.#commit.unlandedRows >= UNLANDED_MAX_ROWS) {
      onAnswer("refused");
      return;
    }
    const { now } = this.#time;
    this.#durableAt = now + this.#setting.journalDurableMs;
    const durableAt = this.#durableAt;
    this.#commit.takeConfirmed(CONFIRM_MAX_ROWS);
    this.#commit.changed({ id, version: VERSION, bytes: NOTED_BYTES, changedAt: now, run: null });
    this.#repairBy(now + REPAIR_MS);
    void this.#commit.landed(id, VERSION).then((bookmark) => {
      this.#time.atPlainly(durableAt, () => onAnswer(bookmark === null ? "journalled" : "landed"));
    });
  }

  #land(rows: number): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const oneWayMs = this.#setting.objectToD1Ms / 2;
    this.#observer.flightLeft(this.#time.now, rows);
    this.#time.atPlainly(this.#durableAt + oneWayMs, () => {
      const answered = this.#database.write(rows);
      if (answered === null) this.#time.at(this.#time.now + oneWayMs, () => reject(new Error("D1 is down")));
      else this.#time.at(answered + oneWayMs, () => resolve("bookmark"));
    });
    return promise;
  }

  #repairAfterFailure(): void {
    this.#observer.flightFailed(this.#time.now);
    const delayMs = REPAIR_FIRST_MS * 2 ** Math.max(0, this.#commit.failures - 1);
    this.#setRepair(this.#time.now + Math.min(REPAIR_LAST_MS, delayMs));
  }

  #repairBy(at: number): void {
    if (this.#repairAt === Number.POSITIVE_INFINITY) this.#setRepair(at);
  }

  #setRepair(at: number): void {
    this.#repairAt = at;
    this.#time.at(at, () => {
      if (this.#repairAt === at) this.#alarm();
    });
  }

  #alarm(): void {
    this.#repairAt = Number.POSITIVE_INFINITY;
    if (this.#commit.unlandedRows === 0) return;
    this.#setRepair(this.#time.now + REPAIR_MS);
    this.#commit.start();
  }
}
