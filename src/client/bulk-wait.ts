/** Waits for a bulk operation's end, which it reads from time to time. */

import type { BulkOperation } from "./api.ts";
import { pause } from "./retry.ts";
import type { WaitOptions } from "./wait.ts";

/** The time between two reads. It doubles, because a few runs take no time, and many take minutes. */
const PAUSE_MIN_MS = 100;
/** Meanwhile the service decides about 40 runs. */
const PAUSE_MAX_MS = 2000;

export interface WaitForBulkOptions extends WaitOptions {
  /** Called with each read of the operation, also the last one, so that you can show how far it is. */
  readonly onProgress?: ((operation: BulkOperation) => void) | undefined;
}

/** Resolves with the operation that has ended, or after `timeoutMs` with one that goes on. */
export async function untilOver(
  read: () => Promise<BulkOperation>,
  { signal, timeoutMs = Number.POSITIVE_INFINITY, onProgress }: WaitForBulkOptions,
): Promise<BulkOperation> {
  const until = Date.now() + timeoutMs;
  for (let pauseMs = PAUSE_MIN_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
    const operation = await read();
    onProgress?.(operation);
    const leftMs = until - Date.now();
    if (isOver(operation) || leftMs <= 0) return operation;
    await pause(Math.min(pauseMs, leftMs), signal);
  }
}

/** An operation that was stopped is over only when its last page is. */
function isOver({ status }: BulkOperation): boolean {
  return status === "completed" || status === "aborted";
}
