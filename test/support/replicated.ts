/** D1 follows a coordinator a moment after it answers. What a test says of D1 must wait for that. */

import type { Coordinator } from "../../src/runs/protocol.ts";
import type { NewRun } from "../../src/runs/run.ts";
import { direct, givenAged, journal, until } from "./direct.ts";
import { rowOf } from "./requests.ts";

/** Waits until D1 has every change of this environment. */
export async function replicated(path: string): Promise<void> {
  await replicatedIn(direct(path));
}

/**
 * The same for the calls of a coordinator. With `isPoked`, no change waits for the interval between batches, nor for a
 * retry. But an alarm that was lost is set, and the next batch registers the coordinator again.
 */
export async function replicatedIn({ upkeep }: Coordinator, isPoked = true): Promise<void> {
  await until(async () => {
    const lacking = await upkeep.lacking({ limit: 1 });
    if (lacking.ok && lacking.ids.length === 0 && !lacking.isStale) return true;
    if (isPoked) await upkeep.poke();
    return false;
  });
}

/** A run's row, with everything in it that was answered before. */
export async function replicatedRow(path: string, id: string): ReturnType<typeof rowOf> {
  await replicated(path);
  return rowOf(id);
}

/** A run in an environment of its own, which D1 has. */
export async function givenReplicated(run?: Partial<NewRun>) {
  const given = await givenAged(run);
  await replicated(given.path);
  return given;
}

/** The id up to which a walk over all runs has come in this database; null if none is under way. */
export async function walkedTo(path: string, database = 0): Promise<string | null> {
  const select = "SELECT value ->> 'walkedTo' AS id FROM metadata WHERE name = ?";
  const [replica] = await journal<{ id: string | null }>(path, select, `replica:${database}`);
  return replica?.id ?? null;
}
