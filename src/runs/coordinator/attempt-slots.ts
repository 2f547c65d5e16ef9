/** The slots for attempts that are under way. Bounded, and in memory only, because the journal has the attempts. */

import type { AttemptResult, NewRequest } from "../../webhooks/delivery.ts";
import type { Attempt } from "../../webhooks/request/sealed-request.ts";

/** Makes one attempt, in a Worker invocation of its own. */
export interface Sender {
  send(attempt: Attempt): Promise<AttemptResult>;
}

export class AttemptSlots {
  readonly #sender: Sender;
  readonly #max: number;
  readonly #maxBytes: number;
  #taken = 0;
  #bytes = 0;

  /** `maxBytes`: how much all requests under way may weigh. One request of the largest size must fit. */
  constructor(sender: Sender, max: number, maxBytes: number) {
    this.#sender = sender;
    this.#max = max;
    this.#maxBytes = maxBytes;
  }

  hasRoomFor({ weight }: Pick<NewRequest, "weight">): boolean {
    return this.#taken < this.#max && this.#bytes + weight <= this.#maxBytes;
  }

  /** Makes an attempt, which holds a slot until it ends. Rejects if nobody knows whether the request arrived. */
  async send(attempt: Attempt, weight: number): Promise<AttemptResult> {
    this.#taken++;
    this.#bytes += weight;
    try {
      return await this.#sender.send(attempt);
    } finally {
      this.#taken--;
      this.#bytes -= weight;
    }
  }
}
