/**
 * Shows people a run's events: one line each, and on a terminal the heartbeats as one progress bar that changes in
 * place.
 */

import { eventText, heartbeatLine } from "./event-text.ts";
import { LiveLine } from "./live-line.ts";
import { complain, type Output } from "./output.ts";

type Event = Parameters<typeof eventText>[0];

export class EventLines {
  readonly #output: Output;
  readonly #live: LiveLine | null;

  constructor(output: Output) {
    this.#output = output;
    this.#live = LiveLine.canBeOn(output.stream) ? new LiveLine(output.stream) : null;
  }

  async show(event: Event): Promise<void> {
    if (this.#live !== null && "type" in event && event.type === "heartbeat") {
      this.#live.show((columns) => heartbeatLine(event, columns));
      return;
    }
    this.clear();
    await this.#output.line(eventText(event, this.#output));
  }

  /** Prints a problem to stderr. */
  complain(sentence: string): void {
    // Both streams may be the same terminal. The next heartbeat brings the bar back.
    this.clear();
    complain(sentence);
  }

  /** Call this before something else is printed. */
  clear(): void {
    this.#live?.clear();
  }
}
