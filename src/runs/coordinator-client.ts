/** How the Worker calls a coordinator: by one counted call, repeated once if nobody can know whether it ran. */

import type { Env } from "../settings/env.ts";
import { type Coordinator, type CoordinatorObject, coordinatorOf } from "./protocol.ts";

/**
 * Calls the coordinator of an environment. Every change but a heartbeat carries a key, so a repetition gets the same
 * answer. A repeated heartbeat is harmless. Throws what the platform threw.
 */
export async function callCoordinator<T>(
  env: Pick<Env, "COORDINATORS">,
  hops: { coordinator: number },
  scope: string,
  call: (coordinator: Coordinator) => Promise<T>,
): Promise<T> {
  const attempt = () => {
    hops.coordinator++;
    // A new stub each time, because a stub that has thrown stays broken.
    const stub: unknown = env.COORDINATORS.getByName(scope);
    return call(coordinatorOf(stub as CoordinatorObject));
  };
  try {
    return await attempt();
  } catch (error) {
    // A retry would make an overloaded object worse.
    if (error instanceof Error && "overloaded" in error && error.overloaded === true) throw error;
    return attempt();
  }
}
