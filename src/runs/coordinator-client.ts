/** The Worker's way to a coordinator: one counted call, repeated once if nobody can know whether it ran. */

import type { Env } from "../env.ts";
import type { Coordinator } from "./protocol.ts";
import { coordinatorName } from "./run-id.ts";

/** Every change carries a key, so asking again gives the same answer. Throws what the platform threw. */
export async function callCoordinator<T>(
  env: Pick<Env, "COORDINATORS">,
  hops: { coordinator: number },
  scope: string,
  n: number,
  call: (coordinator: Coordinator) => Promise<T>,
): Promise<T> {
  const attempt = () => {
    hops.coordinator++;
    // A fresh stub each time: one that has thrown stays broken. The platform's stub type says the same as Coordinator, but
    // splits unions into promises of each.
    const stub: unknown = env.COORDINATORS.getByName(coordinatorName(scope, n));
    return call(stub as Coordinator);
  };
  try {
    return await attempt();
  } catch (error) {
    if (isOverloaded(error)) throw error;
    return attempt();
  }
}

/** Asking an overloaded object again makes it worse. */
function isOverloaded(error: unknown): boolean {
  return error instanceof Error && "overloaded" in error && error.overloaded === true;
}
