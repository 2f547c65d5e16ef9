/** Waits for a run's end, with reads to which the API responds when the run ends. */

import type { ActionRun } from "./api.ts";
import { pause, retryPauseMs } from "./retry.ts";

/** The API's longest wait. */
const WAIT_MAX_SECONDS = 60;
/** If the response comes earlier by more than this, the API can't wait at the moment. */
const EARLY_MS = 500;

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait at most, rounded up to seconds. Default: forever. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Resolves with the ended run, or with the open run after `timeoutMs`. `read`: reads the run, and waits `seconds` for
 * its end.
 */
export async function untilEnd(
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
    if (isEarly) await pause(Math.min(retryPauseMs(retryDelayMs, early), until - now), signal);
  }
}

function hasEnded({ status }: ActionRun): boolean {
  return status !== "pending" && status !== "running";
}
