/**
 * The heartbeats of a running command: when the next one is due, and which of them carry the newest lines of its output.
 * The client sends a heartbeat again without the lines if something refuses them.
 */

import type { Callback, Schemas } from "../../client/index.ts";
import type { CommandOutput } from "./command-output.ts";

/** How often heartbeats are sent, unless an option says it. People who watch want to see the newest output. */
export const BEAT_SECONDS = 15;
export const WATCHED_BEAT_SECONDS = 5;
/** How often the output is sent if nobody watches. A little less than every second heartbeat, because timers vary. */
const TAIL_EVERY_MS = 29_000;

type BeatAnswer = Schemas["HeartbeatAnswer"];

interface Settings {
  readonly beats: Pick<Callback, "heartbeat">;
  /** Null: as often as it is useful. */
  readonly intervalSeconds: number | null;
}

export class Heartbeats {
  readonly #beats: Settings["beats"];
  readonly #intervalSeconds: number | null;
  readonly #output: Pick<CommandOutput, "newestLines">;
  #isWatched: boolean;
  /** By `performance.now`. */
  #tailSentAt = Number.NEGATIVE_INFINITY;
  /** Whether the last one failed with lines, perhaps because of them. Then the next one has none. */
  #isNextPlain = false;

  constructor({ beats, intervalSeconds }: Settings, output: Pick<CommandOutput, "newestLines">, isWatched: boolean) {
    this.#beats = beats;
    this.#intervalSeconds = intervalSeconds;
    this.#output = output;
    this.#isWatched = isWatched;
  }

  /** The time until the next one is due. */
  get pauseMs(): number {
    return (this.#intervalSeconds ?? (this.#isWatched ? WATCHED_BEAT_SECONDS : BEAT_SECONDS)) * 1000;
  }

  async send(signal: AbortSignal): Promise<BeatAnswer> {
    const isDue = this.#isWatched || performance.now() - this.#tailSentAt >= TAIL_EVERY_MS;
    const tail = isDue && !this.#isNextPlain ? this.#output.newestLines() : "";
    this.#isNextPlain = tail !== "";
    const answer = await this.#beats.heartbeat(tail === "" ? {} : { tail }, { signal });
    this.#isNextPlain = false;
    if (tail !== "") this.#tailSentAt = performance.now();
    // A service that does not know of tails does not say it.
    this.#isWatched = answer.watched === true;
    return answer;
  }
}
