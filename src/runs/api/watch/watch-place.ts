/**
 * A request that waits for news of a run: its place at the coordinator, and its right to see the news. After each wait the
 * token is judged again before the news is sent, so a revoked token gets no news more than 30 s later.
 */

import type { Context } from "hono";
import { authorize } from "../../../auth/bearer.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { askAboutRun, type Place } from "../run-place.ts";

export type Watching = ReturnType<typeof beginWatching>;

/** The place is given back by itself when the client hangs up. */
export function beginWatching(c: Context<AppEnv>, place: Place, id: string) {
  const { id: tokenId, expiresAt } = c.get("principal");
  const watcher = { key: crypto.randomUUID(), tokenId };
  const { signal } = c.req.raw;
  let hasLeft = false;
  const leave = () => {
    if (hasLeft) return;
    hasLeft = true;
    const left = askAboutRun(place, id, (stub) => stub.unwatch(watcher.key));
    // Without waitUntil, the platform drops the call together with the request of a client that hung up.
    c.executionCtx.waitUntil(left.catch(() => {}));
  };
  signal.addEventListener("abort", leave, { once: true });
  return {
    watcher,
    /** When the token expires. No wait lasts longer. */
    expiresAt: expiresAt ?? Number.POSITIVE_INFINITY,
    /** Whether the client hung up. */
    isGone: () => signal.aborted,
    /** Throws if the token no longer opens this run. */
    judge: () => authorize(c, "data:read"),
    /** Gives the place back. The work goes on after the response. */
    leave,
  };
}
