/** The flights to D1 that are up. A flight that hangs is given up, and is no longer counted some time later. */

import type { RowStore } from "../d1/store.ts";

/** The timeout of a flight. */
export const FLIGHT_MAX_MS = 10_000;
/** How long after its departure a flight that was given up still counts as up. */
const FLIGHT_FORGOTTEN_MS = 20_000;
const FLIGHTS_MAX = 2;

export class Flights {
  readonly #store: RowStore;
  #up = 0;

  constructor(store: RowStore) {
    this.#store = store;
  }

  /** Whether one may still land. */
  get isAnyUp(): boolean {
    return this.#up > 0;
  }

  get areAllUp(): boolean {
    return this.#up >= FLIGHTS_MAX;
  }

  /**
   * Sends one flight and resolves when it has landed. `labelled`: the ids of its runs that have labels. Throws what D1
   * threw, or when the flight is given up. Calls `onLanded` even if the flight lands after it was given up.
   */
  async send(rows: readonly string[], labelled: readonly string[], onLanded: () => void): Promise<void> {
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
