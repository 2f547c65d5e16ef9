/**
 * The cron behind the alarms: wakes coordinators whose alarm was dropped. It finds them by runs that D1 shows open past their
 * deadline. It also wakes all coordinators in turn, a bounded number at a time.
 */

import type { Env } from "../env.ts";
import { log, logFailure } from "../log.ts";
import { callCoordinator } from "./coordinator-client.ts";
import {
  dropUnkept,
  findOverdue,
  longestUnseen,
  markSeen,
  type SeenCoordinator,
} from "./d1/sweep-queries.ts";
import { ALARM_LATE_MS } from "./protocol.ts";
import { coordinatorName, readRunId } from "./run-id.ts";

/** How often each coordinator is woken. Waking one for nothing costs a request and two writes. */
const ROUND_MS = 600_000;
/** Two machines' clocks differ by no more than this, unless one has stepped back. */
const CLOCKS_DIFFER_MS = 60_000;
const OVERDUE_PER_TICK = 200;
const COORDINATORS_PER_TICK = 20;

export async function sweep(env: Env, now: number): Promise<void> {
  // Awaited only at the end, because D1 may hang on this statement and coordinators must be woken all the same.
  const tidied = dropUnkept(env.DB, now).catch((error: unknown) =>
    logFailure("sweep_failed", error, { step: "drop_unkept" }),
  );
  const [overdue, unseen] = await Promise.all([
    findOverdue(env.DB, now - ALARM_LATE_MS, OVERDUE_PER_TICK),
    longestUnseen(env.DB, now - ROUND_MS, now + CLOCKS_DIFFER_MS, COORDINATORS_PER_TICK),
  ]);
  const owners = overdue.map(({ scope, id }) => ({ scope, n: readRunId(id).coordinator }));
  const late = new Map(owners.map((owner) => [coordinatorName(owner.scope, owner.n), owner]));
  const emptied: SeenCoordinator[] = [];
  const pokes = [
    ...[...late.values()].map(({ scope, n }) => poke(env, scope, n)),
    ...unseen.map(async (coordinator) => {
      if (await poke(env, coordinator.scope, coordinator.n)) emptied.push(coordinator);
    }),
  ];
  const failed = (await Promise.allSettled(pokes)).filter(({ status }) => status === "rejected").length;
  const kept = unseen.filter((coordinator) => !emptied.includes(coordinator));
  if (unseen.length > 0) await markSeen(env.DB, kept, emptied, now);
  if (late.size + failed > 0) log("info", "sweep", { overdue: overdue.length, late: late.size, failed });
  await tidied;
}

function poke(env: Env, scope: string, n: number): Promise<boolean> {
  return callCoordinator(env, { coordinator: 0 }, scope, n, (coordinator) => coordinator.poke());
}
