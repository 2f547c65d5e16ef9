/**
 * A round over the slots at which runs wait. What has changed at a slot is remembered in memory only, and an object can
 * die before it has admitted. So each alarm goes on with a round, and a new object makes a whole one at once.
 */

import type { Slot } from "../../gates.ts";
import type { SlotRows } from "../../journal/slot-rows.ts";

/** How many slots one step has. */
const STEP_SLOTS = 200;

export class SlotRound {
  readonly #slots: SlotRows;
  /** The last slot that was looked at; null at the beginning. */
  #after: Slot | null = null;
  /** Whether the alarm must go on at once. */
  #isUnderWay: boolean;

  constructor(slots: SlotRows) {
    this.#slots = slots;
    this.#isUnderWay = slots.awaited(null, 1).length > 0;
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Looks at every slot again, from the first one on. */
  begin(): void {
    this.#after = null;
    this.#isUnderWay = true;
  }

  /** The next slots. After the last one comes the first. */
  next(): readonly Slot[] {
    const slots = this.#slots.awaited(this.#after, STEP_SLOTS);
    const isWhole = slots.length < STEP_SLOTS;
    this.#after = isWhole ? null : (slots.at(-1) ?? null);
    if (isWhole) this.#isUnderWay = false;
    return slots;
  }
}
