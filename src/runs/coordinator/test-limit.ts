/** How often the webhook endpoints of an environment can be tried out. In memory only. */

import { ENDPOINT_TESTS_PER_MINUTE } from "../../base/limits.ts";
import { MINUTE_MS, msSinceOrLongAgo } from "../../base/time.ts";

export class TestLimit {
  /** When the last tests were, oldest first. */
  #at: number[] = [];

  /** 0 if a test may begin now, which is then counted. Otherwise in how many ms the next one may. */
  admit(now: number): number {
    this.#at = this.#at.filter((at) => msSinceOrLongAgo(at, now) < MINUTE_MS);
    const [oldest] = this.#at;
    if (oldest !== undefined && this.#at.length >= ENDPOINT_TESTS_PER_MINUTE) return oldest + MINUTE_MS - now;
    this.#at.push(now);
    return 0;
  }
}
