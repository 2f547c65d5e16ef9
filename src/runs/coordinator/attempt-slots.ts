/** The slots for attempts that are under way. Bounded, and in memory only: the journal has the attempts themselves. */

import type { AttemptAnswer, NewRequest } from "../../webhooks/delivery.ts";
import type { Attempt } from "../../webhooks/sealed-request.ts";
import type { Sender } from "./sender.ts";

export class AttemptSlots {
  readonly #sender: Sender;
  readonly #max: number;
  readonly #maxBytes: number;
  #taken = 0;
  #bytes = 0;

  /** `maxBytes`: the weight of the requests. If every slot is free, a request of any size must fit. */
  constructor(sender: Sender, max: number, maxBytes: number) {
    this.#sender = sender;
    this.#max = max;
    this.#maxBytes = maxBytes;
  }

  hasRoomFor({ weight }: Pick<NewRequest, "weight">): boolean {
    return this.#taken < this.#max && this.#bytes + weight <= this.#maxBytes;
  }

  /** Makes an attempt, which has its slot until it is answered. Rejects if nobody knows whether the request arrived. */
  async send(attempt: Attempt, weight: number): Promise<AttemptAnswer> {
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
