/** Waits for a run's end, by reads that the API answers when it is there. */

import type { ActionRun } from "./api.ts";
import { backoffMs, pause } from "./retry.ts";

/** The longest that the API waits. */
const WAIT_MAX_SECONDS = 60;
/** An answer sooner than asked for by more than this is one of an API that can't wait just now. */
const EARLY_MS = 500;

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** For how long at most, to the second; for ever unless told. */
  readonly timeoutMs?: number | undefined;
}

/** The run once it has ended; as it is when `timeoutMs` have passed. `read` waits for so many seconds. */
export async function waitForEnd(
  read: (seconds: number) => Promise<ActionRun>,
  { signal, timeoutMs = Number.POSITIVE_INFINITY }: WaitOptions,
  retryDelayMs: number,
): Promise<ActionRun> {
  const until = Date.now() + timeoutMs;
  for (let early = 0; ; ) {
    const askedAt = Date.now();
    const seconds = Math.min(Math.max(Math.ceil((until - askedAt) / 1000), 1), WAIT_MAX_SECONDS);
    const run = await read(seconds);
    const now = Date.now();
    if (hasEnded(run) || now >= until) return run;
    const isEarly = now - askedAt < seconds * 1000 - EARLY_MS;
    early = isEarly ? early + 1 : 0;
    if (isEarly) await pause(Math.min(backoffMs(retryDelayMs, early), until - now), signal);
  }
}

function hasEnded({ status }: ActionRun): boolean {
  return status !== "pending" && status !== "running";
}
