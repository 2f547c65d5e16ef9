/** How the Worker calls coordinators: each by one counted call, retried once if nobody can know whether it ran. */

import type { Env } from "../settings/env.ts";
import type { Coordinator } from "./protocol.ts";
import { COORDINATORS, coordinatorName } from "./run-id.ts";

/**
 * Every change but a heartbeat carries a key, so a retry gets the same answer. A repeated heartbeat is harmless. Throws
 * what the platform threw.
 */
export async function callCoordinator<T>(
  env: Pick<Env, "COORDINATORS">,
  hops: { coordinator: number },
  scope: string,
  n: number,
  call: (coordinator: Coordinator) => Promise<T>,
): Promise<T> {
  const attempt = () => {
    hops.coordinator++;
    // A new stub each time, because a stub that has thrown stays broken. Cast, because the platform's stub type turns a
    // promise of a union into a union of promises.
    const stub: unknown = env.COORDINATORS.getByName(coordinatorName(scope, n));
    return call(stub as Coordinator);
  };
  try {
    return await attempt();
  } catch (error) {
    // A retry would make an overloaded object worse.
    if (error instanceof Error && "overloaded" in error && error.overloaded === true) throw error;
    return attempt();
  }
}

/** Calls each coordinator from the number `from` on. The promises are in the order of the coordinators' numbers. */
export function callEachCoordinator<T>(
  env: Pick<Env, "COORDINATORS">,
  hops: { coordinator: number },
  scope: string,
  call: (coordinator: Coordinator) => Promise<T>,
  from = 0,
): Promise<T>[] {
  return Array.from({ length: COORDINATORS - from }, (_, i) =>
    callCoordinator(env, hops, scope, from + i, call),
  );
}
