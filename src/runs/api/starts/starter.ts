/** Makes what a create needs for runs that no request asks for: their actor is on record, and there is no caller. */

import { OPERATOR } from "../../../auth/principal.ts";
import { type TokenState, tokenState } from "../../../auth/token-store.ts";
import { logFailure } from "../../../base/log.ts";
import { within } from "../../../base/time.ts";
import { OutageCache } from "../../../database/outage-cache.ts";
import { readD1 } from "../../../database/read-d1.ts";
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

const TOKENS_MAX = 1000;

/** Per isolate, by project and token. */
const tokenStates = new OutageCache<TokenState>({
  maxWeight: TOKENS_MAX,
  weigh: () => 1,
  namesOf: (_state, key) => [key],
  missingMs: 0,
});

/**
 * Whether the actor's token lives, as far as this isolate knows: a revocation takes effect within 30 s, or within 10
 * minutes while D1 is down. Throws `database_unavailable`.
 */
export async function tokenStateOf(
  { env, hops, scope, waitUntil }: RunEnvironment,
  { tokenId }: Actor,
): Promise<TokenState> {
  if (tokenId === OPERATOR.id) return "living";
  const project = scope.slice(0, scope.lastIndexOf("/"));
  const key = `${project}/${tokenId}`;
  const now = Date.now();
  const read = () => readD1(hops, () => tokenState(env.DB, project, tokenId, now));
  const state = tokenStates.recall(key, now) ?? (await tokenStates.lookUp({ key, now, read }, waitUntil));
  return state ?? "token_revoked";
}

/** How many runs are created at the same time: as many calls as an invocation may have open. */
const AT_ONCE = 6;
/** A run that takes longer is undecided. If each run of a batch hangs, the batch is still answered within its lease. */
const RUN_MAX_MS = 8000;

/** Does this for each item. Null: it failed or took too long, so nobody knows. `failed`: the name of the log line. */
export async function attemptEach<T, R>(
  items: readonly T[],
  one: (item: T) => Promise<R>,
  failed: string,
  shown: (item: T) => Readonly<Record<string, string>>,
): Promise<(R | null)[]> {
  const results: (R | null)[] = [];
  const waiting = items.entries();
  const next = async () => {
    for (const [i, item] of waiting) {
      results[i] = await within(RUN_MAX_MS, one(item)).catch((error: unknown) => {
        logFailure(failed, error, shown(item));
        return null;
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  return results;
}
