/** The flights to D1 that are up. A flight that hangs is given up, and some time later it is no longer counted. */

import type { RowStore } from "../d1/store.ts";

/** When a flight that has not come back is given up. */
export const FLIGHT_MAX_MS = 10_000;
/** A flight that was given up stays counted until here, so that at most two are ever up. */
const FLIGHT_FORGOTTEN_MS = 20_000;
const FLIGHTS_MAX = 2;

export class Flights {
  readonly #store: RowStore;
  #up = 0;

  constructor(store: RowStore) {
    this.#store = store;
  }

  get areAllUp(): boolean {
    return this.#up >= FLIGHTS_MAX;
  }

  /**
   * Sends one flight and resolves when it has landed. `labelled`: the ids of its runs that have labels. Throws what D1 threw,
   * or when the flight is given up. `onLanded` is called even if the flight lands after that, because what it wrote is written.
   */
  async send(
    rows: readonly string[],
    labelled: readonly string[],
    onLanded: (bookmark: string | null) => void,
  ): Promise<void> {
    this.#up++;
    let isCounted = true;
    const uncount = () => {
      if (isCounted) this.#up--;
      isCounted = false;
    };
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    let timer = setTimeout(() => {
      reject(new Error("a flight to D1 was given up"));
      timer = setTimeout(uncount, FLIGHT_FORGOTTEN_MS - FLIGHT_MAX_MS);
    }, FLIGHT_MAX_MS);
    const flight = this.#store.land(rows, labelled).then(onLanded);
    void flight
      .catch(() => {})
      .finally(() => {
        clearTimeout(timer);
        uncount();
      });
    await Promise.race([flight, givenUp]);
  }
}
