/** The database to which the environment moves, as one coordinator sees it. */

import type { Home } from "../home.ts";
import type { Landing } from "./landing.ts";

export class Target {
  readonly home: Home;
  /** Null if the runs are in this database already. */
  readonly landing: Landing | null;
  /** Nothing may land in the home before the target has it. */
  isClosing = false;
  /** The last write when the driver asked before; null if it did not ask yet. */
  #notedSeq: number | null = null;
  /** The last write when closing began. What landed in the home before it may be in the target a moment later. */
  #closingSeq = 0;

  constructor(home: Home, landing: Landing | null) {
    this.home = home;
    this.landing = landing;
  }

  close(lastSeq: number): void {
    if (!this.isClosing) this.#closingSeq = lastSeq;
    this.isClosing = true;
  }

  reopen(): void {
    this.isClosing = false;
  }

  /** Whether a run must land here before it lands in the home. */
  mustHaveFirst(id: string): boolean {
    return this.isClosing && this.landing?.commit.unlanded.has(id) === true;
  }

  /**
   * Whether it has all that was written when the driver asked before, or has everything. Writes never stop, so only the
   * number of an earlier write can be reached.
   */
  isReady(lastSeq: number): boolean {
    return this.landing === null || this.landing.hasAllUpTo(this.#notedSeq ?? lastSeq);
  }

  /** Call it after each answer to the driver, and for nobody else: those who ask often would keep it from being ready. */
  answered(lastSeq: number): void {
    this.#notedSeq = lastSeq;
  }

  /** Whether the home has nothing that the target lacks, now and later. */
  get isClosed(): boolean {
    return this.isClosing && (this.landing === null || this.landing.hasAllUpTo(this.#closingSeq));
  }
}
