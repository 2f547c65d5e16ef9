/** Which waiting runs would start if others were cancelled. Reads the journal, and writes nothing. */

import { type QueueState, schedule } from "../../admission.ts";
import type { ConcurrencyQueue } from "../../gates.ts";

/** `queueState`: who is running in a queue, and who is queued. */
export function wouldStart(
  queues: readonly ConcurrencyQueue[],
  cancelled: ReadonlySet<string>,
  queueState: (queue: ConcurrencyQueue) => QueueState,
): number {
  const stays = ({ id }: { readonly id: string }) => !cancelled.has(id);
  const started = queues.map((queue) => {
    const { running, queued, pause } = queueState(queue);
    const after = schedule({ running: running.filter(stays), queued: queued.filter(stays), pause });
    return after.filter(({ type }) => type === "release" || type === "check").length;
  });
  return started.reduce((sum, runs) => sum + runs, 0);
}
