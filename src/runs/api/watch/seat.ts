/**
 * The subscription of a request that waits for news of a run, or of all runs. After each wait the request is authorized
 * again before the news is sent, so a token gets no more news from 30 s after its revocation on (10 minutes while D1 is
 * down).
 */

import type { Context } from "hono";
import { authorize } from "../../../auth/bearer.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";

export type Subscription = ReturnType<typeof subscriptionFor>;

/** The first call with `subscriber` subscribes at the coordinator. A client that hangs up is unsubscribed. */
export function subscriptionFor(c: Context<AppEnv>, environment: RunEnvironment) {
  const { id: tokenId, expiresAt } = c.get("principal");
  const subscriber = { key: crypto.randomUUID(), tokenId };
  const { signal } = c.req.raw;
  let hasLeft = false;
  const leave = () => {
    if (hasLeft) return;
    hasLeft = true;
    const left = ask(environment, (coordinator) => coordinator.watches.unwatch(subscriber.key));
    // Without waitUntil, the platform drops the call together with the request of a client that hung up.
    c.executionCtx.waitUntil(left.catch(() => {}));
  };
  signal.addEventListener("abort", leave, { once: true });
  return {
    subscriber,
    /** When the token expires. No wait lasts longer. */
    expiresAt: expiresAt ?? Number.POSITIVE_INFINITY,
    /** Whether the subscription has ended. */
    hasLeft: () => hasLeft,
    /** Whether the client hung up. */
    isGone: () => signal.aborted,
    /** Throws if the token no longer opens this environment. */
    authorizeAgain: () => authorize(c, "data:read"),
    /** Ends the subscription. The call goes on after the response. */
    leave,
  };
}
