/**
 * The live line of a run that waits. No event tells that the run's position has changed, so the run is read
 * again from time to time.
 */

import type { DetailedActionRun } from "../client/index.ts";
import type { LiveLine } from "./live-line.ts";
import { cut } from "./table.ts";
import { waitsForText } from "./waits-for.ts";

/** Rarely, because many may wait for hours. */
const READ_EVERY_MS = 10_000;
/** The line also says how long it is until the start. */
const DRAW_EVERY_MS = 1000;

/** Gives the run with its details. */
export type ReadRun = () => Promise<DetailedActionRun>;

export class LiveWaiting {
  readonly #live: LiveLine;
  readonly #read: ReadRun;
  #details: DetailedActionRun["details"];
  #timer: NodeJS.Timeout | undefined;
  /** Grows with each start and stop, so that a late response draws nothing. */
  #generation = 0;

  constructor(live: LiveLine, read: ReadRun) {
    this.#live = live;
    this.#read = read;
  }

  /** Shows the line, and keeps it true until `stop`. Resolves when the first line is there. */
  async start(): Promise<void> {
    this.stop();
    const generation = this.#generation;
    let leftMs = READ_EVERY_MS;
    this.#timer = setInterval(() => {
      leftMs -= DRAW_EVERY_MS;
      if (leftMs <= 0) {
        leftMs = READ_EVERY_MS;
        void this.#update(generation);
      } else this.#draw();
    }, DRAW_EVERY_MS);
    this.#timer.unref();
    await this.#update(generation);
  }

  /** Call this when the run no longer waits, or before the command ends. */
  stop(): void {
    this.#generation++;
    clearInterval(this.#timer);
    this.#details = undefined;
  }

  async #update(generation: number): Promise<void> {
    // The line is an extra. If the service can't answer, the events say so.
    const run = await this.#read().catch(() => null);
    if (generation !== this.#generation) return;
    if (run !== null) this.#details = run.details;
    this.#draw();
  }

  #draw(): void {
    const details = this.#details;
    if (details?.waiting) this.#live.show((columns) => cut(waitsForText(details, Date.now()), columns));
    else this.#live.clear();
  }
}
