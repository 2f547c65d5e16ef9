/** Something that does one thing at a time, first come, first served: an object's thread, a database. */

import type { VirtualTime } from "./virtual-time.ts";

export class OneAtATime {
  readonly #time: VirtualTime;
  #freeAt = 0;
  #busyMs = 0;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** Takes on work that arrives now; the instant at which it will be done. */
  take(workMs: number): number {
    this.#freeAt = Math.max(this.#freeAt, this.#time.now) + workMs;
    this.#busyMs += workMs;
    return this.#freeAt;
  }

  /** Work done until now, leaving out what is still ahead. */
  get busyMs(): number {
    return this.#busyMs - Math.max(0, this.#freeAt - this.#time.now);
  }
}
