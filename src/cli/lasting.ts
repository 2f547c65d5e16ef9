/**
 * Goes on although the server goes away, because a run goes on too. Only what the server refuses ends a command that
 * has reached it once. An address that never answered is probably wrong, so the first failure there is thrown.
 */

import { setTimeout as delay } from "node:timers/promises";
import {
  ActionRunsError,
  type Client,
  type FollowedList,
  type FollowOptions,
  type RunChanges,
  type TimelineEvent,
} from "../client/index.ts";
import { EXIT, errorSentence, exitCodeOf } from "./exit.ts";

/** Doubles with each failure. The client's own retries come before each of these pauses. */
const PAUSE_MIN_MS = 500;
const PAUSE_MAX_MS = 10_000;

export interface LastingOptions {
  readonly signal?: AbortSignal | undefined;
  /** Tells people that the server does not answer, and that it answers again. */
  readonly say: (sentence: string) => void;
  /** The code of an error that is thrown although waiting could help. */
  readonly notAfter?: string;
}

/** Calls until there is a response. Throws refusals. The server must have answered before. */
export async function lasting<T>(call: () => Promise<T>, options: LastingOptions): Promise<T> {
  const outage = new Outage(options);
  for (;;) {
    try {
      const value = await call();
      outage.end();
      return value;
    } catch (fault) {
      await outage.waitAfter(fault);
    }
  }
}

/** The events after the number `after`, each once, until the run ends. The server must have answered before. */
export async function* lastingEvents(
  client: Client,
  id: string,
  { after = 0, ...options }: LastingOptions & { readonly after?: number | undefined },
): AsyncGenerator<TimelineEvent, void> {
  const outage = new Outage(options);
  for (let seq = after; ; ) {
    try {
      for await (const event of client.runs.watch(id, { after: seq, signal: options.signal })) {
        outage.end();
        seq = event.seq;
        yield event;
      }
      return;
    } catch (fault) {
      await outage.waitAfter(fault);
    }
  }
}

/** The changes of all runs. The client waits for the server by itself, so this only tells people. */
export async function* lastingChanges(
  client: Client,
  { say, ...options }: FollowOptions<FollowedList> & Pick<LastingOptions, "say">,
): AsyncGenerator<RunChanges, void> {
  const outage = new Outage({ say });
  const onBreak = (fault: ActionRunsError) => outage.begin(fault);
  for await (const changes of client.runs.follow({ ...options, onBreak })) {
    outage.end();
    yield changes;
  }
}

class Outage {
  readonly #options: LastingOptions;
  #failures = 0;

  constructor(options: LastingOptions) {
    this.#options = options;
  }

  /** Waits a moment if the server may come back. Throws everything else. */
  async waitAfter(fault: unknown): Promise<void> {
    const { signal, notAfter } = this.#options;
    signal?.throwIfAborted();
    if (!(fault instanceof ActionRunsError) || exitCodeOf(fault) !== EXIT.unreachable) throw fault;
    if (fault.code === notAfter) throw fault;
    const pauseMs = Math.min(PAUSE_MIN_MS * 2 ** this.#failures, PAUSE_MAX_MS);
    this.begin(fault);
    await delay(Math.max(pauseMs, fault.retryAfterMs ?? 0), undefined, { signal });
  }

  /** Says it once for each outage. */
  begin(fault: ActionRunsError): void {
    if (this.#failures++ > 0) return;
    this.#options.say(
      `The server can't answer now, so the command waits for it. Ctrl-C stops waiting. ${errorSentence(fault)}`,
    );
  }

  end(): void {
    if (this.#failures > 0) this.#options.say("The server answers again.");
    this.#failures = 0;
  }
}
