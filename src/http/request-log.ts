/**
 * One log line a request. Its route is a pattern, because a path may contain text that a caller typed. A line costs
 * more than most of a request's work. So an isolate writes a bounded number a second, which keeps a flood of forged
 * tokens cheap. The next line counts the lines that were left out. Errors of the service (5xx) are always written.
 */

import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { log } from "../base/log.ts";
import { LogLimit } from "../base/log-limit.ts";
import type { AppEnv } from "./app-env.ts";

/** The regular expressions of a route's parameters. */
const PATTERNS = /\{[^/]*\}/g;

/** Per isolate. */
const limit = new LogLimit();

export const requestLog: MiddlewareHandler<AppEnv> = async (c, next) => {
  const startedAt = Date.now();
  const hops = { d1: 0, coordinator: 0 };
  c.set("hops", hops);
  await next();
  const now = Date.now();
  const line = limit.next(now, { always: c.res.status >= 500 });
  if (line === null) return;
  log("info", "request", {
    requestId: c.get("requestId"),
    token: c.get("tokenId"),
    session: c.get("sessionId"),
    method: c.req.method,
    route: routePath(c, -1).replaceAll(PATTERNS, ""),
    status: c.res.status,
    durationMs: now - startedAt,
    d1: hops.d1,
    coordinator: hops.coordinator,
    code: c.get("errorCode"),
    ...line,
  });
};
