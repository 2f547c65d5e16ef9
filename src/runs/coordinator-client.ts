/** The Worker's way to a coordinator: one counted call, repeated once where it can't be known whether it ran. */

import type { Env } from "../env.ts";
import type { Hops } from "../http/hops.ts";
import { unavailable } from "../http/errors.ts";
import type { RunCoordinator } from "./coordinator/coordinator.ts";
import { coordinatorName } from "./run-id.ts";

/** What may be called from outside. The platform's stub type says the same, but splits unions into promises of each. */
type Stub = Pick<
  RunCoordinator,
  | "create"
  | "createFollowed"
  | "recall"
  | "change"
  | "heartbeat"
  | "read"
  | "events"
  | "watch"
  | "waitForEnd"
  | "unwatch"
  | "poke"
  | "resync"
>;

/** Every change carries a key, so asking again gives the same answer. Throws `coordinator_unavailable`. */
export async function callCoordinator<T>(
  env: Pick<Env, "COORDINATORS">,
  hops: Hops,
  scope: string,
  coordinator: number,
  call: (stub: Stub) => Promise<T>,
): Promise<T> {
  const attempt = () => {
    hops.coordinator++;
    // A fresh stub each time: one that has thrown stays broken.
    const stub: unknown = env.COORDINATORS.getByName(coordinatorName(scope, coordinator));
    return call(stub as Stub);
  };
  try {
    try {
      return await attempt();
    } catch (error) {
      if (isOverloaded(error)) throw error;
      return await attempt();
    }
  } catch (error) {
    throw unavailable("coordinator_unavailable", "The run can't be reached just now: try again.", error);
  }
}

/** Asking an overloaded object again makes it worse. */
function isOverloaded(error: unknown): boolean {
  return error instanceof Error && "overloaded" in error && error.overloaded === true;
}
