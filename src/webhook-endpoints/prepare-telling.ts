/**
 * Tells the coordinators of an environment that it has a webhook endpoint, before D1 has one. Otherwise a run could end
 * after the PUT and be told to nobody.
 */

import type { Hops } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { callCoordinator } from "../runs/coordinator-client.ts";
import { COORDINATORS } from "../runs/run-id.ts";
import type { Env } from "../settings/env.ts";

const UNREACHABLE =
  "A part of the environment can't be reached, so nothing was stored. Try again in a few seconds.";

/** Throws `coordinator_unavailable` if one of them can't be reached. A repetition is harmless. */
export async function prepareTelling(env: Env, hops: Hops, scope: string): Promise<void> {
  const calls = Array.from({ length: COORDINATORS }, (_, n) =>
    callCoordinator(env, hops, scope, n, (coordinator) => coordinator.notify()),
  );
  try {
    await Promise.all(calls);
  } catch (cause) {
    throw new ApiError("coordinator_unavailable", UNREACHABLE, { cause });
  }
}
