/** GET …/{id}?wait=: one read that answers when the run has ended. */

import { msSince } from "../../elapsed.ts";
import { readRunId } from "../run-id.ts";
import { refusalError } from "./answers.ts";
import { askCoordinator } from "./ask-coordinator.ts";
import { recallEnded } from "./ended-runs.ts";
import { mayBeKnown, type Reading, type ReadRun } from "./reader.ts";
import type { Watching } from "./watch-place.ts";

/** How long one call to a coordinator waits; a wait is as many as it needs. */
const CALL_MAX_MS = 25_000;

/**
 * The run once it has ended or `waitMs` have passed; null where no coordinator knows of it. Throws as `judge` does.
 * `begin` is called only if a coordinator may know the run, because giving a place back wakes the coordinator.
 */
export async function waitForEnd(
  from: Reading,
  id: string,
  waitMs: number,
  begin: () => Watching,
): Promise<ReadRun | null> {
  const startedAt = Date.now();
  if (recallEnded(from.scope, id, startedAt) !== null || !(await mayBeKnown(from, id))) return null;
  const watching = begin();
  try {
    return await waitInCalls(from, id, () => waitMs - msSince(startedAt, Date.now()), watching);
  } catch (error) {
    watching.leave();
    throw error;
  }
}

async function waitInCalls(
  { env, hops, scope }: Reading,
  id: string,
  leftMs: () => number,
  { watcher, expiresAt, isGone, judge }: Watching,
): Promise<ReadRun | null> {
  for (;;) {
    const isLast = leftMs() <= Math.min(CALL_MAX_MS, expiresAt - Date.now());
    const call = askCoordinator(env, hops, scope, readRunId(id).coordinator, (stub) =>
      // Computed here because the call may be made twice: no wait may last longer than was asked for.
      stub.waitForEnd(
        id,
        watcher,
        Math.max(Math.min(leftMs(), CALL_MAX_MS, expiresAt - Date.now()), 0),
        isLast,
      ),
    );
    // What is out of reach can't be waited for; D1 may still show the run as it is.
    const answer = await call.catch(() => null);
    await judge();
    if (answer === null) return null;
    if (!answer.ok) {
      if (answer.reason === "run_not_found") return null;
      throw refusalError(answer.reason);
    }
    if (answer.isOver || isLast || isGone()) return answer;
  }
}
