/**
 * Shows people a run's events: one line each. On a terminal the heartbeats are one progress bar, and what the run waits
 * for is one line, which change in place.
 */

import { eventText, heartbeatLine } from "./event-text.ts";
import { LiveLine } from "./live-line.ts";
import { LiveWaiting, type ReadRun } from "./live-waiting.ts";
import { complain, type Output } from "./output.ts";

type Event = Parameters<typeof eventText>[0];

/** After these events a run may wait. */
const HOLDING: ReadonlySet<unknown> = new Set(["waiting", "approved"]);

export class EventLines {
  readonly #output: Output;
  readonly #live: LiveLine | null;
  readonly #waiting: LiveWaiting | null;

  /** `read`: gives the run with its details. */
  constructor(output: Output, read: ReadRun) {
    this.#output = output;
    this.#live = LiveLine.canBeOn(output.stream) ? new LiveLine(output.stream) : null;
    this.#waiting = this.#live && new LiveWaiting(this.#live, read);
  }

  async show(event: Event): Promise<void> {
    const type = "type" in event ? event.type : null;
    if (this.#live !== null && type === "heartbeat") {
      this.#live.show((columns) => heartbeatLine(event, columns));
      return;
    }
    this.clear();
    await this.#output.line(eventText(event, this.#output));
    // Not awaited, because the next event must not wait for the read.
    if (HOLDING.has(type)) void this.#waiting?.start();
  }

  /** Prints a problem to stderr. */
  complain(sentence: string): void {
    // Both streams may be the same terminal. The next heartbeat brings the bar back, and the next second the line of a
    // run that waits.
    this.#live?.clear();
    complain(sentence);
  }

  /** Call this before something else is printed. */
  clear(): void {
    this.#waiting?.stop();
    this.#live?.clear();
  }
}
