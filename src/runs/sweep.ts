/**
 * The cron behind the alarms: wakes coordinators whose alarm was dropped. From runs that D1 shows open past their
 * deadline, and round all coordinators in turn, a bounded number each tick.
 */

import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { ALARM_LATE_MS } from "./alarm-clock.ts";
import { callCoordinator } from "./coordinators.ts";
import { readRunId } from "./run-id.ts";
import { dropUnkept, findOverdue, longestUnseen, markSeen, type SeenCoordinator } from "./store.ts";

/** How often each coordinator is looked after; waking one that sleeps well costs a request and two writes. */
const ROUND_MS = 600_000;
const OVERDUE_PER_TICK = 200;
const COORDINATORS_PER_TICK = 20;

export async function sweep(env: Env, now: number): Promise<void> {
  await dropUnkept(env.DB, now);
  const [overdue, unseen] = await Promise.all([
    findOverdue(env.DB, now - ALARM_LATE_MS, OVERDUE_PER_TICK),
    longestUnseen(env.DB, now - ROUND_MS, COORDINATORS_PER_TICK),
  ]);
  const late = new Map<string, { scope: string; n: number }>();
  for (const { scope, id } of overdue) {
    const n = readRunId(id).coordinator;
    late.set(`${scope}/${n}`, { scope, n });
  }
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
}

function poke(env: Env, scope: string, n: number): Promise<boolean> {
  return callCoordinator(env, { d1: 0, coordinator: 0 }, scope, n, (stub) => stub.poke());
}
