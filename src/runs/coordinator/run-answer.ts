/** A journalled run as the Worker is told of it. */

import { toActionRun } from "../action-run.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import { COORDINATOR_BOOKMARK, type RunAnswer } from "../protocol.ts";
import { isOpen } from "../run.ts";

/** `bookmark`: D1's, where D1 has this version; else null. */
export function toAnswer(run: JournaledRun, replayed: boolean, bookmark: string | null): RunAnswer {
  return {
    ok: true,
    id: run.id,
    actionRun: toActionRun(run),
    status: run.status,
    deadlineAt: run.deadlineAt,
    replayed,
    bookmark: bookmark ?? COORDINATOR_BOOKMARK,
    isOver: !isOpen(run),
  };
}
