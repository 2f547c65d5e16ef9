/** The database to which the environment moves. */

import type { Home } from "../home.ts";
import type { Landing } from "./landing.ts";

export class Target {
  readonly home: Home;
  readonly landing: Landing;
  #isClosing = false;
  /** The last write when `hasCaughtUp` was called before; null if it was not. */
  #notedSeq: number | null = null;
  /** The last write when closing began. The home can have earlier writes that the target gets only later. */
  #closingSeq = 0;

  constructor(home: Home, landing: Landing) {
    this.home = home;
    this.landing = landing;
  }

  /** Whether nothing may land in the home before the target has it. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  close(lastSeq: number): void {
    if (!this.#isClosing) this.#closingSeq = lastSeq;
    this.#isClosing = true;
  }

  reopen(): void {
    this.#isClosing = false;
  }

  /** Whether a run must land here before it lands in the home. */
  mustHaveFirst(id: string): boolean {
    return this.#isClosing && this.landing.commit.unlanded.has(id);
  }

  /**
   * Whether the target has all that was written when this was called before, or has everything. Writes never stop, so
   * only the number of an earlier write can be reached.
   */
  hasCaughtUp(lastSeq: number): boolean {
    const hasCaughtUp = this.landing.hasAllUpTo(this.#notedSeq ?? lastSeq);
    this.#notedSeq = lastSeq;
    return hasCaughtUp;
  }

  /** Whether the home has nothing that the target lacks, now and later. */
  get isClosed(): boolean {
    return this.#isClosing && this.landing.hasAllUpTo(this.#closingSeq);
  }
}
