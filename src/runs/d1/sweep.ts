import { log } from "../../base/log.ts";
import { DAY_MS, within } from "../../base/time.ts";
import type { Env } from "../../settings/env.ts";
import { ALARM_LATE_MS, callCoordinator } from "../protocol.ts";

/**
 * Cloudflare allows an invocation 1000 requests to objects and to D1 (developers.cloudflare.com/workers/platform/limits).
 * A coordinator takes two if the first fails, so 200 are left for the rest of the cron.
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
  const select = env.DB.prepare(LONGEST_DUE).bind(now - ALARM_LATE_MS, after, COORDINATORS_PER_TICK);
  const { results: due } = await select.all<Registered>();
  if (due.length === 0) return;
  let late = 0;
  let failed = 0;
  const answers = await Promise.all(
    due.map(async (registered) => {
      try {
        const poked = callCoordinator(env, { coordinator: 0 }, registered.scope, ({ upkeep }) => upkeep.poke());
        const at = await within(POKE_MAX_MS, poked);
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

interface Registered {
  readonly scope: string;
  readonly due_at: number;
}

/** An instant behind ?2 was noted before the clock stepped back. Each half walks the index, so nothing is sorted. */
export const LONGEST_DUE = `
  SELECT scope, due_at FROM coordinators WHERE due_at < ?1
  UNION ALL SELECT scope, due_at FROM coordinators WHERE due_at > ?2
  ORDER BY due_at LIMIT ?3`;

const ANSWERS = "SELECT value ->> 0 AS scope, value ->> 1 AS due_at, value ->> 2 AS next FROM json_each(?1)";
/** A batch may have registered since the sweep read. Searches by the key, because many rows can have one instant. */
export const NOTE = `
  UPDATE coordinators INDEXED BY sqlite_autoindex_coordinators_1 SET due_at = answers.next FROM (${ANSWERS}) AS answers
  WHERE coordinators.scope = answers.scope AND coordinators.due_at = answers.due_at`;
export const REMOVE = `
  DELETE FROM coordinators INDEXED BY sqlite_autoindex_coordinators_1
  WHERE (scope, due_at) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))`;

/** `next`: null if the coordinator keeps nothing, so its row goes. */
async function noteNext(
  db: D1Database,
  answers: readonly (Registered & { readonly next: number | null })[],
): Promise<void> {
  const kept = answers.filter(({ next }) => next !== null);
  const empty = answers.filter(({ next }) => next === null);
  const bound = (some: typeof answers) => JSON.stringify(some.map(({ scope, due_at, next }) => [scope, due_at, next]));
  await db.batch([
    ...(kept.length > 0 ? [db.prepare(NOTE).bind(bound(kept))] : []),
    ...(empty.length > 0 ? [db.prepare(REMOVE).bind(bound(empty))] : []),
  ]);
}
