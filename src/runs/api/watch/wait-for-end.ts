/** GET …/{id}?wait=: a read that answers when the run has ended. */

import { msSinceOrLongAgo } from "../../../base/time.ts";
import type { Inclusion } from "../../run-answer.ts";
import { mayBeKnown, type ReadRun, recallEndedRun, rememberIfOver } from "../read/reader.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";
import { refusalError } from "../run-response.ts";
import type { Subscription } from "./seat.ts";

/** The longest that one call to a coordinator waits. A longer wait takes several calls. */
const CALL_MAX_MS = 25_000;

interface WaitForEnd extends Inclusion {
  readonly waitMs: number;
  /** Called only if a coordinator may know the run, because ending a subscription wakes the coordinator. */
  readonly subscription: () => Subscription;
}

/**
 * The run as soon as it has ended, or as it is after `waitMs`. Null if the caller must read the run without a wait: the
 * run is remembered, no coordinator knows it, or its coordinator can't be reached. Throws what `authorize` throws.
 */
export async function waitForEnd(
  environment: RunEnvironment,
  id: string,
  { waitMs, include, subscription }: WaitForEnd,
): Promise<ReadRun | null> {
  const startedAt = Date.now();
  const isRemembered = recallEndedRun(environment, id, { include }) !== null;
  if (isRemembered || !(await mayBeKnown(environment, id))) return null;
  const { subscriber, expiresAt, isGone, authorizeAgain, leave } = subscription();
  const leftMs = () => waitMs - msSinceOrLongAgo(startedAt, Date.now());
  const callMaxMs = () => Math.min(CALL_MAX_MS, expiresAt - Date.now());
  try {
    for (;;) {
      const isLast = leftMs() <= callMaxMs();
      const call = ask(environment, (coordinator) => {
        // Computed in here because the call may be repeated, and no wait may last longer than the client asked for.
        const maxMs = Math.max(Math.min(leftMs(), callMaxMs()), 0);
        return coordinator.watches.waitForEnd(id, subscriber, { maxMs, isLast, include });
      });
      const answer = await call.catch(() => null);
      await authorizeAgain();
      if (answer === null) return null;
      if (!answer.ok) {
        if (answer.reason === "run_not_found") return null;
        throw refusalError(answer.reason);
      }
      rememberIfOver(environment, id, answer);
      if (answer.isOver || isLast || isGone()) return answer;
    }
  } catch (error) {
    leave();
    throw error;
  }
}
