/** GET …/{id}?wait=: a read that answers when the run has ended. */

import { msSince } from "../../../base/time.ts";
import { refusalError } from "../coordinator-answer.ts";
import { mayBeKnown, type ReadRun, recallRun, rememberIfOver } from "../read/reader.ts";
import { askAboutRun, type Place } from "../run-place.ts";
import type { Watching } from "./watch-place.ts";

/** The longest that one call to a coordinator waits. A longer wait takes several calls. */
const CALL_MAX_MS = 25_000;

/**
 * The run as soon as it has ended, or as it is after `waitMs`. Null if the caller must read the run without a wait: it is
 * remembered, no coordinator knows it, or its coordinator can't be reached. Throws as `judge` does. Calls `begin` only if a
 * coordinator may know the run, because giving a place back wakes the coordinator.
 */
export async function waitForEnd(
  place: Place,
  id: string,
  waitMs: number,
  isDetailed: boolean,
  begin: () => Watching,
): Promise<ReadRun | null> {
  const startedAt = Date.now();
  if (recallRun(place, id, isDetailed) !== null || !(await mayBeKnown(place, id))) return null;
  const { watcher, expiresAt, isGone, judge, leave } = begin();
  const leftMs = () => waitMs - msSince(startedAt, Date.now());
  const callMaxMs = () => Math.min(CALL_MAX_MS, expiresAt - Date.now());
  try {
    for (;;) {
      const isLast = leftMs() <= callMaxMs();
      const call = askAboutRun(place, id, (stub) =>
        // Computed in here because the call may be repeated, and no wait may last longer than the client asked for.
        stub.waitForEnd(id, watcher, Math.max(Math.min(leftMs(), callMaxMs()), 0), isLast, isDetailed),
      );
      const answer = await call.catch(() => null);
      await judge();
      if (answer === null) return null;
      if (!answer.ok) {
        if (answer.reason === "run_not_found") return null;
        throw refusalError(answer.reason);
      }
      rememberIfOver(place, id, answer);
      if (answer.isOver || isLast || isGone()) return answer;
    }
  } catch (error) {
    leave();
    throw error;
  }
}
