/** D1 as the model has it: one statement at a time, and for a while perhaps none at all. */

import { OneAtATime } from "./one-at-a-time.ts";
import type { Setting } from "./settings.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** From when to when every statement fails at once. */
export interface Outage {
  readonly fromMs: number;
  readonly untilMs: number;
}

export class Database {
  readonly #time: VirtualTime;
  readonly #setting: Setting;
  readonly #outage: Outage | null;
  readonly #thread: OneAtATime;

  constructor(time: VirtualTime, setting: Setting, outage: Outage | null) {
    this.#time = time;
    this.#setting = setting;
    this.#outage = outage;
    this.#thread = new OneAtATime(time);
  }

  get busyMs(): number {
    return this.#thread.busyMs;
  }

  /** A statement that arrives now; when its answer leaves. Null: it failed. */
  write(rows: number): number | null {
    const { now } = this.#time;
    if (this.#outage !== null && now >= this.#outage.fromMs && now < this.#outage.untilMs) return null;
    const { d1StatementMs, d1RowMs, d1DurableMs } = this.#setting;
    return this.#thread.take(d1StatementMs + rows * d1RowMs) + d1DurableMs;
  }
}
