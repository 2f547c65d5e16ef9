/** GET …/{id}?wait=: one read that answers when the run has ended. */

import { msSince } from "../elapsed.ts";
import { refusalError } from "./answers.ts";
import { callCoordinator } from "./coordinators.ts";
import { recallEnded } from "./ended-runs.ts";
import { mayBeKnown, type Reading, type ReadRun } from "./reader.ts";
import { readRunId } from "./run-id.ts";

/** How long one call to a coordinator waits; a wait is as many as it needs. */
const CALL_MAX_MS = 25_000;

/** The run once it has ended or `waitMs` have passed; null where no coordinator knows of it. */
export async function waitForEnd(from: Reading, id: string, waitMs: number): Promise<ReadRun | null> {
  const { env, hops, scope } = from;
  const startedAt = Date.now();
  if (recallEnded(scope, id, startedAt) !== null || !(await mayBeKnown(from, id))) return null;
  const watcher = { key: crypto.randomUUID(), kind: "wait" as const };
  const leftMs = () => Math.max(waitMs - msSince(startedAt, Date.now()), 0);
  for (;;) {
    const isLast = leftMs() <= CALL_MAX_MS;
    const call = callCoordinator(env, hops, scope, readRunId(id).coordinator, (stub) =>
      // Here, for the call may be made twice: no wait may last longer than was asked for.
      stub.waitForEnd(id, watcher, Math.min(leftMs(), CALL_MAX_MS), isLast),
    );
    // What is out of reach can't be waited for; D1 may still show the run as it is.
    const answer = await call.catch(() => null);
    if (answer === null) return null;
    if (!answer.ok) {
      if (answer.reason === "run_not_found") return null;
      throw refusalError(answer.reason);
    }
    if (answer.isOver || isLast) return answer;
  }
}
