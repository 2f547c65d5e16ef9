/** Asks all coordinators of an environment about its webhook endpoints. */

import type { Hops } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { callCoordinator, callEachCoordinator } from "../runs/coordinator-client.ts";
import type { Coordinator } from "../runs/protocol.ts";
import type { Env } from "../settings/env.ts";

export interface Environment {
  readonly env: Pick<Env, "COORDINATORS">;
  readonly hops: Pick<Hops, "coordinator">;
  readonly scope: string;
}

type Call<T> = (coordinator: Coordinator) => Promise<T>;

const UNREACHABLE = "A part of the environment can't be reached. Try again in a few seconds.";

/** Throws `coordinator_unavailable` with this sentence if one of them can't be reached. */
export async function askAll<T>(
  environment: Environment,
  call: Call<T>,
  sentence = UNREACHABLE,
): Promise<T[]> {
  try {
    return await Promise.all(asked(environment, call));
  } catch (cause) {
    throw new ApiError("coordinator_unavailable", sentence, { cause });
  }
}

/** What those say that can be reached. */
export async function askReachable<T>(environment: Environment, call: Call<T>): Promise<T[]> {
  const settled = await Promise.allSettled(asked(environment, call));
  return settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

/** Asks one coordinator. Throws `coordinator_unavailable`. */
export async function askOne<T>({ env, hops, scope }: Environment, n: number, call: Call<T>): Promise<T> {
  try {
    return await callCoordinator(env, hops, scope, n, call);
  } catch (cause) {
    throw new ApiError("coordinator_unavailable", UNREACHABLE, { cause });
  }
}

function asked<T>({ env, hops, scope }: Environment, call: Call<T>): Promise<T>[] {
  return callEachCoordinator(env, hops, scope, call);
}
