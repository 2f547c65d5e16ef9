/** Stops a command in order: TERM at once, and KILL if it does not end in time. It knows nothing about runs. */

import { setTimeout as delay } from "node:timers/promises";
import type { ProcessGroup } from "./process-group.ts";

/** How often to look for processes that the command left behind. */
const LOOK_EVERY_MS = 50;
/** A JavaScript timer fires at once if its milliseconds don't fit into 31 bits. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export class CommandStop {
  #group: ProcessGroup | null = null;
  /** When KILL is due. By `performance.now`, because the machine's clock may be set meanwhile. */
  #killAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  get isRequested(): boolean {
    return this.#killAt < Number.POSITIVE_INFINITY;
  }

  /** Resolves when KILL has been sent. */
  #onKill: () => void = () => {};
  readonly #killed = new Promise<void>((resolve) => {
    this.#onKill = resolve;
  });

  of(group: ProcessGroup): void {
    this.#group = group;
  }

  /** Sends TERM, and KILL after `graceMs`. If this is called again, only an earlier KILL counts. */
  request(graceMs: number): void {
    const isFirst = !this.isRequested;
    const ms = Math.min(graceMs, TIMER_MAX_MS);
    const killAt = performance.now() + ms;
    if (killAt >= this.#killAt) return;
    this.#killAt = killAt;
    if (isFirst) this.#group?.send("SIGTERM");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#kill(), ms);
  }

  /** Call this when the command itself has ended. Waits for the rest of its group, at most until KILL. */
  async untilGone(): Promise<void> {
    const look = async () => {
      while (this.#group?.isAlive()) await delay(LOOK_EVERY_MS);
    };
    if (this.isRequested) await Promise.race([look(), this.#killed]);
    clearTimeout(this.#timer);
    this.#group = null;
  }

  #kill(): void {
    this.#group?.send("SIGKILL");
    this.#onKill();
  }
}
