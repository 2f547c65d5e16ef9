/** Makes what a create needs for runs that no request asks for: their actor is on record, and there is no caller. */

import { within } from "../../../base/time.ts";
import { environmentUrl } from "../../../settings/config.ts";
import type { Env } from "../../../settings/env.ts";
import { type KeyRing, keyRing } from "../../../settings/key-ring.ts";
import type { Actor } from "../../run.ts";
import type { Creation } from "../create-run.ts";
import type { RunEnvironment } from "../run-request.ts";

/** The environment, with keys that can be used. */
export type StartEnvironment = RunEnvironment & { readonly ring: KeyRing };

/** Of a call of the environment's coordinator. Throws if the signing keys can't be used: then no run can be created. */
export function startEnvironment(
  env: Env,
  scope: string,
  waitUntil: (work: Promise<unknown>) => void,
): StartEnvironment {
  const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
  if (!ring.ok) throw new Error("CALLBACK_SIGNING_KEYS can't be used");
  return { env, hops: { d1: 0, coordinator: 0 }, scope, ring: ring.value, waitUntil };
}

/**
 * `key`: see starts.ts. `origin`: of the request that the start goes back to. A callback URL begins with it if PUBLIC_URL
 * is not set. The caller has asked D1 about the actor's token.
 */
export function starterOf(
  environment: StartEnvironment,
  {
    key,
    ...by
  }: { readonly actor: Actor; readonly mustNamePerson: boolean; readonly origin: string; readonly key: string },
): Creation & { readonly key: string } {
  return {
    ...environment,
    ...by,
    runsUrl: `${environmentUrl(environment.env, by.origin, environment.scope)}/action-runs`,
    key,
    traceparent: null,
    requireMayLeave: () => Promise.resolve(),
  };
}

/** How many runs are started at the same time: as many calls as an invocation may have open. */
const AT_ONCE = 6;
/** A run that takes longer is undecided. If each run of a batch hangs, the batch is still answered within its lease. */
const RUN_MAX_MS = 8000;

/** Starts a run for each item. The result of one that is undecided is null, and `undecided` hears why. */
export async function startEach<T, R>(
  items: readonly T[],
  start: (item: T) => Promise<R>,
  undecided: (error: unknown, item: T) => void,
): Promise<(R | null)[]> {
  const results: (R | null)[] = [];
  const waiting = items.entries();
  const startNext = async () => {
    for (const [i, item] of waiting) {
      results[i] = await within(RUN_MAX_MS, start(item)).catch((error: unknown) => {
        undecided(error, item);
        return null;
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, startNext));
  return results;
}
