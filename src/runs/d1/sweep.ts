/**
 * The cron behind the alarms: it wakes coordinators whose alarm was dropped. Each coordinator registers in D1 when
 * something is due there. The sweep calls those whose instant has passed by a minute. A coordinator with nothing due
 * costs nothing.
 */

import { log } from "../../base/log.ts";
import { DAY_MS, within } from "../../base/time.ts";
import type { Env } from "../../settings/env.ts";
import { callCoordinator } from "../coordinator-client.ts";
import { ALARM_LATE_MS } from "../upkeep-calls.ts";
import { longestDue, noteNext, type Registered } from "./sweep-queries.ts";

/**
 * On the paid plan, Cloudflare allows an invocation 1000 requests to objects and to D1, and 10 000 since 2026
 * (developers.cloudflare.com/workers/platform/limits). A coordinator takes two if the first fails, so 200 are left for
 * the rest of the cron. The next minute goes on with the rest.
 */
const COORDINATORS_PER_TICK = 400;
/** An object that does not answer must not keep the sweep from noting what the others said. */
const POKE_MAX_MS = 10_000;
/** The latest instant that is ever noted. Anything later was noted before the clock stepped back. */
const NEXT_MAX_MS = 30 * DAY_MS;
/** Two machines' clocks differ by no more than this, unless one has stepped back. */
const CLOCKS_DIFFER_MS = 60_000;

export async function sweep(env: Env, now: number): Promise<void> {
  const after = now + NEXT_MAX_MS + CLOCKS_DIFFER_MS;
  const due = await longestDue(env.DB, now - ALARM_LATE_MS, after, COORDINATORS_PER_TICK);
  if (due.length === 0) return;
  let late = 0;
  let failed = 0;
  const answers = await Promise.all(
    due.map(async (registered) => {
      try {
        const at = await poke(env, registered);
        if (at !== null && at < now - ALARM_LATE_MS) late++;
        const next = at === null ? null : Math.min(Math.max(at, now), now + NEXT_MAX_MS);
        return { ...registered, next };
      } catch {
        failed++;
        // It is called again after the others, so that coordinators out of reach never take up every sweep.
        return { ...registered, next: now };
      }
    }),
  );
  if (late + failed > 0) log("info", "sweep", { due: due.length, late, failed });
  await noteNext(env.DB, answers);
}

async function poke(env: Env, { scope }: Registered): Promise<number | null> {
  const hops = { coordinator: 0 };
  return within(
    POKE_MAX_MS,
    callCoordinator(env, hops, scope, (coordinator) => coordinator.upkeep.poke()),
  );
}
