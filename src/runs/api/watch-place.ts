/**
 * A request that waits for news of a run: its place at the coordinator, and its right to what comes. The token is judged
 * again after each wait, before what came of it is sent: a revoked token gets no news more than 30 s later.
 */

import type { Context } from "hono";
import type { AppEnv } from "../../app-env.ts";
import { authorize } from "../../auth/bearer.ts";
import type { Watcher } from "../protocol.ts";
import { readRunId } from "../run-id.ts";
import { askCoordinator } from "./ask-coordinator.ts";

export interface Watching {
  readonly watcher: Watcher;
  /** No wait goes on after this instant: then the token expires. */
  readonly expiresAt: number;
  /** Whether the client hung up. */
  isGone(): boolean;
  /** Throws if the token no longer opens this place. */
  judge(): Promise<void>;
  /** Gives the place back. Work that goes on after the answer. */
  leave(): void;
}

/** `scope` and `id`: whose news. The place is given back when the client hangs up. */
export function beginWatching(
  c: Context<AppEnv>,
  scope: string,
  id: string,
  kind: Watcher["kind"],
): Watching {
  const { id: tokenId, expiresAt } = c.get("principal");
  const watcher = { key: crypto.randomUUID(), kind, tokenId };
  const { signal } = c.req.raw;
  let hasLeft = false;
  const leave = () => {
    if (hasLeft) return;
    hasLeft = true;
    const left = askCoordinator(c.env, c.get("hops"), scope, readRunId(id).coordinator, (stub) =>
      stub.unwatch(watcher.key),
    );
    // Without this, the platform drops the call together with the request of a client that hung up.
    c.executionCtx.waitUntil(left.catch(() => {}));
  };
  signal.addEventListener("abort", leave, { once: true });
  return {
    watcher,
    expiresAt: expiresAt ?? Number.POSITIVE_INFINITY,
    isGone: () => signal.aborted,
    judge: async () => {
      await authorize(c, "data:read");
    },
    leave,
  };
}
