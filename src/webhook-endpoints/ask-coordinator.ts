/** Asks the coordinator of an environment about its webhook endpoints. */

import type { Hops } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { callCoordinator } from "../runs/coordinator-client.ts";
import type { EndpointCalls } from "../runs/endpoint-calls.ts";
import type { Env } from "../settings/env.ts";

export interface Environment {
  readonly env: Pick<Env, "COORDINATORS">;
  readonly hops: Pick<Hops, "coordinator">;
  readonly scope: string;
}

/** Throws `coordinator_unavailable`, with this sentence if there is one. */
export async function askCoordinator<T>(
  { env, hops, scope }: Environment,
  call: (endpoints: EndpointCalls) => Promise<T>,
  sentence?: string,
): Promise<T> {
  try {
    return await callCoordinator(env, hops, scope, (coordinator) => call(coordinator.endpoints));
  } catch (cause) {
    throw new ApiError("coordinator_unavailable", sentence, { cause });
  }
}
