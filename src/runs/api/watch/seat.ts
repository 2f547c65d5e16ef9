/**
 * The seat of a watcher: of a request that waits for news of a run, or of all runs. After each wait the request is authorized again
 * before the news is sent, so a token gets no more news from 30 s after its revocation on (10 minutes while D1 is
 * down).
 */

import type { Context } from "hono";
import { authorize } from "../../../auth/bearer.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";

export type Seat = ReturnType<typeof seatFor>;

/** The first call with `watcher` takes the seat at the coordinator. A client that hangs up leaves it. */
export function seatFor(c: Context<AppEnv>, environment: RunEnvironment) {
  const { id: tokenId, expiresAt } = c.get("principal");
  const watcher = { key: crypto.randomUUID(), tokenId };
  const { signal } = c.req.raw;
  let hasLeft = false;
  const leave = () => {
    if (hasLeft) return;
    hasLeft = true;
    const left = ask(environment, (coordinator) => coordinator.watches.unwatch(watcher.key));
    // Without waitUntil, the platform drops the call together with the request of a client that hung up.
    c.executionCtx.waitUntil(left.catch(() => {}));
  };
  signal.addEventListener("abort", leave, { once: true });
  return {
    watcher,
    /** When the token expires. No wait lasts longer. */
    expiresAt: expiresAt ?? Number.POSITIVE_INFINITY,
    /** Whether the seat was given back. */
    hasLeft: () => hasLeft,
    /** Whether the client hung up. */
    isGone: () => signal.aborted,
    /** Throws if the token no longer opens this environment. */
    authorizeAgain: () => authorize(c, "data:read"),
    /** Gives the seat back. The work goes on after the response. */
    leave,
  };
}
