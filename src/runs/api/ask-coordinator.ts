/** How a request asks the coordinator of its run: what is out of reach is a 503, and the platform's words go to the log. */

import type { Env } from "../../env.ts";
import { unavailable } from "../../http/errors.ts";
import type { Hops } from "../../http/hops.ts";
import { callCoordinator } from "../coordinator-client.ts";
import type { Coordinator } from "../protocol.ts";

/** `n`: the coordinator's number. Throws `coordinator_unavailable`. */
export async function askCoordinator<T>(
  env: Pick<Env, "COORDINATORS">,
  hops: Hops,
  scope: string,
  n: number,
  ask: (coordinator: Coordinator) => Promise<T>,
): Promise<T> {
  try {
    return await callCoordinator(env, hops, scope, n, ask);
  } catch (error) {
    throw unavailable("coordinator_unavailable", "The run can't be reached just now: try again.", error);
  }
}
